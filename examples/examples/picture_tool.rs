//! A tool that returns a picture: cargo run --example picture_tool
//!
//! A result may have several blocks: texts and pictures, in order. The model sees the picture; logs
//! and printed conversations have `[image]` in its place. Look at what the server received: it
//! checks pictures as the API does.

use std::error::Error;

use agent_core::{Agent, Block, script::Reply};
use agent_llm::Claude;
use agent_mock::{Mock, Scenario};
use agent_tools::FnTool;
use program::{print, println};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// A bar chart of 24 by 16 pixels, a PNG in base64. In your program: `base64` of the file's bytes.
const CHART: &str = "iVBORw0KGgoAAAANSUhEUgAAABgAAAAQAQAAAAAkX4I4AAAAHUlEQVR42mP4//8/AwTLI2EJMP5Tj4STIbgHFQMAPsocQe0T\
                     v4gAAAAASUVORK5CYII=";

#[derive(Deserialize, JsonSchema)]
struct Week {
    number: u32,
}

fn chart(Week { number }: Week) -> Result<Vec<Block>, String> {
    match number {
        1..=53 => Ok(vec![Block::text(format!("Sales of week {number}:")), Block::image("image/png", CHART)]),
        _ => Err(format!("there is no week {number}")),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let replies = [
        Reply::call("chart", json!({"number": 12})),
        Reply::text("Thursday was best: it has the tallest bar."),
    ];
    let server = Mock::start(Scenario::new(replies)).await?;
    let claude = Claude::builder().base_url(server.url()).key("no key is needed here").build()?;
    let chart = FnTool::new("chart", "Draws the sales of a week.", chart).read_only();
    let agent = Agent::builder("analyst", claude).tool(chart).build()?;

    let mut conversation = agent.start("Which day of week 12 was best?");
    agent.run(&mut conversation).await?;
    print!("{conversation}");

    let result = &server.requests()[1].body["messages"][2]["content"][0];
    for block in result["content"].as_array().into_iter().flatten() {
        println!(
            "The model got {}: {}",
            block["type"],
            block.get("text").unwrap_or(&block["source"]["media_type"])
        );
    }
    Ok(())
}
