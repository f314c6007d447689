//! Steps of plans that start while the model still writes the plan.

#![allow(clippy::unwrap_used)]

mod any_end;
mod any_split;
mod begun_call;
mod order;
mod over;
mod paying;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use agent_core::{
    Agent, AgentBuilder, Block, BoxStream, Cancel, Context, Conversation, Delta, Event, EventKind, Json,
    Limits, Llm, LlmError, Outcome, Request, StopReason, Team, Tool, ToolSpec, async_trait,
    event::EventLog,
    model::{LlmErrorKind, Piece},
    tool::{Early, Permits},
};
use agent_tools::{FnTool, NeedsApproval, PlanTool};
use futures::{StreamExt, stream};
use insta::assert_snapshot;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A backend whose replies are these pieces, each with the milliseconds before it. After the last
/// one it says "Done.".
#[derive(Clone, Default)]
struct Paced(Arc<Mutex<VecDeque<Vec<Paused>>>>);

type Paused = (u64, Result<Delta, LlmError>);

impl Llm for Paced {
    fn stream(&self, _: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let done = || ending(vec![(0, Ok(Delta::words(0, "Done.")))], StopReason::EndTurn);
        let pieces = self.0.lock().unwrap().pop_front().unwrap_or_else(done);
        let paced = stream::iter(pieces).then(|(pause, piece)| async move {
            tokio::time::sleep(ms(pause)).await;
            piece
        });
        paced.boxed()
    }
}

fn model(replies: impl IntoIterator<Item = Vec<Paused>>) -> Paced {
    Paced(Arc::new(Mutex::new(replies.into_iter().collect())))
}

/// The call of a plan at this place of a reply, whose text comes in these pieces, one every 100 ms.
fn call(index: usize, id: &str, pieces: &[&str]) -> Vec<Paused> {
    let begun = Delta::Block { index, block: Block::tool_use(id, "plan", json!({})) };
    let pieces = pieces.iter().map(|text| Delta::Piece { index, piece: Piece::Input((*text).to_owned()) });
    let pieces = pieces.map(|piece| (100, Ok(piece)));
    [vec![(0, Ok(begun))], pieces.collect(), vec![(0, Ok(Delta::BlockEnd { index }))]].concat()
}

fn ending(mut pieces: Vec<Paused>, reason: StopReason) -> Vec<Paused> {
    pieces.push((0, Ok(Delta::stop(reason))));
    pieces
}

fn reply(pieces: &[&str]) -> Vec<Paused> {
    ending(call(0, "p", pieces), StopReason::ToolUse)
}

#[derive(Deserialize, JsonSchema)]
struct Look {
    /// What to say after `ms` milliseconds.
    #[serde(default)]
    say: Value,
    #[serde(default)]
    ms: u64,
    #[serde(default)]
    fail: bool,
}

/// How many calls were made, and have ended.
#[derive(Clone, Default)]
struct Count {
    made: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

impl Count {
    fn tool(&self, name: &str) -> FnTool {
        let count = self.clone();
        FnTool::new(name, "Says it after a while.", move |Look { say, ms: pause, fail }: Look| {
            let count = count.clone();
            count.made.fetch_add(1, Ordering::Relaxed);
            async move {
                tokio::time::sleep(ms(pause)).await;
                count.ended.fetch_add(1, Ordering::Relaxed);
                let text = say.as_str().map_or_else(|| say.to_string(), str::to_owned);
                if fail { Err(text) } else { Ok(text) }
            }
        })
    }

    fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }

    fn ended(&self) -> usize {
        self.ended.load(Ordering::Relaxed)
    }
}

fn builder(model: Paced, count: &Count) -> AgentBuilder {
    Agent::builder("main", model)
        .tool(count.tool("look").read_only())
        .tool(count.tool("twin").read_only().shared())
        .tool(count.tool("alone").read_only().exclusive())
        .tool(count.tool("act"))
        .tool(NeedsApproval::new(count.tool("ask").read_only()))
}

/// Runs an agent, and returns the lines of its events and the conversation.
async fn told(team: &Team, cancel: &Cancel) -> (String, Conversation) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let (listener, mut conversation) = (events.clone(), Conversation::start("main", "Go."));
    let run = team.run(&mut conversation).cancelled_by(cancel);
    let _ = run.listen(move |event| listener.lock().unwrap().push(event.clone())).await;
    order::check(&events.lock().unwrap());
    let lines: Vec<String> = events.lock().unwrap().iter().filter_map(line).collect();
    (lines.join("\n"), conversation)
}

fn line(event: &Event) -> Option<String> {
    let at = || format!("{:>8.3} s  main: ", event.at.as_secs_f64());
    match &event.kind {
        EventKind::TurnEnded { .. } => Some(at() + "(the reply has ended)"),
        EventKind::PlanStarted { id, tool } => Some(format!("{}({tool} {id} starts)", at())),
        _ => EventLog::new(100).line(event),
    }
}

fn team(builder: AgentBuilder) -> Team {
    Team::new([builder.build().unwrap()]).unwrap()
}

