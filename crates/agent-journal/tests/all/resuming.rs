//! Runs that continue in another process from wherever they were stopped.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
};

use agent_core::{
    Agent, BoxStream, Conversation, Delta, Llm, LlmError, Outcome, Request, RunError, StopReason, Team,
    Usage,
    conversation::{Call, Change},
    host::drive,
    model::{Counts, LlmErrorKind},
    script::Reply,
};
use agent_journal::{Entry, JournalHost, JournalHostError};
use futures::StreamExt;
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{Log, Place, calls, start, team};

/// Calls that depend on each other: a list, a call for each item, a specialist who needs both
/// results, and a call that is made only because another one failed.
fn plan() -> serde_json::Value {
    json!({"plan": {"steps": [
        {"id": "list", "tool": "act", "input": {"say": "[\"x\", \"y\"]"}},
        {"id": "each", "tool": "act", "for_each": {"$from": "list"}, "input": {"say": {"$item": ""}}},
        {"id": "ask", "tool": "act", "input": {"to": "expert", "why": {"$from": "each"}}},
        {"id": "bad", "tool": "act", "input": {"fail": "no"}},
        {"id": "instead", "tool": "act_once", "input": {"say": "z"}, "if_failed": "bad"}
    ]}})
}

/// Everything that can happen in a run: parallel calls, specialists that make calls and fail, calls
/// that depend on each other, an agent that takes over and does not finish, and one that does. A
/// specialist and the last agent answer by a call.
fn says(agent: &str, turn: usize) -> Reply {
    match (agent, turn) {
        ("main", 0) => calls([
            ("act", json!({"say": "a"})),
            ("act_once", json!({"say": "b"})),
            ("act", json!({"to": "expert"})),
            ("act", json!({"to": "dead"})),
            ("act", json!({"fail": "broken"})),
            ("act", plan()),
        ]),
        ("main", 1) => calls([("act", json!({"say": "never"})), ("act_first", json!({"transfer": "lost"}))]),
        ("expert", 0) => calls([("act_once", json!({"say": "c"})), ("act", json!({"to": "deep"}))]),
        ("expert", _) => Reply::text("Expertly done."),
        ("deep", 0) => calls([("act", json!({"say": "d"}))]),
        ("deep", _) => calls([("act", json!({"answer": "Deeply done."})), ("act", json!({"say": "f"}))]),
        ("lost", 2) => calls([("act", json!({"say": "e"}))]),
        ("lost", 3) => Reply::error(LlmError::new(LlmErrorKind::Server, "down")),
        ("dead", _) => Reply::error(LlmError::new(LlmErrorKind::Server, "dead")),
        ("main", _) => calls([("act", json!({"answer": "All done."})), ("act", json!({"say": "g"}))]),
        other => panic!("{other:?} is not in the script"),
    }
}

const AGENTS: [&str; 5] = ["main", "expert", "deep", "lost", "dead"];

/// Runs or continues the conversation `s`.
async fn run(
    place: &Place,
    change: impl Fn(JournalHost) -> JournalHost,
) -> (Result<Conversation, JournalHostError>, Log) {
    let (team, log) = team(&AGENTS, says);
    let journal = place.open();
    let mut conversation = start();
    let host = change(journal.host(team, &mut conversation).await.unwrap());
    let end = drive(&mut conversation, &host).await;
    assert_eq!(journal.conversation("s").unwrap(), conversation, "it is the fold of the journal");
    (end.map(|_| conversation), log)
}

/// The keys of calls with a result in the journal, and of those that started.
fn known(place: &Place) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut recorded, mut started) = (BTreeSet::new(), BTreeSet::new());
    for (id, entry) in place.open().entries("s").unwrap() {
        match entry {
            Entry::Change(Change::Recorded { call, .. }) => drop(recorded.insert(format!("{id}/{call}"))),
            Entry::Started(call) => drop(started.insert(format!("{id}/{}", call.id))),
            _ => {}
        }
    }
    (recorded, started)
}

