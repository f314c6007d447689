//! Calls that start while the reply still streams.

use std::sync::{Arc, Mutex};

use agent_core::{
    Agent, BoxStream, Cancel, Conversation, Delta, Event, EventKind, Llm, LlmError, Request, StopReason,
    Team,
    conversation::Call,
    event::EventLog,
    host::{LocalHost, Mode},
    script::{Reply, Script},
};
use futures::{StreamExt, stream};
use insta::assert_snapshot;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::common::{Act, Log, agent, calls, ms};

/// An agent with the common tools and `look`, which only reads and always gives the same result.
fn reader(model: impl Llm + 'static, log: &Log) -> Agent {
    let builder = Agent::builder("main", model)
        .tool(Act::new("look", log).spec(|spec| (spec.read_only, spec.shared) = (true, true)));
    let alone = Act::new("look_alone", log).spec(|spec| (spec.read_only, spec.exclusive) = (true, true));
    builder.tool(alone).tool(Act::new("act", log)).build().unwrap()
}

/// Runs an agent in this mode. Returns the lines of its events, and the conversation.
pub(crate) async fn told(agent: &Agent, mode: Mode) -> (String, Conversation) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let listener = events.clone();
    let mut conversation = Conversation::start("main", "Go.");
    let run = agent.run(&mut conversation).mode(mode);
    let _ = run.listen(move |event| listener.lock().unwrap().push(event.clone())).await;
    let lines: Vec<String> = events.lock().unwrap().iter().filter_map(line).collect();
    (lines.join("\n"), conversation)
}

fn line(event: &Event) -> Option<String> {
    match &event.kind {
        EventKind::TurnEnded { .. } => {
            Some(format!("{:>8.3} s  main: (the reply has ended)", event.at.as_secs_f64()))
        }
        _ => EventLog::new(100).line(event),
    }
}

/// A call of a tool that takes this many milliseconds.
pub(crate) fn call(tool: &'static str, place: usize, milliseconds: u64) -> (&'static str, Value) {
    (tool, json!({"ms": milliseconds, "say": place.to_string()}))
}

