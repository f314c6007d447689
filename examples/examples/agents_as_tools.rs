//! An orchestrator gives two specialists work at once: cargo run --example agents_as_tools
//!
//! Each specialist is an agent with its own tools and its own conversation. For the orchestrator, a
//! specialist is a tool, and the specialist's answer is the result of the tool's call.

use std::{error::Error, time::Duration};

use agent_core::{
    Agent, Conversation, Team,
    event::EventLog,
    script::{Reply, Script},
};
use agent_tools::{AgentTool, math};
use program::println;
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let pause = Duration::from_millis(200);
    let tasks = Reply::call("adder", json!({"task": "Add 17 and 25."}))
        .and_call("rooter", json!({"task": "What is the square root of 144?"}));
    let both = Reply::text("17 + 25 = 42, and the root of 144 is 12.");
    let add = Reply::call("sum_numbers", json!({"numbers": [17, 25]}));
    let root = Reply::call("square_root", json!({"number": 144}));
    let model = Script::by_agent([
        ("orchestrator", vec![tasks.after(pause), both.after(pause)]),
        ("adder", vec![add.after(pause), Reply::text("42").after(pause)]),
        ("rooter", vec![root.after(pause), Reply::text("12").after(pause)]),
    ]);
    let team = Team::new([
        Agent::builder("orchestrator", model.clone())
            .tool(AgentTool::new("adder", "Adds numbers."))
            .tool(AgentTool::new("rooter", "Knows roots."))
            .build()?,
        Agent::builder("adder", model.clone()).tool(math::sum_numbers()).build()?,
        Agent::builder("rooter", model).tool(math::square_root()).build()?,
    ])?;

    let log = EventLog::new(80);
    let mut conversation = Conversation::start("orchestrator", "17 + 25, and the root of 144?");
    let run = team.run(&mut conversation);
    run.listen(move |event| log.line(event).into_iter().for_each(|line| println!("{line}"))).await?;
    Ok(())
}
