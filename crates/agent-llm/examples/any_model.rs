//! The same program with three models: cargo run -p agent-llm --features openai --example any_model
//!
//! An agent takes any `Llm`. So another model is another line, and nothing else changes. The clients
//! are the real ones. They talk to a server in this process, which needs no key. The comments have
//! the lines for the real servers.

use std::error::Error;

use agent_core::{Agent, Llm, script::Reply};
use agent_llm::{Claude, OpenAi};
use agent_mock::{Mock, Scenario};
use program::println;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    greetings().await?.iter().for_each(|(model, said)| println!("{model}: {said}"));
    Ok(())
}

/// What each model says.
pub(crate) async fn greetings() -> Result<[(&'static str, String); 3], Box<dyn Error>> {
    let server = Mock::start(Scenario::new([Reply::text("Hello! I am a scripted model.")])).await?;
    let (url, key) = (server.url(), "no key is needed here");

    // Claude::from_env()?
    let claude = Claude::builder().base_url(&url).key(key).build()?;
    // OpenAi::from_env()?
    let openai = OpenAi::builder().base_url(format!("{url}/v1")).key(key).build()?;
    // OpenAi::compatible("http://127.0.0.1:11434/v1").model("qwen3").build()?
    let compatible = OpenAi::compatible(format!("{url}/v1")).model("qwen3").build()?;

    Ok([
        ("Claude", hello(claude).await?),
        ("OpenAI", hello(openai).await?),
        ("a compatible server", hello(compatible).await?),
    ])
}

/// The program. It does not know which model it asks.
async fn hello(model: impl Llm + 'static) -> Result<String, Box<dyn Error>> {
    let agent = Agent::builder("greeter", model).system("You greet people.").build()?;
    let mut conversation = agent.start("Hello there.");
    Ok(agent.run(&mut conversation).await?.text().to_owned())
}
