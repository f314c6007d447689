//! How to test an agent, without a network and without waiting: cargo run --example test_your_agent
//!
//! In your project this is a `#[tokio::test(start_paused = true)]`. A scripted model gives the
//! replies. The clock is paused, so sleeps take no time. The test checks the printed conversation.

use std::{error::Error, time::Duration};

use agent_core::{
    Agent,
    script::{Reply, Script},
};
use agent_tools::FnTool;
use program::println;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, sleep};

#[derive(Deserialize, JsonSchema)]
struct Order {
    number: u32,
}

async fn ship(Order { number }: Order) -> Result<String, String> {
    sleep(Duration::from_secs(3600)).await;
    if number == 13 { Err("we don't ship that one".into()) } else { Ok(format!("shipped {number}")) }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let model = Script::new([
        Reply::call("ship", json!({"number": 12})).and_call("ship", json!({"number": 13})),
        Reply::text("12 is on its way, 13 is not."),
    ]);
    let tool = FnTool::new("ship", "Ships an order.", ship);
    let agent = Agent::builder("shop", model.clone()).system("You ship.").tool(tool).build()?;

    let mut conversation = agent.start("Ship 12 and 13.");
    let end = agent.run(&mut conversation).await?;

    assert_eq!(end.text(), "12 is on its way, 13 is not.");
    assert!(conversation.to_string().contains("< call_0_1 failed: we don't ship that one"));
    assert_eq!(model.requests().len(), 2);
    assert!(model.requests()[0].system_text().ends_with("You ship."));
    assert_eq!(began.elapsed(), Duration::from_secs(3600), "both calls at once");
    println!("{conversation}\nTwo calls of an hour at once; all as it should be.");
    Ok(())
}
