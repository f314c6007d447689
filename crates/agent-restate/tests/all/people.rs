//! Calls that wait for a person.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use agent_core::{
    Agent, Context, End, EventKind, Json, Limits, Outcome, Team, Tool, ToolSpec, async_trait,
    conversation::PendingApproval,
    script::{Reply, Script},
};
use agent_restate::{RestateError, Services};
use agent_tools::{AgentTool, NeedsApproval};
use serde_json::json;

use crate::common::{Calls, Stage, call, calls_then_done, poll_until, start, tool};

/// A clerk who pays twice and files it, and a boss who delegates to the clerk.
fn office(calls: &Calls) -> Services {
    Services::new(team(calls))
}

fn team(calls: &Calls) -> Team {
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
    Team::new([clerk.build().unwrap(), boss]).unwrap()
}

/// The waiting calls of a session, once there are this many.
async fn waiting(stage: &Stage, id: &str, calls: usize) -> Vec<PendingApproval> {
    poll_until("calls that wait", async || {
        let waiting = stage.host.waiting(id).await.unwrap();
        (waiting.len() == calls).then_some(waiting)
    })
    .await
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
    calls.until(|calls| *calls == [("pay/call_0_1".to_owned(), 1)].into()).await;

    stage.host.approve(keys[0]).await.unwrap();
    waiting(&stage, "pay", 1).await;
    stage.host.deny(keys[1], "not him").await.unwrap();
    let ran = stage.host.attach(&run).await.unwrap();
    let transcript = ran.conversation.to_string();
    let lines: Vec<&str> = transcript.lines().filter(|line| line.contains(" < ")).collect();
    assert_eq!(lines, ["  < call_0_0 = Ada", "  < call_0_1 = it", "  < call_0_2 failed: denied: not him"]);
    let again = stage.host.approve(keys[0]).await;
    assert!(matches!(again, Err(RestateError::NotWaiting(_))), "{again:?}");
}

#[tokio::test]
async fn a_call_that_waits_in_a_delegated_conversation_is_listed_and_survives_its_process() {
    let calls = Calls::default();
    let Some(mut stage) = Stage::open(office(&calls)).await else { return };
    let conversation = agent_core::Conversation::start("boss", "Have it paid.").with_id("b");
    let run = stage.host.submit(&conversation, None).await.unwrap();
    let waits = waiting(&stage, "b", 2).await;
    assert_eq!(waits[0].key, "b/call_0_0/call_0_0");
    stage.replace(office(&calls)).await;
    for call in waits {
        stage.host.approve(&call.key).await.unwrap();
    }
    assert_eq!(stage.host.attach(&run).await.unwrap().end.unwrap().text(), "Done.");
    let made = calls.made();
    assert_eq!(made.values().sum::<usize>(), 3, "{made:?}");
    assert_eq!(stage.host.history("b/call_0_0").await.unwrap(), None);
}

#[tokio::test]
async fn a_call_that_nobody_decides_about_is_denied_in_time() {
    let calls = Calls::default();
    let services = office(&calls).approval_timeout(Duration::from_millis(1));
    let Some(stage) = Stage::open(services).await else { return };
    let mut conversation = start("late");
    stage.host.run(&mut conversation).await.unwrap();
    let transcript = conversation.to_string();
    assert_eq!(transcript.matches("failed: denied: nobody decided within 1ms").count(), 2, "{transcript}");
}

#[tokio::test]
async fn an_approved_call_counts_once() {
    let calls = Calls::default();
    let team = team(&calls).with_limits(Limits::new().calls(3));
    let Some(stage) = Stage::open(Services::new(team)).await else { return };
    let run = stage.host.submit(&start("limited"), None).await.unwrap();
    for call in waiting(&stage, "limited", 2).await {
        stage.host.approve(&call.key).await.unwrap();
    }
    let ran = stage.host.attach(&run).await.unwrap();
    assert_eq!(ran.end.unwrap().text(), "Done.");
    let made = calls.made();
    assert_eq!(made.values().sum::<usize>(), 3, "{}", ran.conversation);
}

/// A tool that asks a person twice before it pays.
struct Careful(ToolSpec, AtomicUsize);

#[async_trait]
impl Tool for Careful {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, _: Json, _: Context) -> Outcome {
        match self.1.fetch_add(1, Ordering::Relaxed) {
            0 => Outcome::Wait { question: "Sure?".to_owned() },
            1 => Outcome::Wait { question: "Really?".to_owned() },
            _ => Outcome::Output("Paid.".to_owned().into()),
        }
    }
}