/// Stops a run after each entry in turn, and continues it.
async fn from_every_entry(
    check: impl Fn(usize, &Conversation, &Conversation),
    change: impl Fn(JournalHost) -> JournalHost,
) {
    let whole = Place::new();
    let (undisturbed, all) = run(&whole, &change).await;
    let undisturbed = undisturbed.unwrap();
    let entries = whole.open().entries("s").unwrap().len();
    assert!(entries > 20, "{entries}");
    for keep in 1..=entries {
        let place = Place::new();
        std::fs::copy(&whole.path, &place.path).unwrap();
        place.sql(&format!("DELETE FROM entries WHERE seq > {keep}"));
        let (recorded, started) = known(&place);
        let (resumed, log) = run(&place, &change).await;
        check(keep, &undisturbed, &resumed.unwrap());
        let repeated: Vec<_> = log.made().into_keys().filter(|key| recorded.contains(key)).collect();
        assert_eq!(repeated, [""; 0], "finished before entry {keep}, and made again");
        let lost: Vec<_> = all
            .made()
            .into_keys()
            .filter(|key| !started.contains(key) && !recorded.contains(key))
            .filter(|key| !log.made().contains_key(key))
            .collect();
        assert_eq!(lost, [""; 0], "not made after entry {keep}");
    }
}

