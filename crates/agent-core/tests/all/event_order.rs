//! Events come in an order in which a screen can show calls by their ids.

use std::collections::BTreeSet;

use agent_core::{Agent, Block, Conversation, Delta, Event, EventKind, Response, StopReason, tool::Early};
use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

use crate::{
    common::{Act, Log},
    early::Pieces,
};

fn agent(model: impl agent_core::Llm + 'static, early: Early) -> Agent {
    let log = Log::default();
    let act = |name: &str| Act::new(name, &log);
    let builder = Agent::builder("main", model).early(early).tool(act("act"));
    let builder = builder.tool(act("look").spec(|spec| (spec.read_only, spec.shared) = (true, true)));
    builder.tool(act("roll").spec(|spec| spec.read_only = true)).build().unwrap()
}

async fn events(agent: &Agent, conversation: &mut Conversation) -> Vec<Event> {
    let mut run = agent.run(conversation);
    let mut events = Vec::new();
    while let Some(event) = run.next().await {
        events.push(event);
    }
    events
}

fn ids(content: &[Block]) -> Vec<String> {
    content.iter().filter_map(Block::as_tool_use).map(|call| call.id.clone()).collect()
}

/// The id in an event of a call.
fn id_of(kind: &EventKind) -> Option<(&str, &str)> {
    use EventKind::*;
    Some(match kind {
        CallStarted { id, .. } => ("starts", id),
        PlanStarted { id, .. } => ("has a first step", id),
        CallQueued { id, .. } => ("waits for others", id),
        CallProgress { id, .. } => ("gets on", id),
        CallCouldStartEarlier { id, .. } => ("is late", id),
        CallNotMade { id, .. } => ("is not made", id),
        CallDiscarded { id, .. } => ("is not recorded", id),
        CallWaiting { id, .. } => ("waits", id),
        CallEnded { id, .. } => ("ends", id),
        _ => return None,
    })
}

/// The events that have ids, in order.
fn lines(events: &[Event]) -> String {
    let line = |event: &Event| match &event.kind {
        EventKind::Delta(Delta::Block { block, .. }) => {
            Some(format!("{} begins", ids(std::slice::from_ref(block)).join("")))
        }
        EventKind::Delta(Delta::Complete(response)) => {
            Some(format!("all at once: {}", ids(&response.content).join(" ")))
        }
        EventKind::Delta(Delta::Restarted { .. }) => Some("again".to_owned()),
        EventKind::IdReplaced { was, id, .. } => Some(format!("{was:?} is {id}")),
        kind => id_of(kind).map(|(what, id)| format!("{id} {what}")),
    };
    events.iter().filter_map(line).collect::<Vec<_>>().join("\n")
}

fn begins(index: usize, id: &str, tool: &str) -> Delta {
    Delta::call(index, id, tool, json!({"ms": 10, "say": index.to_string()}))
}