#[tokio::test]
async fn field_45_on_the_engine_the_time_of_a_delegation_goes_on_while_a_call_waits_and_another_runs() {
    let (calls, open) = (Calls::default(), Calls::default());
    let model = Script::by(|request| match (&*request.agent, request.messages.len()) {
        ("boss", 1) => Reply::call("clerk", json!({"task": "Pay."})),
        ("clerk", 1) => call("pay", "Ada").and_call("note", json!({"say": "hang"})),
        _ => Reply::text("Done."),
    });
    let pay = NeedsApproval::new(tool("pay", &calls, &open));
    let clerk = Agent::builder("clerk", model.clone()).tool(pay).tool(tool("note", &calls, &open));
    let ask = AgentTool::new("clerk", "Pays.").timeout(Duration::from_millis(500));
    let boss = Agent::builder("boss", model).tool(ask).build().unwrap();
    let services = Services::new(Team::new([clerk.build().unwrap(), boss]).unwrap());
    let Some(stage) = Stage::open(services).await else { return };
    let mut conversation = agent_core::Conversation::start("boss", "Have it paid.").with_id("late");
    let run = stage.host.run(&mut conversation);
    let ran = tokio::time::timeout(Duration::from_secs(60), run).await.expect("its time is over");
    assert_eq!(ran.unwrap().text(), "Done.");
    assert!(conversation.to_string().contains("timed out"), "{conversation}");
}

#[tokio::test]
async fn a_call_that_waits_again_needs_another_decision() {
    let careful = Careful(ToolSpec::new("pay", "Pays.", json!({"type": "object"})), AtomicUsize::new(0));
    let clerk = Agent::builder("clerk", calls_then_done(Reply::call("pay", json!({})))).tool(careful);
    let services = Services::new(Team::new([clerk.build().unwrap()]).unwrap());
    // The timer of the first wait does not affect the second.
    let Some(stage) = Stage::open(services.approval_timeout(Duration::from_secs(3600))).await else { return };
    let run = stage.host.submit(&start("twice"), None).await.unwrap();
    for question in ["Sure?", "Really?"] {
        while waiting(&stage, "twice", 1).await[0].question != question {}
        stage.host.approve("twice/call_0_0").await.unwrap();
    }
    let ran = stage.host.attach(&run).await.unwrap();
    assert!(ran.conversation.to_string().contains("  < call_0_0 = Paid.\n"), "{}", ran.conversation);
}

#[tokio::test]
async fn while_an_approved_call_runs_the_others_wait_and_are_decided() {
    let (calls, open) = (Calls::default(), Calls::default());
    let all =
        call("pay", "hang").and_call("pay", json!({"say": "Bob"})).and_call("pay", json!({"say": "Eve"}));
    let clerk =
        Agent::builder("clerk", calls_then_done(all)).tool(NeedsApproval::new(tool("pay", &calls, &open)));
    let services = Services::new(Team::new([clerk.build().unwrap()]).unwrap());
    let Some(stage) = Stage::open(services).await else { return };
    let run = stage.host.submit(&start("pay"), None).await.unwrap();
    let waits = waiting(&stage, "pay", 3).await;
    stage.host.approve(&waits[0].key).await.unwrap();
    calls.until(|calls| !calls.is_empty()).await;
    assert_eq!(stage.host.waiting("pay").await.unwrap(), waits[1..]);
    stage.host.approve(&waits[1].key).await.unwrap();
    stage.host.deny(&waits[2].key, "not her").await.unwrap();
    // The first call still runs.
    waiting(&stage, "pay", 0).await;
    calls.until(|calls| calls.len() == 2).await;
    let denied = stage.host.deny(&waits[1].key, "not him").await;
    assert!(matches!(denied, Err(RestateError::NotWaiting(_))), "{denied:?}");
    open.note("open".to_owned());
    let ran = stage.host.attach(&run).await.unwrap();
    assert_eq!(calls.made().into_values().collect::<Vec<_>>(), [1, 1]);
    assert!(ran.conversation.to_string().contains("  < call_0_2 failed: denied: not her\n"));
}

