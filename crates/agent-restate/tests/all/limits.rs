//! The limits of a run, across processes and conversations.

use std::{collections::BTreeMap, sync::Arc};

use agent_core::{
    Agent, Conversation, Limits, RunError, Team,
    script::{Reply, Script},
};
use agent_restate::{RestateError, Services};
use agent_tools::AgentTool;
use restate_server::query;
use serde_json::json;

use crate::common::{Calls, Stage, alone, call, calls_then_done, poll_until, start, tool};

/// An agent that delegates to itself this often in each reply, forever.
fn family(children: usize) -> (Team, Script) {
    let model = Script::by(move |_| {
        let task = || json!({"task": "Again."});
        (1..children).fold(Reply::call("again", task()), |reply, _| reply.and_call("again", task()))
    });
    let again = AgentTool::new("clerk", "Does it.").named("again");
    let clerk = Agent::builder("clerk", model.clone()).tool(again).build().unwrap();
    (Team::new([clerk]).unwrap(), model)
}

/// Checks that the run has used up its requests, with the same text as in process.
fn check_limit(error: &RestateError, most: u32) {
    let words = RunError::RequestLimit { most }.to_string();
    assert!(matches!(error, RestateError::RequestLimit(why) if *why == words), "{error}");
}

#[tokio::test]
async fn field_51_on_the_engine_all_requests_of_a_run_are_counted_whoever_makes_them() {
    let mut stage: Option<Stage> = None;
    for most in [1, 2, 7, 40] {
        let (team, model) = family(4);
        let services = Services::new(team.with_limits(Limits::new().requests(most)));
        match &mut stage {
            Some(stage) => stage.replace(services).await,
            none => *none = Stage::open(services).await,
        }
        let Some(stage) = &stage else { return };
        let mut conversation = start(&format!("family-{most}"));
        // A later run continues from there, with the same limit.
        for run in 1..=2 {
            check_limit(&stage.host.run(&mut conversation).await.unwrap_err(), most);
            assert_eq!(model.requests().len(), (run * most) as usize);
        }
        let kept = stage.host.history(conversation.id()).await.unwrap().unwrap();
        assert!(kept.messages().len() > 1 || most == 1, "{kept}");
    }
    let stage = stage.unwrap();
    poll_until("that the counts are deleted", async || {
        let sql = "SELECT * FROM state WHERE service_name = 'AgentLimits'";
        query(stage.cluster.admin(), sql).await.unwrap().is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn field_51_on_the_engine_a_run_is_bounded_by_default() {
    let (team, model) = family(1);
    let Some(stage) = Stage::open(Services::new(team)).await else { return };
    check_limit(&stage.host.run(&mut start("family")).await.unwrap_err(), 200);
    assert_eq!(model.requests().len(), 200);
}

/// A boss who lets three clerks write five replies each, in parallel.
fn office(requests: u32) -> (Team, Script) {
    let model = Script::by(|request| match (&*request.agent, request.messages.len()) {
        ("boss", 1) => {
            let task = || json!({"task": "Work."});
            Reply::call("clerk", task()).and_call("clerk", task()).and_call("clerk", task())
        }
        ("clerk", 1..9) => call("work", "on"),
        _ => Reply::text("Done."),
    });
    let none = Calls::default();
    let boss = Agent::builder("boss", model.clone()).tool(AgentTool::new("clerk", "Works.")).build();
    let clerk = Agent::builder("clerk", model.clone()).tool(tool("work", &none, &none)).build();
    let team = Team::new([boss.unwrap(), clerk.unwrap()]).unwrap();
    (team.with_limits(Limits::new().requests(requests)), model)
}

#[tokio::test]
async fn field_51_on_the_engine_what_one_delegation_does_not_use_another_one_can() {
    let (team, model) = office(20);
    let Some(mut stage) = Stage::open(Services::new(team)).await else { return };
    let mut conversation = Conversation::start("boss", "Go.").with_id("enough");
    assert_eq!(stage.host.run(&mut conversation).await.unwrap().text(), "Done.");
    assert_eq!(model.requests().len(), 17);

    // A conversation with enough in hand asks nobody.
    let (team, model) = office(200);
    stage.replace(Services::new(team)).await;
    let asked = "SELECT id FROM sys_invocation WHERE target_service_name = 'AgentLimits' AND target_handler_name = 'take'";
    let before = query(stage.cluster.admin(), asked).await.unwrap().len();
    let mut conversation = Conversation::start("boss", "Go.").with_id("plenty");
    assert_eq!(stage.host.run(&mut conversation).await.unwrap().text(), "Done.");
    let after = query(stage.cluster.admin(), asked).await.unwrap().len();
    assert_eq!((before > 0, after - before, model.requests().len()), (true, 0, 17));

    let (team, model) = office(15);
    stage.replace(Services::new(team)).await;
    let mut conversation = Conversation::start("boss", "Go.").with_id("scarce");
    check_limit(&stage.host.run(&mut conversation).await.unwrap_err(), 15);
    assert_eq!(model.requests().len(), 15);
    let kept = stage.host.history("scarce").await.unwrap().unwrap().to_string();
    assert!(
        kept.contains("failed: clerk stopped: the limit of 15 model requests per run is reached"),
        "{kept}"
    );
    // Finished work is not repeated.
    assert_eq!(stage.host.run(&mut conversation).await.unwrap().text(), "Done.");
    assert_eq!(model.requests().len(), 16);
}

#[tokio::test]
async fn field_51_on_the_engine_the_count_outlives_the_process() {
    let (calls, open) = (Calls::default(), Calls::default());
    let serve = || {
        let model = Script::by(|request| match (&*request.agent, request.messages.len()) {
            ("clerk", 1) => Reply::call("other", json!({"task": "Work."})),
            ("other", 3) => call("work", "hang"),
            _ => call("work", "on"),
        });
        let other = Agent::builder("other", model.clone()).tool(tool("work", &calls, &open).idempotent());
        let clerk = Agent::builder("clerk", model.clone()).tool(AgentTool::new("other", "Works."));
        let team = Team::new([clerk.build().unwrap(), other.build().unwrap()]).unwrap();
        (Services::new(team.with_limits(Limits::new().requests(5))), model)
    };
    let (services, before) = serve();
    let Some(mut stage) = Stage::open(services).await else { return };
    let run = stage.host.submit(&start("c"), None).await.unwrap();
    calls.until(|calls| calls.len() == 2).await;
    stage.stop().await;
    open.note("open".to_owned());
    let (services, after) = serve();
    stage.replace(services).await;
    check_limit(&stage.host.attach(&run).await.unwrap_err(), 5);
    assert_eq!((before.requests().len(), after.requests().len()), (3, 2));
}

#[tokio::test]
async fn field_81_on_the_engine_each_call_of_a_run_beyond_its_limit_is_an_error_result_that_says_so() {
    let calls = Calls::default();
    let work = || tool("work", &calls, &Calls::default());
    let seven =
        (1..7).fold(call("work", 0), |reply, more| reply.and_call("work", json!({"say": more.to_string()})));
    let unknown = seven.clone().and_call("gone", json!({}));
    let model = calls_then_done(unknown);
    let limits = Limits::new().calls(3).calls_in_reply(5);
    let Some(mut stage) = Stage::open(Services::new(alone(model, [work()]).with_limits(limits))).await else {
        return;
    };
    let failed = |conversation: &Conversation| {
        let transcript = conversation.to_string();
        let failed = transcript.lines().filter_map(|line| line.split_once(" failed: ")?.1.to_owned().into());
        failed.fold(BTreeMap::<String, usize>::new(), |mut failed, why| {
            *failed.entry(why).or_default() += 1;
            failed
        })
    };
    let of = |most: u32, what: &str| format!("not run: the limit of {most} tool calls per {what} is reached");
    let mut conversation = start("alone");
    stage.host.run(&mut conversation).await.unwrap();
    assert_eq!(calls.made().len(), 3);
    assert_eq!(failed(&conversation), [(of(3, "run"), 2), (of(5, "reply"), 3)].into());

    // Two calls that delegate, and three others.
    let model: Arc<Script> =
        Arc::new(Script::by(move |request| match (&*request.agent, request.messages.len()) {
            ("clerk", 1) => {
                let task = || json!({"task": "Work."});
                Reply::call("other", task()).and_call("other", task())
            }
            ("other", 1) => seven.clone(),
            _ => Reply::text("Done."),
        }));
    let other = Agent::builder("other", model.clone()).tool(work()).build().unwrap();
    let clerk = Agent::builder("clerk", model).tool(AgentTool::new("other", "Works.")).build().unwrap();
    let team = Team::new([clerk, other]).unwrap().with_limits(Limits::new().calls(5));
    stage.replace(Services::new(team)).await;
    assert_eq!(stage.host.run(&mut start("shared")).await.unwrap().text(), "Done.");
    assert_eq!(calls.made().len(), 3 + 3);
}
