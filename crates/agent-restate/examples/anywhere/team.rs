//! The team: one agent asks another one twice in parallel, and then hands over to a third one.

use std::error::Error;

use agent_core::{
    Agent, Team,
    script::{Reply, Script},
};
use agent_handoff::Handoff;
use agent_tools::{AgentTool, math};
use serde_json::json;

pub(crate) fn team() -> Result<Team, Box<dyn Error>> {
    let ask_both = Reply::call("ledger", json!({"task": "What did customer 7 pay in May?"}))
        .and_call("ledger", json!({"task": "What did customer 7 pay in June?"}));
    let to_support = Reply::call("handoff", json!({"name": "support", "reason": "The app is broken."}));
    let model = Script::by(move |request| match (&*request.agent, request.messages.len()) {
        ("billing", 1) => ask_both.clone(),
        ("billing", _) => to_support.clone(),
        ("ledger", 1) => Reply::call("sum_numbers", json!({"numbers": [19.5, 10]})),
        ("ledger", _) => Reply::text("29.50"),
        _ => Reply::text("29.50 a month; and please restart the app."),
    });
    let billing =
        Agent::builder("billing", model.clone()).tool(AgentTool::new("ledger", "Knows what was paid."));
    let billing = billing.tools(Handoff::to([("support", "The app and its faults.")]).tools()).build()?;
    let ledger = Agent::builder("ledger", model.clone()).tool(math::sum_numbers()).build()?;
    Ok(Team::new([billing, ledger, Agent::builder("support", model).build()?])?)
}
