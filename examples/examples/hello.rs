//! The smallest agent, over real HTTP: cargo run --example hello
//!
//! The client is the real one, but the server is a mock of the Messages API in this process. For a
//! real model, change only the line that makes the client:
//!
//! - `Claude::from_env()?` asks Claude, with the key in `ANTHROPIC_API_KEY`
//! - `OpenAi::from_env()?` asks OpenAI, with the key in `OPENAI_API_KEY`
//! - `OpenAi::compatible("http://127.0.0.1:11434/v1").model("qwen3").build()?` asks Ollama
//!
//! `OpenAi` is in `agent-llm` with the feature `openai`, and so is an example that runs all three:
//! `cargo run -p agent-llm --features openai --example any_model`.

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
