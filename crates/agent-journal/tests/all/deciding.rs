//! Decisions about calls of a run that goes on, from this process and from others.

use std::{sync::Arc, time::Duration};

use agent_core::{
    Agent, Context, Conversation, End, EventKind, Json, Outcome, Team, Tool, ToolSpec, async_trait,
    script::Reply,
};
use agent_journal::Journal;
use insta::assert_snapshot;
use serde_json::{Value, json};
use tokio::{sync::Semaphore, time::timeout};

use crate::common::{Log, Place, calls, start, tool};

/// A tool whose calls end when `all` permits were added.
struct Until {
    spec: ToolSpec,
    permits: Arc<Semaphore>,
    all: u32,
}

#[async_trait]
impl Tool for Until {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, _: Json, _: Context) -> Outcome {
        let permits = self.permits.acquire_many(self.all).await.unwrap();
        permits.forget();
        Outcome::output("waited")
    }
}

/// A team whose first reply makes these calls. Its tool `until` ends when `all` permits were added.
fn team(reply: Reply, all: u32) -> (Team, Log, Arc<Semaphore>) {
    let (log, permits) = (Log::default(), Arc::new(Semaphore::new(0)));
    let schema = json!({"type": "object"});
    let spec = ToolSpec::new("until", "Waits for the others.", schema);
    let model = agent_core::script::Script::by(move |request| {
        match (
            &*request.agent,
            request.messages.iter().any(|message| message.tool_results().next().is_some()),
        ) {
            ("main", false) => reply.clone(),
            ("clerk", false) => calls([
                ("act", json!({"ask": "File?", "say": "filed"})),
                ("act", json!({"ask": "Send?", "say": "sent"})),
            ]),
            _ => Reply::text("Done."),
        }
    });
    let agent = |name: &str| {
        let until = Until { spec: spec.clone(), permits: permits.clone(), all };
        let once = tool("act_once", &log, |_| ());
        let act = tool("act", &log, |spec| spec.idempotent = true);
        Agent::builder(name, model.clone()).tool(act).tool(once).tool(until).build().unwrap()
    };
    let team = Team::new([agent("main"), agent("clerk")]).unwrap();
    (team, log, permits)
}

/// Runs the session. `decide` is called with the key of each call that waits, while the run goes on.
/// Each call that has ended adds a permit.
async fn run(
    journal: &Journal,
    (team, permits): (Team, Arc<Semaphore>),
    conversation: &mut Conversation,
    decide: impl AsyncFn(&str),
) -> (End, String) {
    let host = journal.host(team, conversation).await.unwrap();
    let (mut run, mut told) = (host.run(conversation), Vec::new());
    let running = async {
        while let Some(event) = run.next().await {
            let of = &event.conversation;
            match &event.kind {
                EventKind::CallWaiting { key, .. } => {
                    told.push(format!("{key} waits"));
                    decide(key).await;
                }
                EventKind::CallEnded { id, result, .. } => {
                    told.push(format!("{of}/{id} = {result}"));
                    permits.add_permits(1);
                }
                EventKind::Ended(End::Waiting(_)) if event.depth == 0 => told.push("it waits".to_owned()),
                _ => {}
            }
        }
        run.await.unwrap()
    };
    // Without a decision that the run takes up, it would never end.
    let end = timeout(Duration::from_secs(60), running).await.expect("the run takes up what was decided");
    told.sort();
    (end, told.join("\n"))
}

/// Two calls wait for a person, and two of a delegated conversation. `until` waits until all of them
/// and the delegation have ended.
fn reply() -> Reply {
    calls([
        ("act_once", json!({"ask": "Pay?", "say": "paid"})),
        ("until", json!({})),
        ("act_once", json!({"ask": "Sell?", "say": "sold"})),
        ("act", json!({"to": "clerk"})),
    ])
}

async fn decide(journal: &Journal, key: &str) {
    match key {
        "s/call_0_2" | "s/call_0_3/call_0_1" => journal.deny(key, "no").await.unwrap(),
        _ => journal.approve(key).await.unwrap(),
    }
}

