//! The office at work, on paused time.

use std::time::Duration;

use agent_core::{Context, Conversation, Event, EventKind, Outcome, Tool, event::EventLog, host::Mode};
use agent_timeline::Timeline;
use newcomer::{Clerk, Seats, THINKING, office};

/// What came of a customer's words in an office with one seat: answer, who gave it, events, time.
struct Visit {
    answer: String,
    by: String,
    events: Vec<Event>,
    took: Duration,
}

async fn visit(clerk: Clerk, mode: Mode, words: &str) -> Visit {
    let begun = tokio::time::Instant::now();
    let team = office(clerk, 1).unwrap();
    let mut conversation = Conversation::start("desk", words);
    let mut run = team.run(&mut conversation).mode(mode);
    let mut events = Vec::new();
    while let Some(event) = run.next().await {
        events.push(event);
    }
    let answer = run.await.unwrap().text().to_owned();
    Visit { answer, by: conversation.agent().to_owned(), events, took: begun.elapsed() }
}

fn log(events: &[Event]) -> String {
    let log = EventLog::new(90);
    events.iter().filter_map(|event| log.line(event)).collect::<Vec<_>>().join("\n")
}

#[tokio::test(start_paused = true)]
async fn the_specialists_work_at_once() {
    let Visit { answer, by, events, took } = visit(Clerk::default(), Mode::Concurrent, "Oslo").await;
    assert_eq!(took, 4 * THINKING);
    assert_eq!((answer.as_str(), by.as_str()), ("A seat to Oslo is booked. A room is 120 a night.", "desk"));
    insta::assert_snapshot!(Timeline::new(&events).to_text(60), @"
    desk          |██████████████████████████████████|    4.00 s
      flights     |         █████████████████        |    2.00 s
        book_seat |                 █                |    0.00 s
      hotels      |         █████████████████        |    2.00 s
        room_rate |                 █                |    0.00 s
    ");
    let desk = events.iter().filter(|event| event.depth == 0);
    let pieces = desk.filter_map(|event| match &event.kind {
        EventKind::Delta(delta) => delta.text(),
        _ => None,
    });
    assert!(pieces.eq(answer.split_inclusive(' ')), "the answer was streamed word by word");
    let one_by_one = visit(Clerk::default(), Mode::Sequential, "Oslo").await;
    assert_eq!((one_by_one.answer, one_by_one.took), (answer, 6 * THINKING));
}

#[tokio::test(start_paused = true)]
async fn complaints_takes_over() {
    let Visit { answer, by, events, took } = visit(Clerk::default(), Mode::Concurrent, "My money!").await;
    assert_eq!((answer.as_str(), by.as_str(), took), ("We pay it back.", "complaints", 2 * THINKING));
    insta::assert_snapshot!(log(&events), @r#"
    1.000 s  desk: > handoff {"name":"complaints","reason":"They want money back."}
    2.000 s  desk: < handoff = Transferred to complaints.
    2.000 s  complaints: takes over from desk
    2.000 s  complaints: answers: We pay it back.
    "#);
}

#[tokio::test(start_paused = true)]
async fn the_desk_goes_on_without_complaints() {
    let clerk = Clerk { ill: Some("complaints") };
    let Visit { by, events, took, .. } = visit(clerk, Mode::Concurrent, "My money!").await;
    assert_eq!((by.as_str(), took), ("desk", 3 * THINKING));
    insta::assert_snapshot!(log(&events), @r#"
    1.000 s  desk: > handoff {"name":"complaints","reason":"They want money back."}
    2.000 s  complaints: ! the model's server is overloaded: complaints is ill
    2.000 s  desk: < handoff failed: the model's server is overloaded: complaints is ill
    2.000 s  complaints: ! does not take over from desk: the model's server is overloaded:…
    3.000 s  desk: answers: Sorry: Handoff failed: agent "complaints" got no answer: the m…
    "#);
}

#[tokio::test]
async fn seats_run_out() {
    let seats = Seats::new(1);
    let book = async |city: &str| {
        seats.call(serde_json::json!({"city": city}).into(), Context::by_hand("call")).await
    };
    assert_eq!(book("Oslo").await, Outcome::output("A seat to Oslo is booked."));
    assert_eq!(book("Rome").await, Outcome::error("no seat to Rome is left"));
}
