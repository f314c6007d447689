//! Three tools of 300 ms, called in one reply, take 300 ms: cargo run --example parallel_tools
//!
//! Two of the tools are async, one is sync and blocks its thread. The loop treats them alike. The
//! results go back to the model in one message, in the order of the calls.

use std::{error::Error, time::Duration};

use agent_core::{
    Agent,
    script::{Reply, Script},
};
use agent_timeline::Timeline;
use agent_tools::FnTool;
use program::{print, println};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize, JsonSchema)]
struct City {
    name: String,
}

const PAUSE: Duration = Duration::from_millis(300);

async fn weather(City { name }: City) -> Result<String, String> {
    tokio::time::sleep(PAUSE).await;
    Ok(format!("It rains in {name}."))
}

fn population(City { name }: City) -> Result<String, String> {
    std::thread::sleep(PAUSE);
    Ok(format!("{name} has 709,000 inhabitants."))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let oslo = json!({"name": "Oslo"});
    let model = Script::new([
        Reply::call("weather", oslo.clone()).and_call("population", oslo.clone()).and_call("weather", oslo),
        Reply::text("Oslo: wet, and 709,000 people in it."),
    ]);
    let agent = Agent::builder("guide", model)
        .tool(FnTool::new("weather", "The weather in a city.", weather).read_only().shared())
        .tool(FnTool::new("population", "How many people live in a city.", population))
        .build()?;

    let mut conversation = agent.start("Tell me about Oslo.");
    let mut run = agent.run(&mut conversation);
    let mut events = Vec::new();
    while let Some(event) = run.next().await {
        events.push(event);
    }
    println!("{}\n", run.await?.text());
    print!("{}", Timeline::new(&events).to_text(80));
    Ok(())
}
