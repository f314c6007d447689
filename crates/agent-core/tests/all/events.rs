//! The events that a listener gets.

use std::sync::{Arc, Mutex};

use agent_core::{
    Agent, Context, Conversation, Delta, Event, EventKind, Json, Message, Outcome, StopReason, Tool,
    ToolSpec, Usage, async_trait,
    event::{EventLog, QueueReason},
    model::Notice,
    script::{Reply, Script},
};
use agent_timeline::Timeline;
use insta::assert_snapshot;
use serde_json::json;
use tokio::sync::Semaphore;

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
    let picture = timeline.to_text(64);
    assert_snapshot!(picture, @"
    main      |██████████████████████████████████████████|    1.22 s
      adder   |          ██████████████████████          |    0.62 s
        act   |                     █                    |    0.02 s
      divider |          ██████████████                  |    0.40 s
        act   |              █                           |    0.00 s
    ");
    assert!(picture.lines().all(|line| line.chars().count() <= 64));
    assert_eq!(timeline.end(), ms(1220));
    let half = timeline.to_text_on_scale(2 * timeline.end(), 64);
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

#[tokio::test(start_paused = true)]
async fn each_call_that_starts_is_told_to_end_also_if_what_it_led_to_is_refused() {
    let refused = [("act", json!({"to": "nobody"})), ("act", json!({"transfer": "nobody"}))];
    let (team, _, _) = one_turn(calls(refused));
    let mut conversation = Conversation::start("main", "Go.");
    let mut run = team.run(&mut conversation);
    let mut told = Vec::new();
    while let Some(event) = run.next().await {
        match event.kind {
            EventKind::CallStarted { id, .. } => told.push(format!("{id} starts")),
            EventKind::CallEnded { id, is_error, .. } => told.push(format!("{id} ends, failed: {is_error}")),
            EventKind::Delegated { .. } | EventKind::Transferred { .. } => unreachable!("there is nobody"),
            _ => {}
        }
    }
    told.sort();
    assert_eq!(
        told,
        ["call_0_0 ends, failed: true", "call_0_0 starts", "call_0_1 ends, failed: true", "call_0_1 starts"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_timeline_of_two_runs_of_one_conversation_and_of_odd_names_can_be_drawn() {
    let ask = Reply::call("act", json!({"ask": "?"})).and_call("a\u{1b}[31mb", json!({})).after(ms(1000));
    let (team, _, _) = team([("main", vec![ask, Reply::text("\u{1b}]0;Done.")])]);
    let events = Arc::new(Mutex::new(Vec::new()));
    let mut conversation = Conversation::start("main", "Go.");
    for _ in 0..2 {
        let ears = events.clone();
        team.run(&mut conversation)
            .listen(move |event| ears.lock().unwrap().push(event.clone()))
            .await
            .unwrap();
        // The second time there is nothing left to approve.
        let _ = conversation.approve("run/call_0_0");
    }
    let events = events.lock().unwrap();
    let lines: Vec<String> = events.iter().filter_map(|event| EventLog::new(80).line(event)).collect();
    let all = lines.concat() + &Timeline::new(events.iter()).to_text(60).replace('\n', "");
    assert!(!all.chars().any(char::is_control), "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_changes_hands_is_one_row_that_names_them_in_turn() {
    let (team, _, _) = team([
        ("main", vec![calls([("act_first", json!({"transfer": "other"}))]).after(ms(100))]),
        ("other", vec![calls([("act", json!({"ms": 100}))]), Reply::text("Mine.")]),
    ]);
    let mut conversation = Conversation::start("main", "Go.");
    let mut run = team.run(&mut conversation);
    let mut events = Vec::new();
    while let Some(event) = run.next().await {
        events.push(event);
    }
    assert_snapshot!(Timeline::new(&events).to_text(60), @"
    main > other |███████████████████████████████████|    0.20 s
      act_first  |                  █                |    0.00 s
      act        |                  █████████████████|    0.10 s
    ");
}

/// Reports progress a thousand times, then returns.
struct Chatty(ToolSpec, Arc<Semaphore>);

#[async_trait]
impl Tool for Chatty {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, _: Json, context: Context) -> Outcome {
        (1..=1_000).for_each(|n| context.progress(format!("{n} of 1000")));
        self.1.add_permits(1);
        Outcome::output("said")
    }
}

#[tokio::test(start_paused = true)]
async fn field_84_of_progress_that_nobody_reads_the_newest_is_kept_and_the_rest_counted() {
    let told = Arc::new(Semaphore::new(0));
    let spec = |name: &str| ToolSpec::new(name, "Says how it gets on.", json!({"type": "object"}));
    let model = Script::new([Reply::call("a", json!({})).and_call("b", json!({})), Reply::text("Done.")]);
    let agent = Agent::builder("main", model);
    let agent = agent.tool(Chatty(spec("a"), told.clone())).tool(Chatty(spec("b"), told.clone()));
    let (agent, mut conversation) = (agent.build().unwrap(), Conversation::start("main", "Go."));
    let mut run = agent.run(&mut conversation);
    let mut lines = Vec::new();
    while let Some(event) = run.next().await {
        lines.extend(EventLog::new(100).line(&event));
        if lines.len() == 2 && lines[1].contains('>') {
            // Both have begun. Nobody reads events until they have reported all progress.
            told.acquire_many(2).await.unwrap().forget();
        }
    }
    lines.sort();
    assert_snapshot!(lines.join("\n"), @r#"
    0.000 s  main: < a = said
    0.000 s  main: < b = said
    0.000 s  main: > a {}
    0.000 s  main: > b {}
    0.000 s  main: answers: Done.
    0.000 s  main: … a: 1000 of 1000 (999 before it not shown)
    0.000 s  main: … b: 1000 of 1000 (999 before it not shown)
    "#);
    assert!(run.await.is_ok());
}

/// Checks that an event is read back from its JSON, whatever the order of the fields.
fn check_json(kind: EventKind, expected: &str) {
    let written = format!(
        r#"{{"v":1,"at_ms":300.000001,"conversation":"run","depth":1,"agent":"main","kind":{expected}}}"#
    );
    let mut event: Event = serde_json::from_str(&written).unwrap();
    assert_eq!((event.at, &event.kind), (std::time::Duration::from_nanos(300_000_001), &kind), "{expected}");
    assert_eq!(serde_json::to_string(&event).unwrap(), written);
    event.kind = kind;
    let sorted = serde_json::to_string(&reversed(serde_json::from_str(&written).unwrap())).unwrap();
    assert_ne!(sorted, written);
    assert_eq!(serde_json::from_str::<Event>(&sorted).unwrap(), event, "{sorted}");
}

/// The same JSON with the fields of each object in reverse order.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum Reversed {
    Object(indexed::Object),
    Array(Vec<Reversed>),
    Other(serde_json::Value),
}

fn reversed(value: serde_json::Value) -> Reversed {
    match value {
        serde_json::Value::Object(fields) => {
            let mut fields: Vec<(String, Reversed)> =
                fields.into_iter().map(|(name, value)| (name, reversed(value))).collect();
            fields.sort_by(|(one, _), (other, _)| other.cmp(one));
            Reversed::Object(indexed::Object(fields))
        }
        serde_json::Value::Array(values) => Reversed::Array(values.into_iter().map(reversed).collect()),
        other => Reversed::Other(other),
    }
}

mod indexed {
    use serde::{Serialize, Serializer};

    /// The fields of an object, in this order.
    pub(super) struct Object(pub(super) Vec<(String, super::Reversed)>);

    impl Serialize for Object {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
        }
    }
}

#[test]
fn field_77_an_event_is_written_as_json_with_its_kind_and_read_back() {
    let second = std::time::Duration::from_secs(1);
    let input = r#"{"n":123456789012345678901234567890}"#;
    check_json(
        EventKind::TurnStarted { messages: vec![Message::user("Hi.")] },
        r#"{"kind":"turn_started","value":{"messages":[{"role":"user","content":[{"type":"text","text":"Hi."}]}]}}"#,
    );
    check_json(
        EventKind::TurnEnded {
            stop_reason: StopReason::EndTurn,
            calls: 0,
            usage: Usage::default(),
            response: None,
            model: Some("big".into()),
            first_piece: Some(second),
        },
        &format!(
            r#"{{"kind":"turn_ended","value":{{"stop_reason":"end_turn","calls":0,"usage":{},"model":"big","first_piece_ms":1000.0}}}}"#,
            serde_json::to_string(&Usage::default()).unwrap()
        ),
    );
    check_json(
        EventKind::CallQueued { id: "1".into(), tool: "add".into(), why: QueueReason::Exclusive },
        r#"{"kind":"call_queued","value":{"id":"1","tool":"add","why":"exclusive"}}"#,
    );
    check_json(
        EventKind::CallStarted {
            id: "1".into(),
            tool: "add".into(),
            input: Json::read(r#"{"n":1}"#).unwrap(),
        },
        r#"{"kind":"call_started","value":{"id":"1","tool":"add","input":{"n":1}}}"#,
    );
    check_json(
        EventKind::Delta(Delta::words(0, "Hi.")),
        r#"{"kind":"delta","value":{"kind":"piece","value":{"index":0,"piece":{"kind":"text","value":"Hi."}}}}"#,
    );
    check_json(
        EventKind::Delta(Delta::Notice(Notice::Retry {
            attempt: 1,
            wait: second,
            reason: "down".to_owned(),
        })),
        r#"{"kind":"delta","value":{"kind":"notice","value":{"kind":"retry","value":{"attempt":1,"wait_ms":1000.0,"reason":"down"}}}}"#,
    );
    check_json(
        EventKind::Ended(agent_core::End::Answered("Hi.".to_owned())),
        r#"{"kind":"ended","value":{"Answered":"Hi."}}"#,
    );
    // Text of models is passed on unchanged.
    let started = format!(r#"{{"kind":"call_started","value":{{"id":"1","tool":"add","input":{input}}}}}"#);
    let kind: EventKind = serde_json::from_str(&started).unwrap();
    assert_eq!(serde_json::to_string(&kind).unwrap(), started);
}

#[test]
fn what_a_later_version_writes_is_kept_and_written_again() {
    let check = |kind: &str, is_other: fn(&EventKind) -> bool| {
        let written = format!(
            r#"{{"v":2,"at_ms":1.0,"conversation":"run","depth":0,"agent":"main","new":true,"kind":{kind}}}"#
        );
        let event: Event = serde_json::from_str(&written).unwrap();
        assert!(is_other(&event.kind), "{event:?}");
        assert_eq!(serde_json::to_string(&event.kind).unwrap(), kind);
    };
    check(r#"{"kind":"sung"}"#, |kind| matches!(kind, EventKind::Other { value: None, .. }));
    check(
        r#"{"kind":"sung","value":{"n":123456789012345678901234567890}}"#,
        |kind| matches!(kind, EventKind::Other { kind, value: Some(_) } if kind == "sung"),
    );
    check(r#"{"kind":"delta","value":{"kind":"hummed","value":[1]}}"#, |kind| {
        matches!(kind, EventKind::Delta(Delta::Other { .. }))
    });
    check(r#"{"kind":"delta","value":{"kind":"notice","value":{"kind":"rested","value":1}}}"#, |kind| {
        matches!(kind, EventKind::Delta(Delta::Notice(Notice::Other { .. })))
    });
    // What is known must be whole.
    let refused = |kind: &str| serde_json::from_str::<EventKind>(kind).unwrap_err().to_string();
    assert!(refused(r#"{"kind":"call_queued","value":{"id":"1"}}"#).contains("missing field `tool`"));
    assert!(refused(r#"{"kind":"call_queued"}"#).contains("missing field"));
}

#[tokio::test(start_paused = true)]
async fn field_77_each_event_of_a_run_can_be_sent_and_read_back() {
    for event in events().await {
        let written = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&written).unwrap(), event, "{written}");
    }
}
