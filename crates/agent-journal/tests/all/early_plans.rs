//! Steps that start while their plan streams, on a journal.

use std::{
    collections::BTreeSet,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use agent_core::{
    Agent, Conversation, EventKind, Limits, Team,
    budget::Budget,
    conversation::Change,
    script::{Reply, Script},
    tool::Early,
};
use agent_journal::Entry;
use agent_tools::PlanTool;
use serde_json::json;

use crate::common::{Log, Place, start, tool};

/// An agent that writes a plan, with steps of tools that read and of one that acts.
fn team(early: Early) -> (Team, Log) {
    let log = Log::default();
    let plan = json!({"steps": [
        {"id": "a", "tool": "look", "input": {"say": "1", "ms": 3}},
        {"id": "b", "tool": "look", "input": {"say": {"$text": ["after ", {"$from": "a"}]}}},
        {"id": "c", "tool": "look", "input": {"fail": "no"}},
        {"id": "d", "tool": "look", "input": {"say": "4"}, "if_failed": "c"},
        {"id": "e", "tool": "act", "input": {"say": {"$from": "b"}}},
        {"id": "f", "tool": "look", "input": {"say": "6"}}
    ]});
    let model = Script::by(move |request| match request.messages.len() {
        1 => Reply::call("plan", plan.clone()).per_token(Duration::from_millis(1)),
        _ => Reply::text("Done."),
    });
    let agent = Agent::builder("main", model)
        .early(early)
        .tool(tool("look", &log, |spec| spec.read_only = true))
        .tool(tool("act", &log, |spec| spec.idempotent = true))
        .tool(PlanTool::new());
    (Team::new([agent.build().unwrap()]).unwrap(), log)
}

/// Runs or continues the conversation `s`. Returns it, and whether a step started before its plan
/// was whole.
async fn run(place: &Place, (team, log): (Team, Log)) -> (Conversation, Log, bool) {
    let (journal, mut conversation) = (place.open(), start());
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = told.clone();
    let host = journal.host(team, &mut conversation).await.unwrap().listen(move |event| {
        let is_end = matches!(event.kind, EventKind::TurnEnded { .. });
        if is_end || (event.depth > 0 && matches!(event.kind, EventKind::CallStarted { .. })) {
            listener.lock().unwrap().push(is_end);
        }
    });
    assert_eq!(host.run(&mut conversation).await.unwrap().text(), "Done.");
    assert_eq!(journal.conversation("s").unwrap(), conversation, "it is the fold of the journal");
    let is_early = told.lock().unwrap().first() == Some(&false);
    (conversation, log, is_early)
}

/// The keys of the calls whose results are in the journal.
fn recorded(place: &Place) -> BTreeSet<String> {
    let entries = place.open().entries("s").unwrap();
    let recorded = entries.into_iter().filter_map(|(id, entry)| match entry {
        Entry::Change(Change::Recorded { call, .. }) => Some(format!("{id}/{call}")),
        _ => None,
    });
    recorded.collect()
}

#[tokio::test]
async fn early_steps_are_recorded_once_and_not_repeated_from_any_entry() {
    let (late, whole) = (Place::new(), Place::new());
    let (expected, _, is_early) = run(&late, team(Early::Never)).await;
    assert!(!is_early);
    let (conversation, log, is_early) = run(&whole, team(Early::All)).await;
    assert!(is_early, "a step starts while the plan streams");
    assert_eq!(conversation, expected);
    assert!(log.made().values().all(|made| *made == 1), "{:?}", log.made());
    let entries = whole.open().entries("s").unwrap().len();
    assert_eq!(entries, late.open().entries("s").unwrap().len());
    for keep in 1..=entries {
        let place = Place::new();
        std::fs::copy(&whole.path, &place.path).unwrap();
        place.sql(&format!("DELETE FROM entries WHERE seq > {keep}"));
        let recorded = recorded(&place);
        let (conversation, log, _) = run(&place, team(Early::All)).await;
        assert_eq!(conversation, expected, "stopped after entry {keep}");
        let repeated: Vec<_> = log.made().into_keys().filter(|key| recorded.contains(key)).collect();
        assert_eq!(repeated, [""; 0], "finished before entry {keep}, and made again");
    }
}

#[tokio::test]
async fn a_run_that_is_killed_while_a_plan_streams_goes_on_in_another_process() {
    let (expected, ..) = run(&Place::new(), team(Early::All)).await;
    let mut was_early = false;
    for polls in (1..120).step_by(3) {
        let (place, (team_then, log_then)) = (Place::new(), team(Early::All));
        {
            let (journal, mut conversation) = (place.open(), start());
            let host = journal.host(team_then, &mut conversation).await.unwrap();
            let (mut run, mut left) = (host.run(&mut conversation), polls);
            let some_polls = poll_fn(|context| match Pin::new(&mut run).poll(context) {
                Poll::Pending if left > 1 => {
                    left -= 1;
                    Poll::Pending
                }
                _ => Poll::Ready(()),
            });
            some_polls.await;
        }
        let recorded = recorded(&place);
        was_early |= recorded.is_empty() && !log_then.made().is_empty();
        let (conversation, log, _) = run(&place, team(Early::All)).await;
        assert_eq!(conversation, expected, "{polls}");
        let repeated: Vec<_> = log.made().into_keys().filter(|key| recorded.contains(key)).collect();
        assert_eq!(repeated, [""; 0], "{polls}: finished, and made again");
    }
    assert!(was_early, "a run is killed after a step, and before its plan is whole");
}

#[tokio::test]
async fn no_step_starts_early_if_a_budget_must_know_of_it_before() {
    let limits = Limits::new().conversation_budget(Budget::new().output_tokens(90_000));
    let (team, log) = team(Early::All);
    let (_, _, is_early) = run(&Place::new(), (team.with_limits(limits), log)).await;
    assert!(!is_early);
}
