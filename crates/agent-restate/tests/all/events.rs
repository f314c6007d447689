//! Events that the engine keeps.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use agent_core::{
    Agent, EventKind, Team,
    script::{Reply, Script},
    sessions::{SessionEvent, Sessions, SessionsError},
};
use agent_restate::{Restate, Services};
use agent_tools::{AgentTool, FnTool};
use futures::StreamExt;
use restate_server::{Cluster, register};
use serde_json::json;
use tokio::net::TcpListener;

use crate::common::{Stage, listener, poll_until};

/// A lead who asks two experts in parallel, each of whom looks something up.
fn team(pace: Duration) -> Team {
    let model = Script::by(move |request| {
        let reply = match (&*request.agent, request.messages.len()) {
            ("lead", 1) => {
                Reply::call("expert", json!({"task": "A."})).and_call("expert", json!({"task": "B."}))
            }
            ("expert", 1) => Reply::call("look", json!({})),
            ("lead", _) => {
                Reply::text("All of us have looked, and all is well, as far as we can see from here.")
            }
            _ => Reply::text("All is well here."),
        };
        reply.per_token(pace)
    });
    let look = FnTool::new("look", "Looks.", |_: ()| async { "nothing" }).idempotent();
    let lead = Agent::builder("lead", model.clone()).tool(AgentTool::new("expert", "Knows."));
    Team::new([lead.build().unwrap(), Agent::builder("expert", model).tool(look).build().unwrap()]).unwrap()
}

fn conversation(id: &str) -> agent_core::Conversation {
    agent_core::Conversation::start("lead", "How is it?").with_id(id)
}

/// The events until the session has ended.
async fn read(place: &Restate, id: &str, after: u64) -> Vec<SessionEvent> {
    let mut events = place.events(id, after).await.unwrap();
    let mut read = Vec::new();
    while let Some(event) = events.next().await {
        let event = event.unwrap();
        let is_last = event.event.depth == 0 && matches!(event.event.kind, EventKind::Ended(_));
        read.push(event);
        if is_last {
            break;
        }
    }
    read
}

/// The kind of an event, with what it is about.
fn word(event: &SessionEvent) -> String {
    let kind = serde_json::to_value(&event.event.kind).unwrap();
    let about = kind["value"]["id"].as_str().map(|id| format!(" {id}")).unwrap_or_default();
    format!("{} {}{about}", event.event.conversation, kind["kind"].as_str().unwrap())
}

#[tokio::test]
async fn the_events_of_a_session_and_its_delegations_are_kept_once_and_in_order() {
    let Some(cluster) = Cluster::unless_missing(1).await.unwrap() else { return };
    let engine = Restate::at(cluster.ingress()).unwrap();
    let stage = Stage::on(cluster, Services::new(team(Duration::ZERO)).keep_events(&engine)).await;
    engine.run(&mut conversation("s")).await.unwrap();
    let events = read(&engine, "s", 0).await;
    let offsets: Vec<u64> = events.iter().map(|event| event.offset).collect();
    assert!(offsets.iter().copied().eq(1..=offsets.len() as u64), "{offsets:?}");
    let began = events[0].run_began;
    assert!(events.iter().all(|event| event.run_began == began), "one run, whichever process");

    let words: Vec<String> = events.iter().map(word).filter(|word| !word.contains("delta")).collect();
    let of = |conversation: &str| -> Vec<&str> {
        words.iter().filter_map(|word| word.strip_prefix(&format!("{conversation} "))).collect()
    };
    let expert = [
        "turn_started",
        "turn_ended",
        "call_started call_0_0",
        "call_ended call_0_0",
        "turn_started",
        "turn_ended",
        "ended",
    ];
    assert_eq!(of("s/call_0_0"), expert);
    assert_eq!(of("s/call_0_1"), expert);
    let mut own = of("s");
    let (first, last) = (&own.remove(0), own.split_off(own.len() - 3));
    assert_eq!((*first, last), ("turn_started", vec!["turn_started", "turn_ended", "ended"]));
    for call in ["call_0_0", "call_0_1"] {
        let of_call: Vec<_> = own.iter().filter(|word| word.ends_with(call)).copied().collect();
        assert_eq!(
            of_call,
            [format!("call_started {call}"), format!("delegated {call}"), format!("call_ended {call}")]
        );
    }

    // A second run goes on with the offsets.
    let mut again = engine.history("s").await.unwrap().unwrap();
    again.say("Sure?");
    engine.run(&mut again).await.unwrap();
    let more = read(&engine, "s", offsets.len() as u64).await;
    assert_eq!(more[0].offset, offsets.len() as u64 + 1);
    assert!(more[0].run_began > began);
    drop(stage);
}

