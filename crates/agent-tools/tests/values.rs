//! Values of a run in tools of functions, in tools around others, and in typed runs.

#![allow(clippy::unwrap_used)]
#![cfg(feature = "validate")]

use std::sync::{Arc, Mutex};

use agent_core::{
    Agent, Context, Conversation, End, Request, RunError, Team, Tool,
    message::BlockKind,
    script::{Reply, Script},
    tool::MissingValue,
};
use agent_tools::{AgentTool, FnTool, Retried, RunTyped, TypedError, Validated};
use serde_json::json;

#[derive(Clone)]
struct User(&'static str);

/// A tool whose first call fails.
fn who(name: &str) -> FnTool {
    let first = Arc::new(Mutex::new(true));
    let who = move |_: (), context: Context| -> Result<String, MissingValue> {
        let user = context.need::<User>()?;
        match std::mem::take(&mut *first.lock().unwrap()) {
            true => Err(context.need::<u8>().expect_err("no number was given")),
            false => Ok(format!("{} asks", user.0)),
        }
    };
    FnTool::new(name, "Says who asks.", who).read_only().needs::<User>()
}

/// The tool, with each of these around it.
fn wrapped() -> Vec<Arc<dyn Tool>> {
    let retried = |name: &str| Retried::new(who(name), 1).unwrap();
    let approved = agent_tools::NeedsApproval::new(retried("approved"));
    vec![
        Arc::new(retried("retried")),
        Arc::new(Validated::new(retried("validated")).unwrap()),
        Arc::new(Validated::new(approved).unwrap()),
    ]
}

/// A team whose second agent, two levels deep, has the tools.
fn team() -> Team {
    let task = |agent| Reply::call(agent, json!({"task": "Ask."}));
    let all = ["retried", "validated", "approved"].map(|name| (name, json!({})));
    let calls = all.into_iter().fold(Reply::default(), |reply, (name, input)| reply.and_call(name, input));
    let model = Script::by(move |request| match (&*request.agent, request.messages.len()) {
        ("main", 1) => task("lead"),
        ("lead", 1) => task("clerk"),
        ("clerk", 1) => calls.clone(),
        ("clerk", _) => Reply::text(results(request).join(", ")),
        _ => Reply::text(results(request).concat()),
    });
    let agent = |name: &str| Agent::builder(name, model.clone());
    Team::new([
        agent("main").tool(AgentTool::new("lead", "Leads.")).build().unwrap(),
        agent("lead").tool(AgentTool::new("clerk", "Asks.")).build().unwrap(),
        agent("clerk").tools(wrapped()).build().unwrap(),
    ])
    .unwrap()
}

/// The results of the last calls.
fn results(request: &Request) -> Vec<String> {
    let blocks = request.messages.last().unwrap().content().iter();
    let texts = blocks.filter_map(|block| match block.kind() {
        BlockKind::ToolResult { content, .. } => Some(content.to_text()),
        _ => None,
    });
    texts.collect()
}

#[tokio::test(start_paused = true)]
async fn tools_around_others_pass_the_values_on_two_levels_deep() {
    let mut conversation = Conversation::start("main", "Who asks?");
    let end = team().run(&mut conversation).with(User("Ada")).await.unwrap();
    let End::Waiting(calls) = end else { panic!("{end:?}") };
    conversation.approve(&calls[0].key).unwrap();
    // The run that goes on belongs to somebody else. Finished calls stay as they are.
    let end = team().run(&mut conversation).with(User("Bob")).await.unwrap();
    assert_eq!(end.text(), "Ada asks, Ada asks, Bob asks");
}

#[tokio::test]
async fn a_run_without_the_value_fails_though_the_tool_is_wrapped() {
    for (place, tool) in ["retried", "validated", "approved"].into_iter().enumerate() {
        let model = Script::new([Reply::text("Done.")]);
        let agent = Agent::builder("clerk", model.clone()).tool(wrapped()[place].clone()).build().unwrap();
        let error = agent.run(&mut agent.start("Who asks?")).await.unwrap_err();
        let RunError::MissingValue(missing) = &error else { panic!("{error}") };
        assert_eq!((&*missing.tool, missing.value, model.requests().len()), (tool, "values::User", 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_typed_run_has_the_values() {
    let model = Script::by(|request| match request.messages.len() {
        1 => Reply::call("retried", json!({})),
        _ => Reply::text(json!(results(request)).to_string()),
    });
    let agent = Agent::builder("clerk", model).tool(wrapped()[0].clone()).build().unwrap();
    let typed = agent.run_typed::<Vec<String>>(&mut agent.start("Who asks?")).with(User("Ada")).await;
    assert_eq!(typed.unwrap().value, ["Ada asks"]);
    let error = agent.run_typed::<Vec<String>>(&mut agent.start("Who asks?")).await.unwrap_err();
    assert!(matches!(error, TypedError::Run(RunError::MissingValue(_))), "{error}");
}
