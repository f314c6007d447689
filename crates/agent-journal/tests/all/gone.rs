//! Runs by a process whose team lacks an agent of the session.

use agent_core::{End, RunError, Team, script::Reply};
use agent_journal::JournalHostError;
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{Log, Place, calls, start, team};

fn says(agent: &str, turn: usize) -> Reply {
    match (agent, turn) {
        ("main", 0) => calls([
            ("act_once", json!({"ask": "Pay A?", "say": "paid A"})),
            ("act_once", json!({"ask": "Pay B?", "say": "paid B"})),
            ("act", json!({"to": "clerk"})),
        ]),
        ("clerk", 0) => calls([("act_once", json!({"ask": "File?", "say": "filed"}))]),
        ("clerk", _) => Reply::text("Filed."),
        _ => Reply::text("Done."),
    }
}

async fn run(place: &Place, team: Team) -> Result<End, JournalHostError> {
    let mut conversation = start();
    let host = place.open().host(team, &mut conversation).await.unwrap();
    host.run(&mut conversation).await
}

/// A session whose calls are approved and not made yet.
async fn allowed() -> Place {
    let place = Place::new();
    let End::Waiting(calls) = run(&place, team(&["main", "clerk"], says).0).await.unwrap() else {
        panic!("it waits")
    };
    for call in calls {
        place.open().approve(&call.key).await.unwrap();
    }
    place
}

fn made(log: &Log) -> Vec<String> {
    log.made().into_keys().collect()
}

#[tokio::test]
async fn field_41_a_process_without_the_agent_leaves_the_journal_as_it_was() {
    let place = allowed().await;
    let before = place.open().export("s").unwrap();
    for other in ["other", "clerk"] {
        let (team, log) = team(&[other], says);
        let error = run(&place, team).await.unwrap_err();
        assert!(matches!(error, JournalHostError::Run(RunError::UnknownAgent { .. })), "{error}");
        assert_eq!((log.made().len(), log.asked().len()), (0, 0));
    }
    assert_eq!(place.open().export("s").unwrap(), before);
    let (team, log) = team(&["main", "clerk"], says);
    assert_eq!(run(&place, team).await.unwrap().text(), "Done.");
    assert_eq!(made(&log), ["s/call_0_0", "s/call_0_1", "s/call_0_2/call_0_0"]);
}

#[tokio::test]
async fn field_41_a_sub_agent_that_is_gone_is_its_calls_error_result_on_the_disk() {
    let place = allowed().await;
    let (team, log) = team(&["main"], says);
    assert_eq!(run(&place, team).await.unwrap().text(), "Done.");
    assert_eq!(made(&log), ["s/call_0_0", "s/call_0_1"]);
    assert_snapshot!(place.open().conversation("s").unwrap().to_string(), @r#"
    user: Go.
      > call_0_0 act_once {"ask":"Pay A?","say":"paid A"}
      > call_0_1 act_once {"ask":"Pay B?","say":"paid B"}
      > call_0_2 act {"to":"clerk"}
      < call_0_0 = paid A
      < call_0_1 = paid B
      < call_0_2 failed: clerk stopped: it is not in the team: main
      | Its calls so far:
      | - act_once {"ask":"File?","say":"filed"}: no result: not made, or stopped on its way
    main: Done.
    "#);
}
