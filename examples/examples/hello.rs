//! The smallest agent, over real HTTP: cargo run --example hello
//!
//! The client is the real one. It talks to a server in this process that speaks the Messages API;
//! with a key, `Claude::from_env()?` talks to Claude, and nothing else changes.

use std::error::Error;

use agent_core::{Agent, script::Reply};
use agent_llm::Claude;
use agent_mock::{Mock, Scenario};
use program::println;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Mock::start(Scenario::new([Reply::text("Hello! I am a scripted model.")])).await?;
    let claude = Claude::builder().base_url(server.url()).key("no key is needed here").build()?;

    let agent = Agent::builder("greeter", claude).system("You greet people.").build()?;
    let mut conversation = agent.start("Hello there.");
    println!("{}", agent.run(&mut conversation).await?.text());
    Ok(())
}
