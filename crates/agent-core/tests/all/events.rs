//! What a listener is told.

use std::sync::{Arc, Mutex};

use agent_core::{Conversation, Event, EventKind, EventLog, Timeline, script::Reply};
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{calls, ms, one_turn, team};

fn orchestra() -> (agent_core::Team, agent_core::script::Script, crate::common::Log) {
    let ask = calls([
        ("act", json!({"to": "adder", "task": "1+1?"})),
        ("act", json!({"to": "divider", "task": "1/0?"})),
    ]);
    team([
        ("main", vec![ask.after(ms(300)), Reply::text("2, and no.").after(ms(300))]),
        (
            "adder",
            vec![
                calls([("act", json!({"ms": 20, "say": "2"}))]).after(ms(300)),
                Reply::text("It is 2.").after(ms(300)),
            ],
        ),
        (
            "divider",
            vec![
                calls([("act", json!({"fail": "division by zero"}))]).after(ms(100)),
                Reply::text("It can't be.").after(ms(300)),
            ],
        ),
    ])
}

async fn events() -> Vec<Event> {
    let (team, _, _) = orchestra();
    let mut conversation = Conversation::start("main", "Go.");
    let mut run = team.run(&mut conversation);
    let mut events = Vec::new();
    while let Some(event) = run.next().await {
        events.push(event);
    }
    assert_eq!(run.await.unwrap().text(), "2, and no.");
    events
}

#[tokio::test(start_paused = true)]
async fn the_log_shows_start_and_end_of_each_call_indented_by_depth() {
    let log = EventLog::new(72);
    let lines: Vec<String> = events().await.iter().filter_map(|event| log.line(event)).collect();
    assert_snapshot!(lines.join("\n"), @r#"
    0.300 s  main: > act {"task":"1+1?","to":"adder"}
    0.300 s  main: > act {"task":"1/0?","to":"divider"}
    0.400 s    divider: > act {"fail":"division by zero"}
    0.400 s    divider: < act failed: division by zero
    0.600 s    adder: > act {"ms":20,"say":"2"}
    0.620 s    adder: < act = 2
    0.700 s    divider: answers: It can't be.
    0.700 s  main: < act = It can't be.
    0.920 s    adder: answers: It is 2.
    0.920 s  main: < act = It is 2.
    1.220 s  main: answers: 2, and no.
    "#);
}

#[tokio::test(start_paused = true)]
async fn the_timeline_is_a_bar_a_call_nested_under_its_agent() {
    let timeline = Timeline::new(&events().await);
    let picture = timeline.render(64);
    assert_snapshot!(picture, @"
    main      |██████████████████████████████████████████|    1.22 s
      adder   |          ██████████████████████          |    0.62 s
        act   |                     █                    |    0.02 s
      divider |          ██████████████                  |    0.40 s
        act   |              █                           |    0.00 s
    ");
    assert!(picture.lines().all(|line| line.chars().count() <= 64));
    assert_eq!(timeline.end(), ms(1220));
    let half = timeline.render_to(2 * timeline.end(), 64);
    assert!(half.lines().next().unwrap().contains(&" ".repeat(20)), "{half}");
}

#[tokio::test(start_paused = true)]
async fn a_listener_is_told_what_a_reader_reads() {
    let (team, _, _) = orchestra();
    let told = Arc::new(Mutex::new(Vec::new()));
    let ears = told.clone();
    let mut conversation = Conversation::start("main", "Go.");
    team.run(&mut conversation).listen(move |event| ears.lock().unwrap().push(event.clone())).await.unwrap();
    let read = events().await;
    assert_eq!(*told.lock().unwrap(), read);
}

#[tokio::test(start_paused = true)]
async fn words_are_told_as_they_come_in() {
    let (team, _, _) = one_turn(Reply::text("one two three").per_token(ms(10)));
    let mut conversation = Conversation::start("main", "Go.");
    let mut run = team.run(&mut conversation);
    let mut words = Vec::new();
    while let Some(event) = run.next().await {
        let EventKind::Delta(delta) = &event.kind else { continue };
        words.extend(delta.text().map(|text| (event.at, text.into_owned())));
    }
    assert_eq!(
        words,
        [(ms(10), "one ".to_owned()), (ms(20), "two ".to_owned()), (ms(30), "three".to_owned())]
    );
}
