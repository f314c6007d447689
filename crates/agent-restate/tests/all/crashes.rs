//! Processes that disappear during a run.

use std::time::Duration;

use agent_core::Outcome;
use agent_restate::Services;
use serde_json::json;

use crate::common::{Calls, Stage, alone, call, calls_then_done, rows, start, tool};

/// Stops a process while one call runs and another has ended. Another process, with the changes of
/// `services`, makes the remaining calls. Returns how often each call started, and the transcript.
async fn check(
    repeatable: bool,
    services: impl Fn(Services) -> Services,
    began: [usize; 2],
    results: [&str; 2],
) {
    let (calls, open) = (Calls::default(), Calls::default());
    let serve = || {
        let reply = call("work", "quick").and_call("work", json!({"say": "hang"}));
        let work = tool("work", &calls, &open);
        let work = if repeatable { work.idempotent() } else { work };
        services(Services::new(alone(calls_then_done(reply), [work])))
    };
    let Some(mut stage) = Stage::open(serve()).await else { return };
    let run = stage.host.submit(&start("c"), None).await.unwrap();
    calls.until(|calls| calls.len() == 2).await;
    let ended =
        "SELECT id FROM sys_invocation WHERE target_service_name = 'AgentTools' AND status = 'completed'";
    rows(&stage, ended).await;
    stage.stop().await;
    open.note("open".to_owned());
    stage.replace(serve()).await;
    let ran = stage.host.attach(&run).await.unwrap();
    let made = calls.made();
    assert_eq!([made["c/call_0_0"], made["c/call_0_1"]], began);
    let transcript = ran.conversation.to_string();
    let lines: Vec<&str> = transcript.lines().filter(|line| line.contains(" < ")).collect();
    assert_eq!(lines, results);
    assert_eq!(ran.end.unwrap().text(), "Done.");
}

#[tokio::test]
async fn a_finished_call_is_not_made_again_and_an_interrupted_one_is() {
    check(true, |services| services, [1, 2], ["  < call_0_0 = quick", "  < call_0_1 = hang"]).await;
}

#[tokio::test]
async fn an_interrupted_call_that_must_not_be_repeated_is_reported() {
    let unknown = "  < call_0_1 failed: outcome unknown: the run was stopped while \"work\" was being called; it may have \
                   had its effect";
    check(false, |services| services, [1, 1], ["  < call_0_0 = quick", unknown]).await;
}

#[tokio::test]
async fn the_caller_can_decide_about_an_unknown_outcome() {
    let lost = |services: Services| {
        services.on_unknown(|call| Some(Outcome::error(format!("lost {}", call.call.name))))
    };
    check(false, lost, [1, 1], ["  < call_0_0 = quick", "  < call_0_1 failed: lost work"]).await;
    let again = |services: Services| services.on_unknown(|_| None);
    check(false, again, [1, 2], ["  < call_0_0 = quick", "  < call_0_1 = hang"]).await;
}

#[tokio::test]
async fn a_call_continues_when_the_engine_asks_its_handler_to_suspend() {
    let (calls, open) = (Calls::default(), Calls::default());
    let team = alone(calls_then_done(call("work", "hang")), [tool("work", &calls, &open).idempotent()]);
    let Some(stage) = Stage::open(Services::new(team)).await else { return };
    for service in ["AgentTools", "AgentSession"] {
        let url = format!("{}/services/{service}", stage.cluster.admin());
        let request = restate_server::client().patch(url).header("content-type", "application/json");
        let response = request.body(r#"{"inactivity_timeout": "20ms"}"#).send().await.unwrap();
        assert!(response.status().is_success(), "{response:?}");
    }
    let run = stage.host.submit(&start("s"), None).await.unwrap();
    calls.until(|calls| !calls.is_empty()).await;
    // The engine has asked the session to suspend, too. It only waits.
    let suspended =
        "SELECT id FROM sys_invocation WHERE target_service_name = 'AgentSession' AND status = 'suspended'";
    rows(&stage, suspended).await;
    open.note("open".to_owned());
    assert_eq!(stage.host.attach(&run).await.unwrap().end.unwrap().text(), "Done.");
    assert_eq!(calls.made(), [("s/call_0_0".to_owned(), 1)].into());
}

#[tokio::test]
async fn the_engine_waits_for_long_calls_and_retries_after_any_failure() {
    let services = Services::new(alone(calls_then_done(call("work", "quick")), []));
    let Some(stage) = Stage::open(services.step_timeout(Duration::from_secs(7200))).await else { return };
    for service in ["AgentTools", "AgentSession"] {
        let url = format!("{}/services/{service}", stage.cluster.admin());
        let said = restate_server::client().get(url).send().await.unwrap().text().await.unwrap();
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["inactivity_timeout"], "2h 1m", "{said}");
        assert_eq!(said["retry_policy"]["max_attempts"], u32::MAX, "{said}");
    }
}