/// Checks the events if these calls stream in, one every 100 ms.
async fn check(each: &[(&'static str, u64)], expected: impl FnOnce(&str)) {
    let each = each.iter().enumerate().map(|(place, (tool, milliseconds))| call(tool, place, *milliseconds));
    let reply = calls(each).per_block(ms(100));
    let agent = || reader(Script::new([reply.clone(), Reply::text("Done.")]), &Log::default());
    let (lines, conversation) = told(&agent(), Mode::Concurrent).await;
    expected(&lines);
    let (_, one_by_one) = told(&agent(), Mode::Sequential).await;
    assert_eq!(conversation, one_by_one, "when calls start makes no difference to the conversation");
}

#[tokio::test(start_paused = true)]
async fn eight_blocks_at_100_ms_each_and_the_first_tool_of_800_ms_end_at_1100_ms() {
    let mut eight = [("look", 300); 8];
    eight[0].1 = 800;
    check(&eight, |lines| {
        assert_snapshot!(lines, @r#"
    0.200 s  main: > look {"ms":800,"say":"0"}
    0.300 s  main: > look {"ms":300,"say":"1"}
    0.400 s  main: > look {"ms":300,"say":"2"}
    0.500 s  main: > look {"ms":300,"say":"3"}
    0.600 s  main: > look {"ms":300,"say":"4"}
    0.600 s  main: < look = 1
    0.700 s  main: > look {"ms":300,"say":"5"}
    0.700 s  main: < look = 2
    0.800 s  main: (the reply has ended)
    0.800 s  main: > look {"ms":300,"say":"6"}
    0.800 s  main: > look {"ms":300,"say":"7"}
    0.800 s  main: < look = 3
    0.900 s  main: < look = 4
    1.000 s  main: < look = 0
    1.000 s  main: < look = 5
    1.100 s  main: < look = 6
    1.100 s  main: < look = 7
    1.100 s  main: (the reply has ended)
    1.100 s  main: answers: Done.
    "#)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn only_read_only_tools_start_early() {
    check(&[("look", 50), ("act", 50), ("look", 50)], |lines| {
        assert_snapshot!(lines, @r#"
    0.200 s  main: > look {"ms":50,"say":"0"}
    0.250 s  main: < look = 0
    0.300 s  main: (the reply has ended)
    0.300 s  main: > act {"ms":50,"say":"1"}
    0.300 s  main: > look {"ms":50,"say":"2"}
    0.350 s  main: < look = 2
    0.350 s  main: < act = 1
    0.350 s  main: (the reply has ended)
    0.350 s  main: answers: Done.
    "#)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_early_after_a_call_that_runs_alone() {
    check(&[("look", 50), ("look_alone", 50), ("look", 50)], |lines| {
        assert_snapshot!(lines, @r#"
        0.200 s  main: > look {"ms":50,"say":"0"}
        0.250 s  main: < look = 0
        0.300 s  main: (the reply has ended)
        0.300 s  main: … look_alone waits for other calls to end
        0.300 s  main: … look waits for other calls to end
        0.300 s  main: > look_alone {"ms":50,"say":"1"}
        0.350 s  main: < look_alone = 1
        0.350 s  main: > look {"ms":50,"say":"2"}
        0.400 s  main: < look = 2
        0.400 s  main: (the reply has ended)
        0.400 s  main: answers: Done.
        "#)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_early_where_a_call_that_comes_first_may_follow() {
    let model = Script::new([
        calls([call("look", 0, 50), call("act", 1, 50)]).per_block(ms(100)),
        Reply::text("Done."),
    ]);
    let log = Log::default();
    let agent = agent("main", &model, &log).tool(Act::new("look", &log).spec(|spec| spec.read_only = true));
    let (lines, _) = told(&agent.build().unwrap(), Mode::Concurrent).await;
    assert_snapshot!(lines, @r#"
    0.200 s  main: (the reply has ended)
    0.200 s  main: > look {"ms":50,"say":"0"}
    0.200 s  main: > act {"ms":50,"say":"1"}
    0.250 s  main: < look = 0
    0.250 s  main: < act = 1
    0.250 s  main: (the reply has ended)
    0.250 s  main: answers: Done.
    "#);
}

#[tokio::test(start_paused = true)]
async fn nothing_survives_a_reply_whose_calls_do_not_count() {
    for reason in [StopReason::MaxTokens, StopReason::Refusal, StopReason::PauseTurn, StopReason::Compaction]
    {
        let reply =
            calls([0, 1, 2].map(|place| call("look", place, 5_000))).per_block(ms(100)).stop(reason.clone());
        let (model, log) = (Script::new([reply, Reply::text("Done.")]), Log::default());
        let agent = reader(model, &log);
        let (lines, _) = told(&agent, Mode::Concurrent).await;
        // An aborted task ends when it is polled next.
        tokio::task::yield_now().await;
        assert_eq!((log.begun().len(), log.ended().len(), log.open()), (1, 0, 0), "{reason:?}: {lines}");
        assert!(lines.contains("< look failed: stopped"), "{lines}");
    }
}

/// A backend that yields these pieces, 100 ms apart, and then says "Done.".
pub(crate) struct Pieces(Mutex<Vec<Delta>>);

impl Pieces {
    pub(crate) fn new(pieces: impl IntoIterator<Item = Delta>) -> Self {
        Self(Mutex::new(pieces.into_iter().collect()))
    }
}

impl Llm for Pieces {
    fn stream(&self, _: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let mut pieces = std::mem::take(&mut *self.0.lock().unwrap());
        if pieces.is_empty() {
            pieces = vec![Delta::words(0, "Done."), Delta::stop(StopReason::EndTurn)];
        }
        let paced = stream::iter(pieces).then(async |delta| {
            tokio::time::sleep(ms(100)).await;
            Ok(delta)
        });
        paced.boxed()
    }
}

pub(crate) fn piece(index: usize, id: &str, (tool, input): (&str, Value)) -> Delta {
    Delta::call(index, id, tool, input)
}

#[tokio::test(start_paused = true)]
async fn a_stream_asked_again_reuses_what_had_begun_and_stops_what_it_lacks() {
    let restarted = || Delta::Restarted { reason: "it broke off".to_owned() };
    let model = Pieces(Mutex::new(vec![
        piece(0, "a", call("look", 0, 50)),
        piece(1, "b", call("look", 1, 5_000)),
        piece(2, "c", call("look", 2, 5_000)),
        restarted(),
        piece(0, "d", call("look", 2, 5_000)),
        piece(1, "e", call("look", 0, 50)),
        Delta::stop(StopReason::ToolUse),
    ]));
    let log = Log::default();
    let (lines, conversation) = told(&reader(model, &log), Mode::Concurrent).await;
    assert_snapshot!(lines, @r#"
    0.200 s  main: > look {"ms":50,"say":"0"}
    0.250 s  main: < look = 0
    0.300 s  main: > look {"ms":5000,"say":"1"}
    0.400 s  main: ! starts its reply again: it broke off
    0.600 s  main: > look {"ms":5000,"say":"2"}
    0.700 s  main: < look failed: stopped: its reply does not count
    0.700 s  main: (the reply has ended)
    0.700 s  main: > look {"ms":50,"say":"0"}
    0.700 s  main: < look = 0
    5.600 s  main: < look = 2
    5.800 s  main: (the reply has ended)
    5.800 s  main: answers: Done.
    "#);
    assert_snapshot!(conversation.to_string(), @r#"
    user: Go.
      > d look {"ms":5000,"say":"2"}
      > e look {"ms":50,"say":"0"}
      < d = 2
      < e = 0
    main: Done.
    "#);
    let begun: Vec<String> = log.begun().into_keys().collect();
    assert_eq!(begun, ["run/a", "run/b", "run/d"], "what had finished did not run again");
    assert_eq!(log.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn twins_of_a_turn_share_a_call_and_each_gets_its_result() {
    let twins = || {
        calls([call("look", 0, 100), call("look", 0, 100), call("look_alone", 1, 100), call("look", 0, 100)])
    };
    let (model, log) = (Script::new([twins(), twins(), Reply::text("Done.")]), Log::default());
    let began = Instant::now();
    let (_, conversation) = told(&reader(model, &log), Mode::Concurrent).await;
    assert_snapshot!(conversation.to_string(), @r#"
    user: Go.
      > call_0_0 look {"ms":100,"say":"0"}
      > call_0_1 look {"ms":100,"say":"0"}
      > call_0_2 look_alone {"ms":100,"say":"1"}
      > call_0_3 look {"ms":100,"say":"0"}
      < call_0_0 = 0
      < call_0_1 = 0
      < call_0_2 = 1
      < call_0_3 = 0
      > call_1_0 look {"ms":100,"say":"0"}
      > call_1_1 look {"ms":100,"say":"0"}
      > call_1_2 look_alone {"ms":100,"say":"1"}
      > call_1_3 look {"ms":100,"say":"0"}
      < call_1_0 = 0
      < call_1_1 = 0
      < call_1_2 = 1
      < call_1_3 = 0
    main: Done.
    "#);
    let begun: Vec<String> = log.begun().into_keys().collect();
    let each_turn = ["0_0", "0_2", "0_3", "1_0", "1_2", "1_3"];
    assert_eq!(begun, each_turn.map(|place| format!("run/call_{place}")), "no call is shared over a barrier");
    assert_eq!(began.elapsed(), ms(600));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_mended_starts_early_and_is_made_once() {
    let looks = [json!([1]), json!({"say": "x"}), json!({})].map(|input| ("look.", input));
    let (model, log) = (Script::new([calls(looks).per_block(ms(100)), Reply::text("Done.")]), Log::default());
    let look = Act::new("look_", &log).spec(|spec| (spec.read_only, spec.shared) = (true, true));
    let (lines, _) = told(&Agent::builder("main", model).tool(look).build().unwrap(), Mode::Concurrent).await;
    assert!(lines.contains("0.200 s  main: > look_"), "{lines}");
    assert_eq!((lines.matches("> look_").count(), log.begun().len()), (3, 2), "{lines}");
}

/// A call that the rules refuse has an end event, too.
#[tokio::test(start_paused = true)]
async fn each_call_that_starts_has_one_end_whatever_it_leads_to() {
    let looks = [json!({"to": "nobody"}), json!({"transfer": "nobody"}), json!({"panic": "oh"})];
    let (model, log) =
        (Script::new([calls(looks.map(|input| ("look", input))), Reply::text("Done.")]), Log::default());
    let (lines, _) = told(&reader(model, &log), Mode::Concurrent).await;
    assert_eq!((lines.matches("> look").count(), lines.matches("< look").count()), (3, 3), "{lines}");
}

/// A backend that panics before it streams.
struct Panics;

impl Llm for Panics {
    fn stream(&self, _: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        panic!("no stream")
    }
}

#[tokio::test]
async fn a_backend_that_panics_before_it_streams_fails_as_one_that_does_so_later() {
    let mut conversation = Conversation::start("main", "Go.");
    let failure = reader(Panics, &Log::default()).run(&mut conversation).await.unwrap_err();
    assert!(failure.to_string().contains("no stream"), "{failure}");
}

/// Asks for these calls on a host around the in-process one, which starts those that `may_start`,
/// and waits for them for 1 s. Returns the ids of the calls that were made, and when that was known,
/// in milliseconds.
async fn made_early(each: &[(&'static str, u64)], may_start: &str) -> (String, u128) {
    let each = each.iter().enumerate().map(|(place, (tool, milliseconds))| call(tool, place, *milliseconds));
    let model = Script::new([calls(each).per_block(ms(100))]);
    let team = Team::new([reader(model, &Log::default())]).unwrap();
    let host = LocalHost::new(team).mode(Mode::Sequential);
    let (conversation, began) = (Conversation::start("main", "Go."), Instant::now());
    let may_start = |call: &Call| may_start.contains(&call.call.name);
    let asked = host.ask_early(&conversation, &Cancel::new(), &may_start).await.unwrap();
    let (reply, made) = asked.finish(ms(1_000)).await;
    assert!(reply.is_ok());
    let ids: Vec<String> = made.into_iter().map(|(id, _)| id).collect();
    (ids.join(" "), began.elapsed().as_millis())
}

#[tokio::test(start_paused = true)]
async fn a_host_that_saves_replies_gets_the_early_calls_with_them() {
    let check = async |each: &[(&'static str, u64)], may_start: &str, ids: &str, at: u128| {
        assert_eq!(made_early(each, may_start).await, (ids.to_owned(), at), "{each:?}");
    };
    // The last call begins when the reply ends.
    check(&[("look", 50), ("look", 500)], "look", "call_0_0 call_0_1", 700).await;
    // It waits only so long.
    check(&[("look", 50), ("look", 5_000)], "look", "call_0_0", 1_200).await;
    // Another call must not wait, so what has not ended is stopped.
    check(&[("look", 50), ("look", 500), ("act", 10), ("act", 11)], "look", "call_0_0", 400).await;
    check(&[("look", 50), ("look", 500)], "", "", 200).await;
    // Effects are not for this host to decide.
    check(&[("act", 50), ("look", 50), ("act", 51), ("act", 52)], "look act", "call_0_1", 400).await;
    // Of equal calls that share one execution, the first was made.
    let same = [("look", json!({"ms": 50})), ("look", json!({"ms": 50}))];
    let team = Team::new([reader(Script::new([calls(same)]), &Log::default())]).unwrap();
    let host = LocalHost::new(team).mode(Mode::Sequential);
    let conversation = Conversation::start("main", "Go.");
    let asked = host.ask_early(&conversation, &Cancel::new(), &|_| true).await.unwrap();
    let (_, made) = asked.finish(ms(1_000)).await;
    assert_eq!(made.into_iter().map(|(id, _)| id).collect::<Vec<_>>(), ["call_0_0"]);
}