#[tokio::test]
async fn a_run_that_goes_on_takes_up_decisions_of_this_process_and_of_others() {
    for same in [true, false] {
        let place = Place::new();
        let (journal, other) = (place.open(), place.open());
        let deciding = if same { &journal } else { &other };
        let (team, log, permits) = team(reply(), 5);
        let mut conversation = start();
        let decide = async |key: &str| decide(deciding, key).await;
        let (end, told) = run(&journal, (team, permits), &mut conversation, decide).await;
        assert_eq!(end.text(), "Done.", "{told:?}");
        assert_eq!(log.made()["s/call_0_0"], 2, "to ask, and approved");
        insta::allow_duplicates! {
            assert_snapshot!(told, @r#"
            s/call_0_0 = paid
            s/call_0_0 waits
            s/call_0_1 = waited
            s/call_0_2 = denied: no
            s/call_0_2 waits
            s/call_0_3 = Done.
            s/call_0_3/call_0_0 = filed
            s/call_0_3/call_0_0 waits
            s/call_0_3/call_0_1 = denied: no
            s/call_0_3/call_0_1 waits
            "#);
            assert_snapshot!(conversation.to_string(), @r#"
            user: Go.
              > call_0_0 act_once {"ask":"Pay?","say":"paid"}
              > call_0_1 until {}
              > call_0_2 act_once {"ask":"Sell?","say":"sold"}
              > call_0_3 act {"to":"clerk"}
              < call_0_0 = paid
              < call_0_1 = waited
              < call_0_2 failed: denied: no
              < call_0_3 = Done.
            main: Done.
            "#);
        }
        assert_eq!(other.conversation("s").unwrap(), conversation);
    }
}

/// The calls that must not be made twice, and have started without a result.
fn unknown_calls(entries: &[Value]) -> Vec<&str> {
    let mut unknown = Vec::new();
    for entry in entries.iter().filter(|entry| entry["path"] == "") {
        match (entry["kind"].as_str(), entry["call"].as_str()) {
            (Some("started"), Some(call)) => unknown.push(call),
            (Some("recorded"), Some(call)) => unknown.retain(|other| *other != call),
            _ => {}
        }
    }
    unknown
}

/// A line of a transcript, without the result if it is that of one of these calls.
fn unknown_in(line: &str, calls: &[&str]) -> String {
    let result_of = |call: &&&str| line.starts_with(&format!("  < {call} "));
    calls.iter().find(result_of).map_or_else(|| line.to_owned(), |call| format!("{call} is unknown"))
}

#[tokio::test]
async fn from_each_entry_a_run_goes_on_to_the_same_end_and_makes_no_call_twice() {
    let place = Place::new();
    let mut whole = start();
    let journal = place.open();
    let (team_of_all, _, permits) = team(reply(), 5);
    run(&journal, (team_of_all, permits), &mut whole, async |key| decide(&journal, key).await).await;
    let exported: Value = serde_json::from_str(&journal.export("s").unwrap()).unwrap();
    let all = exported["entries"].as_array().unwrap();
    assert!(all.len() > 20, "{exported}");
    for entries in 1..all.len() {
        let (place, mut cut) = (Place::new(), exported.clone());
        cut["entries"].as_array_mut().unwrap().truncate(entries);
        let cut = cut.to_string();
        let journal = place.open();
        journal.import(&cut, None).await.unwrap();
        let known = journal.conversation("s").unwrap();
        let waiting: Vec<String> = known.waiting().into_iter().map(|waiting| waiting.key).collect();
        let (team, log, permits) = team(reply(), 0);
        for key in waiting {
            decide(&journal, &key).await;
        }
        let mut conversation = known.clone();
        let decide = async |key: &str| decide(&journal, key).await;
        let mut end = End::Waiting(Vec::new());
        // All others may end before the last decision.
        for _ in 0..4 {
            if matches!(end, End::Waiting(_)) {
                (end, _) = run(&journal, (team.clone(), permits.clone()), &mut conversation, &decide).await;
            }
        }
        assert_eq!(end.text(), "Done.", "after {entries} entries");
        let unknown = unknown_calls(&all[..entries]);
        let expected: Vec<String> =
            whole.to_string().lines().map(|line| unknown_in(line, &unknown)).collect();
        let reached: Vec<String> =
            conversation.to_string().lines().map(|line| unknown_in(line, &unknown)).collect();
        assert_eq!(reached, expected, "after {entries} entries");
        assert_eq!(conversation.to_string().matches("outcome unknown").count(), unknown.len());
        assert!(unknown.iter().all(|call| !log.made().contains_key(&format!("s/{call}"))), "{unknown:?}");
        assert_eq!(journal.conversation("s").unwrap(), conversation);
        assert!(log.made().get("s/call_0_2").is_none_or(|made| *made == 1));
    }
}