#[tokio::test]
async fn a_call_is_decided_while_others_of_its_reply_run_also_after_a_change_of_processes() {
    let (calls, open) = (Calls::default(), Calls::default());
    let services = || {
        let model = calls_then_done(
            call("note", "hang")
                .and_call("pay", json!({"say": "Ada"}))
                .and_call("pay", json!({"say": "Bob"})),
        );
        let pay = NeedsApproval::new(tool("pay", &calls, &open));
        let clerk = Agent::builder("clerk", model).tool(pay).tool(tool("note", &calls, &open));
        Services::new(Team::new([clerk.build().unwrap()]).unwrap())
    };
    let Some(mut stage) = Stage::open(services()).await else { return };
    let run = stage.host.submit(&start("both"), None).await.unwrap();
    let waits = waiting(&stage, "both", 2).await;
    let shown = stage.host.history("both").await.unwrap().expect("it is kept").waiting();
    assert_eq!(shown, waits, "a page shows what waits while others run");
    stage.host.approve(&waits[0].key).await.unwrap();
    calls.until(|calls| calls.contains_key(&waits[0].key)).await;
    stage.replace(services()).await;
    let (first, second) =
        tokio::join!(stage.host.approve(&waits[1].key), stage.host.deny(&waits[1].key, "not him"));
    assert!(first.is_ok() != second.is_ok(), "one of two decisions counts: {first:?}, {second:?}");
    waiting(&stage, "both", 0).await;
    open.note("open".to_owned());
    let ran = stage.host.attach(&run).await.unwrap();
    assert_eq!(ran.end.unwrap().text(), "Done.");
    let pays = calls.made().into_iter().filter(|(key, _)| !key.ends_with("call_0_0"));
    let expected = waits.iter().take(if first.is_ok() { 2 } else { 1 }).map(|wait| (wait.key.clone(), 1));
    assert_eq!(pays.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn calls_that_wait_in_several_delegated_conversations_are_listed_until_those_are_deleted() {
    let calls = Calls::default();
    let model = Script::by(|request| match (&*request.agent, request.messages.len()) {
        ("clerk", 1) => Reply::call("payer", json!({"task": "Pay."}))
            .and_call("payer", json!({"task": "Pay, too."}))
            .and_call("payer", json!({"task": "And pay."})),
        ("payer", 1) => call("pay", "Ada"),
        _ => Reply::text("Done."),
    });
    let pay = NeedsApproval::new(tool("pay", &calls, &calls));
    let payer = Agent::builder("payer", model.clone()).tool(pay).build().unwrap();
    let clerk = Agent::builder("clerk", model).tool(AgentTool::new("payer", "Pays.")).build().unwrap();
    let services = Services::new(Team::new([clerk, payer]).unwrap());
    let Some(stage) = Stage::open(services).await else { return };
    let run = stage.host.submit(&start("three"), None).await.unwrap();
    let waits = waiting(&stage, "three", 3).await;
    stage.host.approve(&waits[0].key).await.unwrap();
    waiting(&stage, "three", 2).await;
    stage.host.cancel("three").await.unwrap();
    assert!(matches!(stage.host.attach(&run).await, Err(RestateError::Cancelled)));
    stage.host.forget("three").await.unwrap();
    // The delegated conversations are deleted soon after.
    let known = "SELECT key FROM state WHERE service_name = 'AgentSession'";
    poll_until("nothing any more", async || {
        let rows = restate_server::query(stage.cluster.admin(), known).await.unwrap();
        rows.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn fault_100_a_process_that_takes_over_does_not_tell_again_what_was_told() {
    let (calls, told) = (Calls::default(), Calls::default());
    let services = || {
        let told = told.clone();
        office(&calls).listen(move |event| {
            if let EventKind::Ended(end) = &event.kind {
                let what = if matches!(end, End::Waiting(_)) { "waits" } else { "ended" };
                told.note(format!("{} {what}", event.conversation));
            }
        })
    };
    let Some(mut stage) = Stage::open(services()).await else { return };
    let run = stage.host.submit(&start("r"), None).await.unwrap();
    let waits = waiting(&stage, "r", 2).await;
    stage.replace(services()).await;
    stage.host.approve(&waits[0].key).await.unwrap();
    told.until(|told| told.get("r waits") == Some(&2)).await;
    stage.host.approve(&waits[1].key).await.unwrap();
    stage.host.attach(&run).await.unwrap();
    // It waits for two calls, and then for one.
    assert_eq!(told.made(), [("r ended".to_owned(), 1), ("r waits".to_owned(), 2)].into());
}
