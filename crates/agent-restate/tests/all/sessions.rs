//! The engine as a place of sessions.

use agent_core::{
    Agent, End, Team,
    script::{Reply, Script},
    sessions::{Decision, SessionState, SessionSummary, Sessions, SessionsError},
};
use agent_restate::{Restate, Services};
use agent_tools::{AgentTool, NeedsApproval};
use serde_json::json;

use crate::common::{Calls, Stage, alone, call, calls_then_done, poll_until, start, tool};

/// A client that can list sessions.
fn place(stage: &Stage) -> Restate {
    stage.host.clone().with_admin(stage.cluster.admin()).unwrap()
}

/// The summary of a session, once it is in this state.
async fn in_state(place: &Restate, id: &str, state: &str) -> SessionSummary {
    poll_until(state, async || place.session(id).await.ok().filter(|session| session.state.word() == state))
        .await
}

/// A boss who delegates two tasks to clerks, each of whom says something and pays.
fn office(calls: &Calls, open: &Calls) -> Services {
    let model = Script::by(|request| match (&*request.agent, request.messages.len()) {
        ("boss", 1) => {
            Reply::call("clerk", json!({"task": "hang"})).and_call("clerk", json!({"task": "Bob"}))
        }
        ("clerk", 1) => {
            let task = if request.messages[0].text().contains("hang") { "hang" } else { "it" };
            call("note", task).and_call("pay", json!({"say": "Ada"}))
        }
        _ => Reply::text("Done."),
    });
    let pay = NeedsApproval::new(tool("pay", calls, open));
    let clerk = Agent::builder("clerk", model.clone()).tool(pay).tool(tool("note", calls, open));
    let boss = Agent::builder("boss", model).tool(AgentTool::new("clerk", "Pays.")).build().unwrap();
    Services::new(Team::new([clerk.build().unwrap(), boss]).unwrap())
}

#[tokio::test]
async fn a_session_is_listed_as_it_runs_waits_and_ends() {
    let (calls, open) = (Calls::default(), Calls::default());
    let Some(stage) = Stage::open(office(&calls, &open)).await else { return };
    let place = place(&stage);
    let conversation = agent_core::Conversation::start("boss", "Have it paid.").with_id("it's paid");
    let run = stage.host.submit(&conversation, None).await.unwrap();

    // A call of each clerk waits for a person. One of the clerks still works.
    poll_until("two calls that wait", async || {
        let waiting = stage.host.waiting("it's paid").await.unwrap();
        (waiting.len() == 2).then_some(())
    })
    .await;
    calls.until(|calls| calls.len() == 2).await;
    assert_eq!(place.session("it's paid").await.unwrap().state, SessionState::Running);
    open.note("open".to_owned());
    let waits = in_state(&place, "it's paid", "waiting").await;
    let SessionState::Waiting(asked) = waits.state else { panic!("it waits") };
    assert_eq!(asked.len(), 2);
    let said = place.conversation("it's paid").await.unwrap();
    assert_eq!(said.waiting().len(), 2, "the conversations of the clerks are in it");
    let all = place.sessions().await.unwrap();
    assert_eq!(all.len(), 1, "delegated conversations are no sessions");

    Sessions::decide(&place, &asked[0].key, Decision::Approve).await.unwrap();
    let denied = Decision::Deny { reason: "not her".to_owned() };
    Sessions::decide(&place, &asked[1].key, denied.clone()).await.unwrap();
    stage.host.attach(&run).await.unwrap();
    let again = Sessions::decide(&place, &asked[1].key, denied).await.unwrap_err();
    assert!(matches!(again, SessionsError::NotWaiting(_)), "{again:?}");

    let ended = place.session("it's paid").await.unwrap();
    assert_eq!(ended.state, SessionState::Ended(End::Answered("Done.".to_owned())));
    assert_eq!((ended.agent.as_str(), ended.turns, ended.last_event), ("boss", 2, 0));
    assert!(ended.began < ended.changed, "{ended:?}");
    assert!(ended.usage.output_tokens > 0 || ended.usage == Default::default());
}

#[tokio::test]
async fn a_session_is_cancelled_copied_and_deleted() {
    let (calls, open) = (Calls::default(), Calls::default());
    let team = alone(calls_then_done(call("work", "hang")), [tool("work", &calls, &open)]);
    let Some(stage) = Stage::open(Services::new(team)).await else { return };
    let place = place(&stage);
    stage.host.submit(&start("a"), None).await.unwrap();
    calls.until(|calls| !calls.is_empty()).await;
    in_state(&place, "a", "running").await;
    Sessions::cancel(&place, "a").await.unwrap();
    let stopped = in_state(&place, "a", "stopped").await;
    let not_running = Sessions::cancel(&place, "a").await.unwrap_err();
    assert!(matches!(not_running, SessionsError::NotRunning { .. }), "{not_running:?}");

    Sessions::fork(&place, "a", None, "b").await.unwrap();
    let copy = place.conversation("b").await.unwrap();
    assert_eq!(copy, place.conversation("a").await.unwrap().with_id("b"));
    let both: Vec<_> = place.sessions().await.unwrap().into_iter().map(|one| one.unwrap()).collect();
    assert_eq!(both.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(both[1].began > stopped.began);
    let mut copy = copy;
    assert_eq!(stage.host.run(&mut copy).await.unwrap().text(), "Done.");
    assert_eq!(in_state(&place, "b", "ended").await.turns, 2);

    let error = |result: Result<(), SessionsError>| result.unwrap_err().to_string();
    assert_eq!(
        error(Sessions::fork(&place, "a", None, "b").await),
        "there is a session \"b\" already: choose another id"
    );
    assert_eq!(error(Sessions::fork(&place, "none", None, "c").await), "there is no session \"none\"");
    assert_eq!(
        error(Sessions::fork(&place, "a", Some(2), "c").await),
        "session \"a\" can't be forked after turn 2, because its last turn is 1"
    );
    Sessions::fork(&place, "a", Some(1), "after one").await.unwrap();
    let odd = Sessions::fork(&place, "a", None, "c/d").await.unwrap_err();
    assert!(matches!(odd, SessionsError::NotASessionId(_)), "{odd:?}");
    assert!(matches!(Sessions::cancel(&place, "none").await, Err(SessionsError::Unknown { .. })));
    assert!(matches!(place.session("none").await, Err(SessionsError::Unknown { .. })));
    assert!(matches!(place.conversation("none").await, Err(SessionsError::Unknown { .. })));
    assert!(matches!(place.events("none", 0).await, Err(SessionsError::Unknown { .. })));

    stage.host.forget("a").await.unwrap();
    assert!(matches!(place.session("a").await, Err(SessionsError::Unknown { .. })));
    let unknown = stage.host.sessions().await.unwrap_err().to_string();
    assert!(unknown.ends_with("set it with Restate::with_admin"), "{unknown}");
}