#[tokio::test]
async fn the_transcript_is_that_of_the_undisturbed_run() {
    let place = Place::new();
    let (conversation, log) = run(&place, |host| host).await;
    assert_snapshot!(conversation.unwrap().to_string(), @r#"
    user: Go.
      > call_0_0 act {"say":"a"}
      > call_0_1 act_once {"say":"b"}
      > call_0_2 act {"to":"expert"}
      > call_0_3 act {"to":"dead"}
      > call_0_4 act {"fail":"broken"}
      > call_0_5 act {"plan":{"steps":[{"id":"list","input":{"say":"[\"x\", \"y\"]"},"tool":"act"},{"for_each":{"$from":"list"},"id":"each","input":{"say":{"$item":""}},"tool":"act"},{"id":"ask","input":{"to":"expert","why":{"$from":"each"}},"tool":"act"},{"id":"bad","input":{"fail":"no"},"tool":"act"},{"id":"instead","if_failed":"bad","input":{"say":"z"},"tool":"act_once"}]}}
      < call_0_0 = a
      < call_0_1 = b
      < call_0_2 = Expertly done.
      < call_0_3 failed: agent "dead" got no answer: the model's server failed: dead
      < call_0_4 failed: broken
      < call_0_5 = {"ask":"Expertly done.","instead":"z"}
      > call_1_0 act {"say":"never"}
      > call_1_1 act_first {"transfer":"lost"}
      < call_1_0 failed: not run: control passed to lost
      < call_1_1 = Transferred to lost.
    -- lost takes over from main
      > call_2_0 act {"say":"e"}
      < call_2_0 = e
    user: lost had taken over, but then: agent "lost" got no answer: the model's server failed: down
    -- main has it back from lost
      > call_3_0 act {"answer":"All done."}
      > call_3_1 act {"say":"g"}
      < call_3_0 = All done.
      < call_3_1 = g
    -- the result of call_3_0 is the answer
    "#);
    assert!(log.made().values().all(|times| *times == 1), "{:?}", log.made());
}

#[tokio::test]
async fn a_run_goes_on_from_every_entry_and_makes_no_finished_call_again() {
    let again = |_: &Call| None;
    let same = |keep: usize, undisturbed: &Conversation, resumed: &Conversation| {
        assert_eq!(resumed, undisturbed, "stopped after entry {keep}");
    };
    from_every_entry(same, |host| host.on_unknown(again)).await;
}

#[tokio::test]
async fn a_call_with_an_unknown_result_that_must_not_be_repeated_is_reported() {
    let seen = RefCell::new(BTreeSet::new());
    let only_unknown = |keep: usize, undisturbed: &Conversation, resumed: &Conversation| {
        let (undisturbed, resumed) = (undisturbed.to_string(), resumed.to_string());
        // A plan in which something failed also says what was carried out.
        let resumed: Vec<&str> =
            resumed.lines().filter(|line| !line.trim().starts_with("| Also carried out: ")).collect();
        let pairs = undisturbed.lines().zip(resumed.iter().copied());
        let others: Vec<(&str, &str)> = pairs.filter(|(one, other)| one != other).collect();
        for (was, is) in others {
            assert!(
                is.contains("failed: outcome unknown: "),
                "stopped after entry {keep}: {was} became {is}"
            );
            seen.borrow_mut().insert(is.trim().to_owned());
        }
        assert_eq!(undisturbed.lines().count(), resumed.len());
    };
    from_every_entry(only_unknown, |host| host).await;
    let seen: Vec<String> = seen.into_inner().into_iter().collect();
    assert_snapshot!(seen.join("\n"), @r#"
    < call_0_1 failed: outcome unknown: the run was stopped while "act_once" was being called; it may have had its effect
    < call_0_5 = {"ask":"Expertly done.","instead":{"error":"step \"instead\" failed: outcome unknown: the run was stopped while \"act_once\" was being called; it may have had its effect"}}
    "#);
}

#[tokio::test]
async fn no_model_is_asked_again_for_what_it_answered() {
    let whole = Place::new();
    let (_, all) = run(&whole, |host| host).await;
    let entries = whole.open().entries("s").unwrap();
    for keep in 1..=entries.len() {
        let place = Place::new();
        std::fs::copy(&whole.path, &place.path).unwrap();
        place.sql(&format!("DELETE FROM entries WHERE seq > {keep}"));
        let (_, log) = run(&place, |host| host).await;
        // The failure of a specialist is recorded as the result of the call that asked it.
        let answers = |(_, entry): &&(String, Entry)| match entry {
            Entry::Change(Change::Recorded { call, .. }) => call == "call_0_3" && !is_delegation(entry),
            Entry::Change(Change::Answered(_) | Change::Failed(_)) => true,
            _ => false,
        };
        let known = entries[..keep].iter().filter(answers).count();
        assert_eq!(log.asked().len() + known, all.asked().len(), "stopped after entry {keep}");
    }
}

fn is_delegation(entry: &Entry) -> bool {
    let Entry::Change(Change::Recorded { done, .. }) = entry else { return false };
    matches!(done.outcome, Outcome::Delegate { .. })
}

#[tokio::test]
async fn the_caller_can_decide_what_happens_to_such_a_call() {
    let ask = |_: &Call| Some(Outcome::Wait { question: "It may have happened. Again?".to_owned() });
    let place = Place::new();
    run(&place, |host| host).await.0.unwrap();
    let all = place.open().entries("s").unwrap();
    let is_started = |(id, entry): &(String, Entry)| id == "s" && matches!(entry, Entry::Started(_));
    let keep = all.iter().position(is_started).unwrap() + 1;
    place.sql(&format!("DELETE FROM entries WHERE seq > {keep}"));
    let (conversation, log) = run(&place, |host| host.on_unknown(ask)).await;
    assert!(conversation.unwrap().to_string().contains("waits for a person: It may have happened. Again?"));
    assert!(!log.made().contains_key("s/call_0_1"));
}

/// A model whose first reply breaks off after its start.
struct BreaksOnce(AtomicBool);

impl Llm for BreaksOnce {
    fn stream(&self, _: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let usage = Counts::from(Usage::new(10, 1));
        let start = Delta::Start { id: None, model: None, usage: usage.into(), extra: [].into() };
        let then = match self.0.swap(true, Ordering::Relaxed) {
            false => Err(LlmError::new(LlmErrorKind::Connection, "reset")),
            true => Ok(Delta::stop(StopReason::EndTurn)),
        };
        futures::stream::iter([Ok(start), then]).boxed()
    }
}

#[tokio::test]
async fn field_53_what_a_request_cost_that_failed_for_good_is_on_the_disk() {
    let agent = Agent::builder("main", BreaksOnce(AtomicBool::default())).build().unwrap();
    let team = Team::new([agent]).unwrap();
    let (place, mut conversation) = (Place::new(), start());
    let journal = place.open();
    let host = journal.host(team, &mut conversation).await.unwrap();
    let error = drive(&mut conversation, &host).await.unwrap_err();
    let JournalHostError::Run(RunError::Model(failure)) = error else { panic!("{error}") };
    assert_eq!(failure.error.usage().broken_off.input_tokens, 10);
    assert_eq!((conversation.usage().input_tokens, conversation.usage().broken_off.input_tokens), (10, 10));
    assert_eq!(journal.conversation("s").unwrap(), conversation);
    drive(&mut conversation, &host).await.unwrap();
    assert_eq!((conversation.usage().input_tokens, conversation.usage().broken_off.input_tokens), (20, 10));
    assert_eq!(journal.conversation("s").unwrap(), conversation);
}