/// Checks that a plan whose text comes in these pieces gives the same conversation as one whose
/// steps do not start early, and makes as many calls. Returns the events and what the model read.
async fn check(replies: Vec<Vec<Paused>>) -> String {
    let (count, late_count) = (Count::default(), Count::default());
    let early = team(builder(model(replies.clone()), &count).tool(PlanTool::new()));
    let (lines, conversation) = told(&early, &Cancel::new()).await;
    let late = builder(model(replies), &late_count).early(Early::Never).tool(PlanTool::new());
    let (_, unstreamed) = told(&team(late), &Cancel::new()).await;
    assert_eq!(conversation, unstreamed, "{lines}");
    assert_eq!(count.made(), late_count.made(), "{lines}");
    lines
}

#[tokio::test(start_paused = true)]
async fn a_step_starts_when_the_model_has_moved_on_from_it() {
    let lines = check(vec![reply(&[
        r#"{"steps": [{"id": "a", "tool": "look", "input": {"say": 1, "ms": 250}}"#,
        r#", {"id": "b", "tool": "look", "input": {"say": 2, "ms": 250}}"#,
        r#", {"id": "c", "tool": "look", "input": {"say": 3, "ms": 250}}"#,
        r#"], "result": [{"$from": "a"}, {"$from": "b"}"#,
        r#", {"$from": "c"}]}"#,
    ])])
    .await;
    assert_snapshot!(lines, @r#"
    0.200 s  main: (plan p starts)
    0.200 s    main: > look {"say": 1, "ms": 250}
    0.300 s    main: > look {"say": 2, "ms": 250}
    0.400 s    main: > look {"say": 3, "ms": 250}
    0.450 s    main: < look = 1
    0.500 s  main: (the reply has ended)
    0.500 s  main: > plan {"steps": [{"id": "a", "tool": "look", "input": {"say": 1, "ms": 250}}, {"…
    0.550 s    main: < look = 2
    0.650 s    main: < look = 3
    0.650 s    main: answers: [1,2,3]
    0.650 s  main: < plan = [1,2,3]
    0.650 s  main: (the reply has ended)
    0.650 s  main: answers: Done.
    "#);
}

/// A step that calls `tool`, with more fields.
fn step(id: &str, tool: &str, ms: u64, more: &str) -> String {
    format!(r#"{{"id": "{id}", "tool": "{tool}", "input": {{"say": "{id}", "ms": {ms}}}{more}}}"#)
}

/// The pieces of a plan with these steps: one piece each, and then the end.
fn steps<const N: usize>(steps: [String; N]) -> Vec<String> {
    let before = |number| if number == 0 { r#"{"steps": ["# } else { "," };
    let pieces = steps.iter().enumerate().map(|(number, step)| format!("{}{step}", before(number)));
    pieces.chain(["]}".to_owned()]).collect()
}

fn reply_of(pieces: &[String]) -> Vec<Paused> {
    reply(&pieces.iter().map(String::as_str).collect::<Vec<_>>())
}

#[tokio::test(start_paused = true)]
async fn a_chain_of_steps_goes_on_while_the_plan_streams() {
    let result = |id: &str| format!(r#"{{"$text": ["after ", {{"$from": "{id}"}}]}}"#);
    let after = |id: &str, other: &str| {
        format!(r#"{{"id": "{id}", "tool": "look", "input": {{"say": {}, "ms": 50}}}}"#, result(other))
    };
    let mut pieces = steps([step("a", "look", 50, ""), after("b", "a"), after("c", "b")]);
    pieces.truncate(3);
    pieces.extend(["]", r#", "result""#, r#": {"$from""#, r#": "c"}"#, "}"].map(str::to_owned));
    assert_snapshot!(check(vec![reply_of(&pieces)]).await, @r#"
    0.200 s  main: (plan p starts)
    0.200 s    main: > look {"say": "a", "ms": 50}
    0.250 s    main: < look = a
    0.300 s    main: > look {"say":"after a","ms":50}
    0.350 s    main: < look = after a
    0.400 s    main: > look {"say":"after after a","ms":50}
    0.450 s    main: < look = after after a
    0.800 s  main: (the reply has ended)
    0.800 s  main: > plan {"steps": [{"id": "a", "tool": "look", "input": {"say": "a", "ms": 50}},{"…
    0.800 s    main: answers: "after after a"
    0.800 s  main: < plan = "after after a"
    0.800 s  main: (the reply has ended)
    0.800 s  main: answers: Done.
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_names_a_later_one_starts_when_that_has_ended() {
    let last = step("last", "look", 50, r#", "after": ["b", "a", "b"]"#);
    let pieces =
        steps([last, step("a", "look", 20, ""), step("b", "look", 50, ""), step("c", "look", 400, "")]);
    assert_snapshot!(check(vec![reply_of(&pieces)]).await, @r#"
    0.300 s  main: (plan p starts)
    0.300 s    main: > look {"say": "a", "ms": 20}
    0.320 s    main: < look = a
    0.400 s    main: > look {"say": "b", "ms": 50}
    0.450 s    main: < look = b
    0.450 s    main: > look {"say": "last", "ms": 50}
    0.500 s  main: (the reply has ended)
    0.500 s  main: > plan {"steps": [{"id": "last", "tool": "look", "input": {"say": "last", "ms": 5…
    0.500 s    main: > look {"say": "c", "ms": 400}
    0.500 s    main: < look = last
    0.900 s    main: < look = c
    0.900 s    main: answers: {"last":"last","c":"c"}
    0.900 s  main: < plan = {"last":"last","c":"c"}
    0.900 s  main: (the reply has ended)
    0.900 s  main: answers: Done.
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_step_for_a_failure_starts_early_too() {
    let fails = r#"{"id": "a", "tool": "look", "input": {"say": "no", "fail": true}}"#.to_owned();
    let other = step("other", "look", 0, r#", "if_failed": "a""#);
    let either =
        r#"{"id": "either", "tool": "look", "input": {"say": {"$from": ["a", "other"]}}}"#.to_owned();
    let needless = step("needless", "look", 0, r#", "if_failed": "other""#);
    let pieces = steps([fails, other, either, needless, step("last", "look", 0, "")]);
    assert_snapshot!(check(vec![reply_of(&pieces)]).await, @r#"
    0.200 s  main: (plan p starts)
    0.200 s    main: > look {"say": "no", "fail": true}
    0.200 s    main: < look failed: no
    0.300 s    main: > look {"say": "other", "ms": 0}
    0.300 s    main: < look = other
    0.400 s    main: > look {"say":"other"}
    0.400 s    main: < look = other
    0.600 s  main: (the reply has ended)
    0.600 s  main: > plan {"steps": [{"id": "a", "tool": "look", "input": {"say": "no", "fail": true…
    0.600 s    main: > look {"say": "last", "ms": 0}
    0.600 s    main: < look = last
    0.600 s    main: answers: {"either":"other","last":"last"}
    0.600 s  main: < plan = {"either":"other","last":"last"}
    0.600 s  main: (the reply has ended)
    0.600 s  main: answers: Done.
    "#);
}

#[tokio::test(start_paused = true)]
async fn equal_steps_share_a_call_if_their_tool_is_shared() {
    let twin = |id: &str, tool: &str| {
        format!(r#"{{"id": "{id}", "tool": "{tool}", "input": {{"say": "same", "ms": 250}}}}"#)
    };
    let pieces = steps([twin("a", "twin"), twin("b", "twin"), twin("c", "look"), twin("d", "look")]);
    assert_snapshot!(check(vec![reply_of(&pieces)]).await, @r#"
    0.200 s  main: (plan p starts)
    0.200 s    main: > twin {"say": "same", "ms": 250}
    0.400 s    main: > look {"say": "same", "ms": 250}
    0.450 s    main: < twin = same
    0.500 s  main: (the reply has ended)
    0.500 s  main: > plan {"steps": [{"id": "a", "tool": "twin", "input": {"say": "same", "ms": 250}…
    0.500 s    main: > look {"say": "same", "ms": 250}
    0.500 s    main: > twin {"say": "same", "ms": 250}
    0.500 s    main: < twin = same
    0.650 s    main: < look = same
    0.750 s    main: < look = same
    0.750 s    main: answers: {"a":"same","b":"same","c":"same","d":"same"}
    0.750 s  main: < plan = {"a":"same","b":"same","c":"same","d":"same"}
    0.750 s  main: (the reply has ended)
    0.750 s  main: answers: Done.
    "#);
}

#[tokio::test(start_paused = true)]
async fn two_plans_of_a_reply_have_their_own_steps_also_with_one_id() {
    let pieces = steps([step("a", "look", 50, ""), step("b", "look", 50, r#", "after": ["a"]"#)]);
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    let twice = [call(0, "p", &pieces), call(1, "p", &pieces)].concat();
    assert_snapshot!(check(vec![ending(twice, StopReason::ToolUse)]).await, @r#"
    0.200 s  main: (plan p starts)
    0.200 s    main: > look {"say": "a", "ms": 50}
    0.250 s    main: < look = a
    0.300 s    main: > look {"say": "b", "ms": 50}
    0.350 s    main: < look = b
    0.500 s  main: (plan p_2 starts)
    0.500 s    main: > look {"say": "a", "ms": 50}
    0.550 s    main: < look = a
    0.600 s  main: (the reply has ended)
    0.600 s  main: > plan {"steps": [{"id": "a", "tool": "look", "input": {"say": "a", "ms": 50}},{"…
    0.600 s  main: > plan {"steps": [{"id": "a", "tool": "look", "input": {"say": "a", "ms": 50}},{"…
    0.600 s    main: > look {"say": "b", "ms": 50}
    0.600 s    main: answers: b
    0.600 s  main: < plan = b
    0.650 s    main: < look = b
    0.650 s    main: answers: b
    0.650 s  main: < plan = b
    0.650 s  main: (the reply has ended)
    0.650 s  main: answers: Done.
    "#);
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_early_after_a_step_that_runs_alone_and_no_step_with_effects_or_a_question() {
    let pieces = steps([
        step("a", "act", 50, ""),
        step("b", "look", 50, ""),
        step("c", "look", 50, r#", "after": ["b"]"#),
        step("d", "alone", 50, ""),
        step("e", "look", 50, ""),
        step("f", "look", 50, ""),
    ]);
    assert_snapshot!(check(vec![reply_of(&pieces)]).await, @r#"
    0.300 s  main: (plan p starts)
    0.300 s    main: > look {"say": "b", "ms": 50}
    0.350 s    main: < look = b
    0.400 s    main: > look {"say": "c", "ms": 50}
    0.450 s    main: < look = c
    0.700 s  main: (the reply has ended)
    0.700 s  main: > plan {"steps": [{"id": "a", "tool": "act", "input": {"say": "a", "ms": 50}},{"i…
    0.700 s    main: > act {"say": "a", "ms": 50}
    0.750 s    main: < act = a
    0.750 s    main: > alone {"say": "d", "ms": 50}
    0.800 s    main: < alone = d
    0.800 s    main: > look {"say": "e", "ms": 50}
    0.800 s    main: > look {"say": "f", "ms": 50}
    0.850 s    main: < look = e
    0.850 s    main: < look = f
    0.850 s    main: answers: {"a":"a","c":"c","d":"d","e":"e","f":"f"}
    0.850 s  main: < plan = {"a":"a","c":"c","d":"d","e":"e","f":"f"}
    0.850 s  main: (the reply has ended)
    0.850 s  main: answers: Done.
    "#);
    let [d, e] = ["d", "e"].map(|id| step(id, "look", 50, ""));
    let pieces = steps([step("b", "look", 50, ""), step("c", "alone", 50, ""), d, e]);
    let lines = check(vec![reply_of(&pieces)]).await;
    let (before, _) = lines.split_once("(the reply has ended)").unwrap();
    assert!(!before.contains("> alone") && before.matches("> look").count() == 1, "{lines}");
    let pieces = steps([step("a", "ask", 50, ""), step("b", "look", 50, ""), step("c", "look", 50, "")]);
    assert_snapshot!(check(vec![reply_of(&pieces)]).await, @r#"
    0.300 s  main: (plan p starts)
    0.300 s    main: > look {"say": "b", "ms": 50}
    0.350 s    main: < look = b
    0.400 s  main: (the reply has ended)
    0.400 s  main: > plan {"steps": [{"id": "a", "tool": "ask", "input": {"say": "a", "ms": 50}},{"i…
    0.400 s    main: > look {"say": "c", "ms": 50}
    0.400 s    main: > ask {"say": "a", "ms": 50}
    0.400 s    main: ? May "ask" be called with {"say": "a", "ms": 50}? (run/p/a)
    0.450 s    main: < look = c
    0.450 s    main: ends: waiting for a person: May "ask" be called with {"say": "a", "ms": 50}? (r…
    0.450 s  main: ends: waiting for a person: May "ask" be called with {"say": "a", "ms": 50}? (run…
    "#);
}

/// A step that is made for each item of this list.
fn each(list: &str, fail: bool) -> String {
    let input = format!(r#"{{"say": {{"$item": ""}}, "ms": 150, "fail": {fail}}}"#);
    format!(r#"{{"id": "each", "tool": "look", "for_each": {list}, "input": {input}}}"#)
}

#[tokio::test(start_paused = true)]
async fn a_step_for_each_item_starts_early_and_so_does_what_needs_it() {
    let list = r#"{"id": "a", "tool": "look", "input": {"say": [1, 2]}}"#.to_owned();
    let next = r#"{"id": "next", "tool": "look", "input": {"say": {"$from": "each"}}}"#.to_owned();
    let pieces = steps([list, each(r#"{"$from": "a"}"#, false), next, step("b", "look", 0, "")]);
    let mut pieces = pieces.to_vec();
    pieces.insert(4, " ".to_owned());
    assert_snapshot!(check(vec![reply_of(&pieces)]).await, @r#"
    0.200 s  main: (plan p starts)
    0.200 s    main: > look {"say": [1, 2]}
    0.200 s    main: < look = [1,2]
    0.300 s    main: > look {"say": {"$item": ""}, "ms": 150, "fail": false}
    0.300 s      main: > look {"say":1,"ms":150,"fail":false}
    0.300 s      main: > look {"say":2,"ms":150,"fail":false}
    0.450 s      main: < look = 1
    0.450 s      main: < look = 2
    0.450 s    main: > look {"say":[1,2]}
    0.450 s    main: < look = [1,2]
    0.600 s  main: (the reply has ended)
    0.600 s  main: > plan {"steps": [{"id": "a", "tool": "look", "input": {"say": [1, 2]}},{"id": "e…
    0.600 s    main: > look {"say": "b", "ms": 0}
    0.600 s    main: < look = b
    0.600 s      main: answers: [1,2]
    0.600 s    main: < look = [1,2]
    0.600 s    main: answers: {"next":[1,2],"b":"b"}
    0.600 s  main: < plan = {"next":[1,2],"b":"b"}
    0.600 s  main: (the reply has ended)
    0.600 s  main: answers: Done.
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_step_for_each_item_can_have_no_items_or_only_failures() {
    let other = || step("b", "look", 0, r#", "if_failed": "each""#);
    for (list, fail) in [("[]", false), ("[1, 2]", true), ("7", false)] {
        let pieces = steps([each(list, fail), other(), step("c", "look", 300, ""), step("d", "look", 0, "")]);
        check(vec![reply_of(&pieces)]).await;
    }
    // An input that is no object is an error of its item.
    let odd = r#"{"id": "each", "tool": "look", "for_each": [1, {"ms": 1}], "input": {"$item": ""}}"#;
    let no = odd.replace("[1, {\"ms\": 1}]", "[1, 2]");
    for odd in [odd.to_owned(), no] {
        let pieces = steps([odd, other(), step("c", "look", 300, ""), step("d", "look", 0, "")]);
        check(vec![reply_of(&pieces)]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn steps_for_each_item_are_stopped_with_their_plan() {
    let mut pieces = steps([each("[1, 2]", false), step("b", "look", 0, "")]).to_vec();
    pieces.pop();
    let told =
        told_only(vec![ending(call(0, "p", &[&pieces[0], &pieces[1], " "]), StopReason::MaxTokens)]).await;
    assert_snapshot!(told, @r#"
       0.200 s  main: (plan p starts)
       0.200 s    main: > look {"say": {"$item": ""}, "ms": 150, "fail": false}
       0.200 s      main: > look {"say":1,"ms":150,"fail":false}
       0.200 s      main: > look {"say":2,"ms":150,"fail":false}
       0.300 s      main: < look failed: stopped: its reply does not count
       0.300 s      main: < look failed: stopped: its reply does not count
       0.300 s    main: < look failed: stopped: its reply does not count
       0.300 s  main: < plan failed: stopped: its reply does not count
       0.300 s  main: (the reply has ended)
       0.300 s  main: ends: the reply was cut: max_tokens
    [2 made, 0 ended]
    user: Go.
      > p plan {"INVALID_JSON":"{\"steps\": [{\"id\": \"each\", \"tool\": \"look\", \"for_each\": [1, 2], \"input\": {\"say\": {\"$item\": \"\"}, \"ms\": 150, \"fail\": false}},{\"id\": \"b\", \"tool\": \"look\", \"input\": {\"say\": \"b\", \"ms\": 0}} "}
    (p open)
    "#);
    let wrong = steps([each("[1, 2]", false), step("each", "look", 0, "")]);
    assert_snapshot!(told_only(vec![reply_of(&wrong)]).await, @r#"
       0.200 s  main: (plan p starts)
       0.200 s    main: > look {"say": {"$item": ""}, "ms": 150, "fail": false}
       0.200 s      main: > look {"say":1,"ms":150,"fail":false}
       0.200 s      main: > look {"say":2,"ms":150,"fail":false}
       0.300 s  main: (the reply has ended)
       0.300 s  main: > plan {"steps": [{"id": "each", "tool": "look", "for_each": [1, 2], "input": {"s…
       0.300 s      main: < look failed: stopped: its plan is not carried out
       0.300 s      main: < look failed: stopped: its plan is not carried out
       0.300 s    main: < look failed: stopped: its plan is not carried out
       0.300 s  main: < plan failed: the plan is not carried out: two steps have the id "each"
       0.300 s  main: (the reply has ended)
       0.300 s  main: answers: Done.
    [2 made, 0 ended]
    user: Go.
      > p plan {"steps": [{"id": "each", "tool": "look", "for_each": [1, 2], "input": {"say": {"$item": ""}, "ms": 150, "fail": false}},{"id": "each", "tool": "look", "input": {"say": "each", "ms": 0}}]}
      < p failed: the plan is not carried out: two steps have the id "each"
    main: Done.
    "#);
}

#[tokio::test(start_paused = true)]
async fn steps_wait_for_permits_and_count_for_the_limits() {
    let count = Count::default();
    let pieces = steps(["a", "b", "c", "d"].map(|id| step(id, "one", 150, "")));
    let one = count.tool("one").read_only().permits(Permits::new(1));
    let early = builder(model([reply_of(&pieces)]), &count).tool(one).tool(PlanTool::new());
    let limits = Limits::default().calls(4);
    let (lines, _) = told(&team(early).with_limits(limits), &Cancel::new()).await;
    assert_snapshot!(lines, @r#"
    0.200 s  main: (plan p starts)
    0.200 s    main: > one {"say": "a", "ms": 150}
    0.300 s    main: … one waits for other calls to end
    0.350 s    main: > one {"say": "b", "ms": 150}
    0.350 s    main: < one = a
    0.400 s    main: … one waits for other calls to end
    0.500 s  main: (the reply has ended)
    0.500 s  main: > plan {"steps": [{"id": "a", "tool": "one", "input": {"say": "a", "ms": 150}},{"…
    0.500 s    main: … one waits for other calls to end
    0.500 s    main: > one {"say": "c", "ms": 150}
    0.500 s    main: < one = b
    0.650 s    main: > one {"say": "d", "ms": 150}
    0.650 s    main: < one failed: not run: the limit of 4 tool calls per run is reached
    0.650 s    main: < one = c
    0.650 s    main: answers: {"a":"a","b":"b","c":"c","d":{"error":"step \"d\" failed: not run: the…
    0.650 s  main: < plan = {"a":"a","b":"b","c":"c","d":{"error":"step \"d\" failed: not run: the l…
    0.650 s  main: (the reply has ended)
    0.650 s  main: answers: Done.
    "#);
}

#[tokio::test(start_paused = true)]
async fn what_a_plan_with_enough_does_not_need_is_stopped() {
    let pieces = [
        steps([step("a", "look", 150, ""), step("b", "look", 5_000, "")]).concat().replace("]}", ","),
        step("c", "look", 5_000, r#", "after": ["a"]"#),
        r#"], "enough": 1, "result""#.to_owned(),
        r#": {"$from": ["a", "b"]}}"#.to_owned(),
    ];
    assert_snapshot!(told_only(vec![reply_of(&pieces)]).await, @r#"
       0.100 s  main: (plan p starts)
       0.100 s    main: > look {"say": "a", "ms": 150}
       0.100 s    main: > look {"say": "b", "ms": 5000}
       0.250 s    main: < look = a
       0.300 s    main: > look {"say": "c", "ms": 5000}
       0.400 s  main: (the reply has ended)
       0.400 s  main: > plan {"steps": [{"id": "a", "tool": "look", "input": {"say": "a", "ms": 150}},{…
       5.100 s    main: < look = b
       5.100 s    main: < look failed: cancelled
       5.100 s    main: answers: "a"\nStep "c" was stopped: cancelled
       5.100 s  main: < plan = "a"\nStep "c" was stopped: cancelled
       5.100 s  main: (the reply has ended)
       5.100 s  main: answers: Done.
    [3 made, 2 ended]
    user: Go.
      > p plan {"steps": [{"id": "a", "tool": "look", "input": {"say": "a", "ms": 150}},{"id": "b", "tool": "look", "input": {"say": "b", "ms": 5000}},{"id": "c", "tool": "look", "input": {"say": "c", "ms": 5000}, "after": ["a"]}], "enough": 1, "result": {"$from": ["a", "b"]}}
      < p = "a"
      | Step "c" was stopped: cancelled
    main: Done.
    "#);
    let pieces = [
        format!(
            r#"{{"enough": 1, "steps": [{}, {},"#,
            step("a", "look", 50, ""),
            step("b", "look", 5_000, "")
        ),
        step("c", "look", 5_000, ""),
        "]".to_owned(),
        "}".to_owned(),
    ];
    assert_snapshot!(told_only(vec![reply_of(&pieces)]).await, @r#"
       0.100 s  main: (plan p starts)
       0.100 s    main: > look {"say": "a", "ms": 50}
       0.100 s    main: > look {"say": "b", "ms": 5000}
       0.150 s    main: < look = a
       0.300 s    main: > look {"say": "c", "ms": 5000}
       0.400 s  main: (the reply has ended)
       0.400 s  main: > plan {"enough": 1, "steps": [{"id": "a", "tool": "look", "input": {"say": "a", …
       0.400 s    main: < look failed: cancelled
       0.400 s    main: < look failed: cancelled
       0.400 s    main: answers: a\nStep "b" was stopped: cancelled\nStep "c" was stopped: cancelled
       0.400 s  main: < plan = a\nStep "b" was stopped: cancelled\nStep "c" was stopped: cancelled
       0.400 s  main: (the reply has ended)
       0.400 s  main: answers: Done.
    [3 made, 1 ended]
    user: Go.
      > p plan {"enough": 1, "steps": [{"id": "a", "tool": "look", "input": {"say": "a", "ms": 50}}, {"id": "b", "tool": "look", "input": {"say": "b", "ms": 5000}},{"id": "c", "tool": "look", "input": {"say": "c", "ms": 5000}}]}
      < p = a
      | Step "b" was stopped: cancelled
      | Step "c" was stopped: cancelled
    main: Done.
    "#);
}

#[tokio::test(start_paused = true)]
async fn what_a_plan_does_not_come_to_is_stopped() {
    let each = each("[1, 2]", false).replace("{\"id\"", r#"{"after": ["b"], "id""#);
    let pieces = [
        steps([step("a", "look", 0, ""), step("b", "look", 50, "")]).concat().replace("]}", ","),
        format!("{},{each},", step("c", "look", 5_000, r#", "after": ["b"]"#)),
        format!("{}]", step("d", "act", 5_000, "")),
        r#", "enough": 1}"#.to_owned(),
    ];
    assert_snapshot!(told_only(vec![reply_of(&pieces)]).await, @r#"
       0.100 s  main: (plan p starts)
       0.100 s    main: > look {"say": "a", "ms": 0}
       0.100 s    main: > look {"say": "b", "ms": 50}
       0.100 s    main: < look = a
       0.150 s    main: < look = b
       0.200 s    main: > look {"say": {"$item": ""}, "ms": 150, "fail": false}
       0.200 s    main: > look {"say": "c", "ms": 5000}
       0.200 s      main: > look {"say":1,"ms":150,"fail":false}
       0.200 s      main: > look {"say":2,"ms":150,"fail":false}
       0.350 s      main: < look = 1
       0.350 s      main: < look = 2
       0.400 s  main: (the reply has ended)
       0.400 s  main: > plan {"steps": [{"id": "a", "tool": "look", "input": {"say": "a", "ms": 0}},{"i…
       0.400 s    main: > act {"say": "d", "ms": 5000}
       0.400 s    main: < act failed: cancelled
       0.400 s    main: < look failed: stopped: its plan does not need it
       0.400 s    main: < look failed: stopped: its plan does not need it
       0.400 s    main: answers: {"a":"a","b":"b"}\nStep "d" was stopped: cancelled
       0.400 s  main: < plan = {"a":"a","b":"b"}\nStep "d" was stopped: cancelled
       0.400 s  main: (the reply has ended)
       0.400 s  main: answers: Done.
    [5 made, 4 ended]
    user: Go.
      > p plan {"steps": [{"id": "a", "tool": "look", "input": {"say": "a", "ms": 0}},{"id": "b", "tool": "look", "input": {"say": "b", "ms": 50}},{"id": "c", "tool": "look", "input": {"say": "c", "ms": 5000}, "after": ["b"]},{"after": ["b"], "id": "each", "tool": "look", "for_each": [1, 2], "input": {"say": {"$item": ""}, "ms": 150, "fail": false}},{"id": "d", "tool": "act", "input": {"say": "d", "ms": 5000}}], "enough": 1}
      < p = {"a":"a","b":"b"}
      | Step "d" was stopped: cancelled
    main: Done.
    "#);
}

/// Like `check`, for replies of which not all steps count. Afterwards none of them runs.
async fn told_only(replies: Vec<Vec<Paused>>) -> String {
    let count = Count::default();
    let team = team(builder(model(replies), &count).tool(PlanTool::new()));
    let (lines, conversation) = told(&team, &Cancel::new()).await;
    // An aborted task ends when it is polled next.
    tokio::task::yield_now().await;
    let (made, ended) = (count.made(), count.ended());
    tokio::time::sleep(ms(60_000)).await;
    assert_eq!(count.ended(), ended, "nothing runs any more");
    format!("{lines}\n[{made} made, {ended} ended]\n{conversation}")
}

/// The pieces of four steps, of which the last is not complete. One ends soon, and one runs long.
fn unfinished() -> [String; 4] {
    let all = [step("a", "look", 50, ""), step("b", "look", 5_000, ""), step("c", "look", 0, "")];
    let [a, b, c] = &steps(all)[..3] else { panic!("there are three") };
    [a.clone(), b.clone(), c.clone(), String::new()]
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_cut_or_refused_stops_its_steps() {
    for reason in [StopReason::MaxTokens, StopReason::Refusal, StopReason::PauseTurn] {
        let pieces = unfinished();
        let pieces = pieces.each_ref().map(String::as_str);
        let told = told_only(vec![ending(call(0, "p", &pieces), reason.clone())]).await;
        assert!(told.contains("[2 made, 1 ended]"), "{reason:?}: {told}");
        if reason == StopReason::MaxTokens {
            assert_snapshot!(told, @r#"
               0.200 s  main: (plan p starts)
               0.200 s    main: > look {"say": "a", "ms": 50}
               0.250 s    main: < look = a
               0.300 s    main: > look {"say": "b", "ms": 5000}
               0.400 s    main: < look failed: stopped: its reply does not count
               0.400 s  main: < plan failed: stopped: its reply does not count
               0.400 s  main: (the reply has ended)
               0.400 s  main: ends: the reply was cut: max_tokens
            [2 made, 1 ended]
            user: Go.
              > p plan {"INVALID_JSON":"{\"steps\": [{\"id\": \"a\", \"tool\": \"look\", \"input\": {\"say\": \"a\", \"ms\": 50}},{\"id\": \"b\", \"tool\": \"look\", \"input\": {\"say\": \"b\", \"ms\": 5000}},{\"id\": \"c\", \"tool\": \"look\", \"input\": {\"say\": \"c\", \"ms\": 0}}"}
            (p open)
            "#);
        }
        assert!(told.contains("< look failed: stopped: its reply does not count"), "{reason:?}: {told}");
        assert!(told.contains("< plan failed: stopped: its reply does not count"), "{reason:?}: {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_breaks_off_or_starts_again_stops_its_steps() {
    let pieces = unfinished();
    let mut broken = call(0, "p", &pieces.each_ref().map(String::as_str));
    broken.pop();
    let mut again = broken.clone();
    again.push((0, Ok(Delta::Restarted { reason: "it broke off".to_owned() })));
    again.extend(reply_of(&steps([step("a", "look", 50, ""), step("c", "look", 0, "")])));
    assert_snapshot!(told_only(vec![again]).await, @r#"
       0.200 s  main: (plan p starts)
       0.200 s    main: > look {"say": "a", "ms": 50}
       0.250 s    main: < look = a
       0.300 s    main: > look {"say": "b", "ms": 5000}
       0.400 s  main: ! starts its reply again: it broke off
       0.400 s    main: < look failed: stopped: its reply does not count
       0.400 s  main: < plan failed: stopped: its reply does not count
       0.600 s  main: (plan p starts)
       0.600 s    main: > look {"say": "a", "ms": 50}
       0.650 s    main: < look = a
       0.700 s  main: (the reply has ended)
       0.700 s  main: > plan {"steps": [{"id": "a", "tool": "look", "input": {"say": "a", "ms": 50}},{"…
       0.700 s    main: > look {"say": "c", "ms": 0}
       0.700 s    main: < look = c
       0.700 s    main: answers: {"a":"a","c":"c"}
       0.700 s  main: < plan = {"a":"a","c":"c"}
       0.700 s  main: (the reply has ended)
       0.700 s  main: answers: Done.
    [4 made, 3 ended]
    user: Go.
      > p plan {"steps": [{"id": "a", "tool": "look", "input": {"say": "a", "ms": 50}},{"id": "c", "tool": "look", "input": {"say": "c", "ms": 0}}]}
      < p = {"a":"a","c":"c"}
    main: Done.
    "#);
    broken.push((0, Err(LlmError::new(LlmErrorKind::Server, "it broke off"))));
    assert_snapshot!(told_only(vec![broken]).await, @r#"
       0.200 s  main: (plan p starts)
       0.200 s    main: > look {"say": "a", "ms": 50}
       0.250 s    main: < look = a
       0.300 s    main: > look {"say": "b", "ms": 5000}
       0.400 s    main: < look failed: stopped: its reply does not count
       0.400 s  main: < plan failed: stopped: its reply does not count
       0.400 s  main: ! the model's server failed: it broke off
    [2 made, 1 ended]
    user: Go.
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_cannot_be_carried_out_stops_its_steps() {
    let good = || step("a", "look", 5_000, "");
    for wrong in [
        steps([good(), step("a", "look", 0, ""), step("b", "look", 0, "")]),
        steps([good(), step("b", "nothing", 0, ""), step("c", "look", 0, "")]),
        steps([good(), step("b", "look", 0, r#", "after": ["nobody"]"#)]),
        steps([
            good(),
            step("b", "look", 0, r#", "after": ["c"]"#),
            step("c", "look", 0, r#", "after": ["b"]"#),
        ]),
        steps([good(), r#"{"id": "b", "tool": "look", "input": []}"#.to_owned(), step("c", "look", 0, "")]),
        steps([good(), r#"{"id": "b"}"#.to_owned(), step("c", "look", 0, "")]),
        steps([good(), r#"{"id": "b", "tool": "look"]"#.to_owned(), step("c", "look", 0, "")]),
        vec![steps([good()]).concat().replace("]}", "], "), steps([good(), good()]).concat().split_off(1)],
        vec![steps([good()]).concat().replace("]}", r#"], "other": 1}"#)],
        vec![steps([good()]).concat(), "}".to_owned()],
    ] {
        let told = told_only(vec![reply_of(&wrong)]).await;
        assert!(told.contains("[1 made, 0 ended]"), "{told}");
        assert!(told.contains("< look failed: stopped: its plan is not carried out"), "{told}");
        assert!(told.contains("< plan failed: "), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_stops_its_steps() {
    let pieces = steps([step("a", "look", 5_000, ""), step("b", "look", 50, ""), step("c", "look", 0, "")]);
    let (count, cancel) = (Count::default(), Cancel::new());
    let team = team(builder(model([reply_of(&pieces)]), &count).tool(PlanTool::new()));
    let later = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(ms(280)).await;
        later.all();
    });
    let (lines, _) = told(&team, &cancel).await;
    assert_snapshot!(lines, @r#"
    0.200 s  main: (plan p starts)
    0.200 s    main: > look {"say": "a", "ms": 5000}
    0.280 s    main: < look failed: cancelled
    0.280 s  main: < plan failed: stopped: its reply does not count
    0.280 s  main: ! cancelled
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_single_step_can_be_cancelled_while_the_plan_streams() {
    let pieces = steps([
        step("a", "look", 5_000, ""),
        step("b", "look", 0, r#", "if_failed": "a""#),
        step("c", "look", 0, ""),
    ]);
    let (count, cancel) = (Count::default(), Cancel::new());
    let team = team(builder(model([reply_of(&pieces)]), &count).tool(PlanTool::new()));
    let later = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(ms(280)).await;
        assert!(later.call("run/p/a"));
    });
    let (lines, _) = told(&team, &cancel).await;
    assert_snapshot!(lines, @r#"
    0.200 s  main: (plan p starts)
    0.200 s    main: > look {"say": "a", "ms": 5000}
    0.280 s    main: < look failed: cancelled
    0.300 s    main: > look {"say": "b", "ms": 0}
    0.300 s    main: < look = b
    0.400 s  main: (the reply has ended)
    0.400 s  main: > plan {"steps": [{"id": "a", "tool": "look", "input": {"say": "a", "ms": 5000}},…
    0.400 s    main: > look {"say": "c", "ms": 0}
    0.400 s    main: < look = c
    0.400 s    main: answers: {"b":"b","c":"c"}
    0.400 s  main: < plan = {"b":"b","c":"c"}
    0.400 s  main: (the reply has ended)
    0.400 s  main: answers: Done.
    "#);
}

/// A tool whose calls are made before the others of their reply, as handoffs are.
struct First(ToolSpec);

#[async_trait]
impl Tool for First {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, _: Json, _: Context) -> Outcome {
        Outcome::output("first")
    }
}

#[tokio::test(start_paused = true)]
async fn no_step_starts_early_after_a_call_that_runs_alone_or_where_one_may_come_first() {
    let pieces = steps([step("a", "look", 50, ""), step("b", "look", 50, "")]);
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    let is_early = |lines: &str| lines.split_once("(the reply has ended)").unwrap().0.contains("> look");
    let alone = (0, Ok(Delta::call(0, "x", "alone", json!({}))));
    let after_it = ending([vec![alone], call(1, "p", &pieces)].concat(), StopReason::ToolUse);
    assert!(!is_early(&check(vec![after_it]).await));
    for (name, may_be) in [("other", true), ("first", false)] {
        let mut spec = ToolSpec::new(name, "Is made.", json!({"type": "object"}));
        spec.runs_first = name == "first";
        let early = builder(model([reply(&pieces)]), &Count::default()).tool(First(spec));
        let (lines, _) = told(&team(early.tool(PlanTool::new())), &Cancel::new()).await;
        assert_eq!(is_early(&lines), may_be, "{lines}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_step_of_a_plan_that_needs_approval_starts_early() {
    let pieces = steps([step("a", "look", 50, ""), step("b", "look", 50, "")]);
    let count = Count::default();
    let builder = builder(model([reply_of(&pieces)]), &count).tool(NeedsApproval::new(PlanTool::new()));
    let (lines, _) = told(&team(builder), &Cancel::new()).await;
    assert_snapshot!(lines, @r#"
    0.300 s  main: (the reply has ended)
    0.300 s  main: > plan {"steps": [{"id": "a", "tool": "look", "input": {"say": "a", "ms": 50}},{"…
    0.300 s  main: ? May "plan" be called with {"steps": [{"id": "a", "tool": "look", "input": {"say…
    0.300 s  main: ends: waiting for a person: May "plan" be called with {"steps": [{"id": "a", "too…
    "#);
}
