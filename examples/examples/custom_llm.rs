//! Your own model backend, in one method: cargo run --example custom_llm
//!
//! Anything that answers a text can be a model. A backend that streams yields more than one
//! `Delta`.

use agent_core::{Agent, BoxStream, Delta, Llm, LlmError, Request, Response, model::non_streaming};
use program::println;

struct Parrot;

impl Llm for Parrot {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        non_streaming(async move { Ok(Response::text(format!("{}, {0}!", request.last_text()))) })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let parrot = Agent::builder("parrot", Parrot).build()?;
    let mut conversation = parrot.start("Polly wants a tool call");
    println!("{}", parrot.run(&mut conversation).await?.text());
    Ok(())
}