fn restarted() -> Delta {
    Delta::Restarted { reason: "it broke off".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn an_id_is_replaced_before_anything_bears_the_new_one() {
    let pieces = [
        begins(0, "", "look"),
        begins(1, "a", "act"),
        restarted(),
        begins(0, "a", "look"),
        begins(1, "a", "look"),
        begins(2, "a b", "act"),
        Delta::stop(StopReason::ToolUse),
    ];
    let told =
        events(&agent(Pieces::new(pieces), Early::ReadOnly), &mut Conversation::start("main", "Go.")).await;
    assert_snapshot!(lines(&told), @r#"
    "" is call_2
    call_2 begins
    a begins
    call_2 starts
    call_2 ends
    again
    a begins
    "a" is a_2
    a_2 begins
    "a b" is call_2
    call_2 begins
    a_2 starts
    a_2 ends
    a starts
    a ends
    call_2 starts
    call_2 ends
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_whole_reply_bears_the_ids_that_its_calls_have() {
    let call = |id: &str| Block::tool_use(id, "act", json!({"say": "x"}));
    let reply = Response::new(vec![Block::text("Hm."), call(""), call("a"), call("a")], StopReason::ToolUse);
    let model = Pieces::new([Delta::complete(reply)]);
    let told = events(&agent(model, Early::ReadOnly), &mut Conversation::start("main", "Go.")).await;
    assert_snapshot!(lines(&told), @r#"
    "" is call_2
    "a" is a_2
    all at once: call_2 a a_2
    call_2 starts
    a starts
    a_2 starts
    call_2 ends
    a ends
    a_2 ends
    "#);
}

#[tokio::test(start_paused = true)]
async fn blocks_that_begin_out_of_order_have_their_last_ids_before_their_calls_start() {
    let pieces = [begins(1, "a", "act"), begins(0, "a", "act"), Delta::stop(StopReason::ToolUse)];
    let told =
        events(&agent(Pieces::new(pieces), Early::ReadOnly), &mut Conversation::start("main", "Go.")).await;
    assert_snapshot!(lines(&told), @r#"
    a begins
    "a" is a_2
    a_2 begins
    "a_2" is a
    "a" is a_2
    a starts
    a_2 starts
    a ends
    a_2 ends
    "#);
}

/// Checks that each event of a call has an id that was shown before, and that no id is replaced by
/// one that was used before.
fn check(events: &[Event]) -> Result<(), TestCaseError> {
    let (mut known, mut new) = (BTreeSet::new(), BTreeSet::new());
    for event in events {
        match &event.kind {
            EventKind::Delta(delta) => {
                let shown = match delta {
                    Delta::Block { block, .. } => ids(std::slice::from_ref(block)),
                    Delta::Complete(response) => ids(&response.content),
                    _ => continue,
                };
                for id in shown {
                    prop_assert!(!id.is_empty());
                    known.insert(id);
                }
            }
            EventKind::IdReplaced { id, .. } => {
                prop_assert!(new.insert(id.clone()) || known.contains(&**id));
                known.insert(id.into());
            }
            kind => {
                if let Some((what, id)) = id_of(kind) {
                    prop_assert!(
                        known.contains(id),
                        "{id} {what}, and nothing told of it:\n{}",
                        lines(events)
                    );
                }
            }
        }
    }
    Ok(())
}

fn delta() -> impl Strategy<Value = (usize, &'static str, &'static str)> {
    let id = prop::sample::select(vec!["", "a", "a", "b", "a_2", "call", "a b", "x"]);
    (0..4_usize, id, prop::sample::select(vec!["act", "look", "roll", "unknown"]))
}

/// Replies with calls, whose blocks are in order or not, and which sometimes start again.
fn reply() -> impl Strategy<Value = Vec<Delta>> {
    let attempt = (prop::collection::vec(delta(), 0..5), any::<bool>());
    let attempts = prop::collection::vec(attempt, 1..4);
    let stop = prop::sample::select(vec![StopReason::ToolUse, StopReason::MaxTokens, StopReason::EndTurn]);
    (attempts, stop, any::<bool>()).prop_map(|(attempts, stop, whole)| {
        let mut deltas = Vec::new();
        for (number, (calls, in_order)) in attempts.into_iter().enumerate() {
            deltas.extend((number > 0).then(restarted));
            let mut places = BTreeSet::new();
            for (at, (place, id, tool)) in calls.into_iter().enumerate() {
                let place = if in_order { at } else { place };
                if places.insert(place) {
                    deltas.push(begins(place, id, tool));
                }
            }
        }
        if whole {
            let content = ["", "a", "a"].map(|id| Block::tool_use(id, "look", json!({})));
            return vec![Delta::complete(Response::new(content.to_vec(), stop))];
        }
        deltas.push(Delta::stop(stop));
        deltas
    })
}

proptest! {
    #[test]
    fn the_events_of_any_run_are_in_an_order_that_a_screen_can_use(
        replies in prop::collection::vec(reply(), 1..4),
        early in prop::sample::select(vec![Early::Never, Early::ReadOnly, Early::All]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut conversation = Conversation::start("main", "Go.");
            for reply in replies {
                let told = events(&agent(Pieces::new(reply), early), &mut conversation).await;
                check(&told)?;
                conversation.say("Again.");
            }
            Ok::<(), TestCaseError>(())
        })?;
    }
}
