//! An agent delegates and hands over: cargo run --example handoff_and_delegate
//!
//! Billing asks two specialists in parallel. This is delegation: billing reads their answers and
//! answers the user. A question that is not about money goes to another agent. This is a handoff:
//! the other agent answers the user from then on.

use std::error::Error;

use agent_core::{
    Agent, Conversation, Team,
    event::EventLog,
    script::{Reply, Script},
};
use agent_handoff::Handoff;
use agent_tools::{AgentTool, math};
use program::println;
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let ask_both = Reply::call("ledger", json!({"task": "What did customer 7 pay in May and June?"}))
        .and_call("contracts", json!({"task": "What does customer 7 owe a month?"}));
    let to_support = Reply::call("handoff", json!({"name": "support", "reason": "The app is broken."}));
    let sum = Reply::call("sum_numbers", json!({"numbers": [19.5, 39]}));
    let model = Script::by_agent([
        ("billing", vec![ask_both, Reply::text("You paid 58.50 for two months at 19.50."), to_support]),
        ("ledger", vec![sum, Reply::text("58.50")]),
        ("contracts", vec![Reply::text("19.50")]),
        ("support", vec![Reply::text("Please restart it.")]),
    ]);
    let agent = |name: &str| Agent::builder(name, model.clone());
    let team = Team::new([
        agent("billing")
            .tool(AgentTool::new("ledger", "Knows what was paid."))
            .tool(AgentTool::new("contracts", "Knows what was agreed."))
            .tools(Handoff::to([("support", "The app and its faults.")]).tools())
            .build()?,
        agent("ledger").tool(math::sum_numbers()).build()?,
        agent("contracts").build()?,
        agent("support").build()?,
    ])?;

    let mut conversation = Conversation::new("billing");
    for question in ["Did I pay too much?", "And the app does not start."] {
        conversation.say(question);
        println!("user: {question}");
        let log = EventLog::new(100);
        let run = team.run(&mut conversation);
        run.listen(move |event| log.line(event).into_iter().for_each(|line| println!("{line}"))).await?;
    }
    Ok(())
}
