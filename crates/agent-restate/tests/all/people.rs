//! Calls that wait for a person.

use std::time::Duration;

use agent_core::{
    Agent, Team, Waiting,
    script::{Reply, Script},
};
use agent_restate::{RestateError, Services};
use agent_tools::{AgentTool, NeedsApproval};
use serde_json::json;

use crate::common::{Calls, Stage, call, start, tool};

/// A clerk that pays twice and notes it down, and one that has it done.
fn office(calls: &Calls) -> Services {
    let model = Script::by(|request| match (&*request.agent, request.messages.len()) {
        ("boss", 1) => Reply::call("clerk", json!({"task": "Pay."})),
        ("clerk", 1) => {
            call("pay", "Ada").and_call("note", json!({"say": "it"})).and_call("pay", json!({"say": "Bob"}))
        }
        _ => Reply::text("Done."),
    });
    let open = Calls::default();
    let pay =
        NeedsApproval::new(tool("pay", calls, &open)).question(|input| format!("Pay {}?", input.text()));
    let clerk = Agent::builder("clerk", model.clone()).tool(pay).tool(tool("note", calls, &open));
    let boss = Agent::builder("boss", model).tool(AgentTool::new("clerk", "Pays.")).build().unwrap();
    Services::new(Team::new([clerk.build().unwrap(), boss]).unwrap()).unwrap()
}

/// What waits in a session, once that is so much.
async fn waiting(stage: &Stage, id: &str, calls: usize) -> Vec<Waiting> {
    loop {
        let waiting = stage.host.waiting(id).await.unwrap();
        if waiting.len() == calls {
            return waiting;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_call_waits_for_a_person_and_the_others_do_not() {
    let calls = Calls::default();
    let Some(stage) = Stage::open(office(&calls)).await else { return };
    let run = stage.host.submit(&start("pay"), None).await.unwrap();
    let waits = waiting(&stage, "pay", 2).await;
    let keys: Vec<&str> = waits.iter().map(|call| call.key.as_str()).collect();
    assert_eq!(keys, ["pay/call_0_0", "pay/call_0_2"]);
    assert_eq!(waits[1].question, r#"Pay {"say":"Bob"}?"#);
    assert_eq!(calls.made(), [("pay/call_0_1".to_owned(), 1)].into());

    stage.host.allow(keys[0]).await.unwrap();
    waiting(&stage, "pay", 1).await;
    stage.host.deny(keys[1], "not him").await.unwrap();
    let ran = stage.host.attach(&run).await.unwrap();
    let transcript = ran.conversation.to_string();
    let lines: Vec<&str> = transcript.lines().filter(|line| line.contains(" < ")).collect();
    assert_eq!(lines, ["  < call_0_0 = Ada", "  < call_0_1 = it", "  < call_0_2 failed: denied: not him"]);
    let again = stage.host.allow(keys[0]).await;
    assert!(matches!(again, Err(RestateError::NotWaiting(_))), "{again:?}");
}

#[tokio::test]
async fn what_waits_in_a_delegated_conversation_waits_in_the_session_and_outlives_the_process() {
    let calls = Calls::default();
    let Some(mut stage) = Stage::open(office(&calls)).await else { return };
    let conversation = agent_core::Conversation::start("boss", "Have it paid.").with_id("b");
    let run = stage.host.submit(&conversation, None).await.unwrap();
    let waits = waiting(&stage, "b", 2).await;
    assert_eq!(waits[0].key, "b/call_0_0/call_0_0");
    stage.replace(office(&calls)).await;
    for call in waits {
        stage.host.allow(&call.key).await.unwrap();
    }
    assert_eq!(stage.host.attach(&run).await.unwrap().end.unwrap().text(), "Done.");
    let made = calls.made();
    assert_eq!(made.values().sum::<usize>(), 3, "{made:?}");
    assert_eq!(stage.host.history("b/call_0_0").await.unwrap(), None);
}

#[tokio::test]
async fn a_call_that_nobody_decides_about_is_denied_in_time() {
    let calls = Calls::default();
    let services = office(&calls).patience(Duration::from_millis(1));
    let Some(stage) = Stage::open(services).await else { return };
    let mut conversation = start("late");
    stage.host.run(&mut conversation).await.unwrap();
    let transcript = conversation.to_string();
    assert_eq!(transcript.matches("failed: denied: nobody decided within 1ms").count(), 2, "{transcript}");
}
