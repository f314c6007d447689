//! Runs in a process whose team lacks an agent of the conversation.

use agent_core::{
    Agent, Conversation, End, Team,
    script::{Reply, Script},
};
use agent_restate::{RestateError, Services};
use agent_tools::{AgentTool, FnTool};

use crate::common::{Calls, Stage, call, tool};

/// A team with these agents: `boss` pays and asks the clerk, and the clerk files.
fn team(names: &[&str], calls: &Calls) -> Team {
    let model = Script::by(|request| match (&*request.agent, request.messages.len()) {
        ("boss", 1) => call("pay", "paid").and_call("ask", serde_json::json!({"task": "File it."})),
        ("clerk", 1) => call("file", "filed"),
        _ => Reply::text("Done."),
    });
    let careful = |name: &str| FnTool::needs_approval(tool(name, calls, &Calls::default()));
    let agents = names.iter().map(|name| {
        let agent = Agent::builder(*name, model.clone());
        let agent = match (*name, names.contains(&"clerk")) {
            ("boss", true) => agent.tool(careful("pay")).tool(AgentTool::new("clerk", "Files.").named("ask")),
            ("boss", false) => agent.tool(careful("pay")),
            _ => agent.tool(careful("file")),
        };
        agent.build().unwrap()
    });
    Team::new(agents).unwrap()
}

/// A conversation whose calls are approved and not made yet.
async fn allowed(id: &str) -> Conversation {
    let mut conversation = Conversation::start("boss", "Begin.").with_id(id);
    let team = team(&["boss", "clerk"], &Calls::default());
    let End::Waiting(calls) = team.run(&mut conversation).await.unwrap() else { panic!("{conversation}") };
    calls.iter().for_each(|call| conversation.approve(&call.key).unwrap());
    conversation
}

#[tokio::test]
async fn field_41_on_the_engine_a_process_without_the_agent_leaves_its_calls_to_one_that_has_it() {
    let calls = Calls::default();
    let Some(mut stage) = Stage::open(Services::new(team(&["other"], &calls))).await else { return };
    let (mut conversation, before) = (allowed("left").await, allowed("left").await);
    let error = stage.host.run(&mut conversation).await.unwrap_err();
    assert!(matches!(&error, RestateError::UnknownAgent(why) if why.contains("boss")), "{error}");
    assert_eq!((calls.made().len(), &conversation), (0, &before));

    stage.replace(Services::new(team(&["boss"], &calls))).await;
    let mut half = allowed("half").await;
    assert_eq!(stage.host.run(&mut half).await.unwrap().text(), "Done.");
    assert!(half.to_string().contains("failed: clerk stopped: it is not in the team: boss"), "{half}");
    assert_eq!(calls.made().into_keys().collect::<Vec<_>>(), ["half/call_0_0"]);

    stage.replace(Services::new(team(&["boss", "clerk"], &calls))).await;
    assert_eq!(stage.host.run(&mut conversation).await.unwrap().text(), "Done.");
    let made = ["half/call_0_0", "left/call_0_0", "left/call_0_1/call_0_0"];
    assert_eq!(calls.made().into_keys().collect::<Vec<_>>(), made);
}