#[tokio::test]
async fn events_are_deleted_with_their_session() {
    let Some(cluster) = Cluster::unless_missing(1).await.unwrap() else { return };
    let engine = Restate::at(cluster.ingress()).unwrap();
    let stage = Stage::on(cluster, Services::new(team(Duration::ZERO)).keep_events(&engine)).await;
    engine.run(&mut conversation("s")).await.unwrap();
    let mut reader = engine.events("s", read(&engine, "s", 0).await.len() as u64).await.unwrap();
    engine.forget("s").await.unwrap();
    let end = reader.next().await.unwrap();
    assert!(matches!(end, Err(SessionsError::Unknown { .. })), "{end:?}");
    assert!(reader.next().await.is_none());
    drop(stage);
}

/// The engine of the process that does the work.
const INGRESS: &str = "AGENT_RESTATE_TEST_INGRESS";

/// The address at which it serves.
const ADDRESS: &str = "AGENT_RESTATE_TEST_ADDRESS";

/// Not a test: the process that the test below starts and kills.
#[tokio::test]
async fn the_process_that_does_the_work() {
    let (Ok(ingress), Ok(address)) = (std::env::var(INGRESS), std::env::var(ADDRESS)) else { return };
    let engine = Restate::at(&ingress).unwrap();
    let services = Services::new(team(Duration::from_millis(25))).keep_events(&engine);
    services.serve(TcpListener::bind(address).await.unwrap()).unwrap().await;
}

fn serve(ingress: &str, address: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let command = command.args(["--exact", "events::the_process_that_does_the_work"]);
    let command = command.env(INGRESS, ingress).env(ADDRESS, address);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Kills its process in any case.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_reader_goes_on_after_its_process_was_killed_and_sees_each_event_once() {
    let Some(cluster) = Cluster::unless_missing(1).await.unwrap() else { return };
    let free = listener().await.local_addr().unwrap().to_string();
    let first = Killed(serve(cluster.ingress(), &free));
    poll_until("the process", async || tokio::net::TcpStream::connect(&free).await.ok()).await;
    register(cluster.admin(), &format!("http://{free}")).await.unwrap();
    let engine = Restate::at(cluster.ingress()).unwrap();
    let run = engine.submit(&conversation("k"), None).await.unwrap();

    // It is killed in the middle of the last answer.
    let mut seen = Vec::new();
    let mut events = poll_until("the session", async || engine.events("k", 0).await.ok()).await;
    let is_last_answer =
        |event: &SessionEvent| event.event.depth == 0 && matches!(event.event.kind, EventKind::Delta(_));
    let mut answers = 0;
    while answers < 2 {
        let event = events.next().await.unwrap().unwrap();
        let has_asked = seen.iter().any(|event| word(event) == "k call_ended call_0_1");
        answers += usize::from(has_asked && is_last_answer(&event));
        seen.push(event);
    }
    drop((events, first));
    let second = Killed(serve(cluster.ingress(), &free));
    seen.extend(read(&engine, "k", seen.last().unwrap().offset).await);
    assert_eq!(
        engine.attach(&run).await.unwrap().end.unwrap().text(),
        "All of us have looked, and all is well, as far as we can see from here."
    );
    drop(second);

    let offsets: Vec<u64> = seen.iter().map(|event| event.offset).collect();
    assert!(offsets.iter().copied().eq(1..=offsets.len() as u64), "{offsets:?}");
    let count = |what: &str| seen.iter().filter(|event| word(event) == what).count();
    let again: Vec<_> = ["k turn_started", "k turn_ended", "k ended"].map(count).into();
    assert_eq!(again, [3, 2, 1], "only the last turn was begun again");
    for call in ["call_0_0", "call_0_1"] {
        for kind in ["call_started", "delegated", "call_ended"] {
            assert_eq!(count(&format!("k {kind} {call}")), 1, "{kind} {call}");
        }
        assert_eq!(count(&format!("k/{call} ended")), 1);
        assert_eq!(count(&format!("k/{call} turn_started")), 2);
    }
    let began: Vec<_> = seen.iter().map(|event| event.run_began).collect();
    assert!(began.iter().all(|one| *one == began[0]), "the same run went on");
}
