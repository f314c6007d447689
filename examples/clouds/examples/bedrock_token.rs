//! Claude on Amazon Bedrock, with an API key of Bedrock. `AWS_REGION` and
//! `AWS_BEARER_TOKEN_BEDROCK` must be set.

use agent_core::Agent;
use agent_llm::{Claude, ConfigError, Key};

pub fn bedrock(url: &str, token: &str) -> Result<Claude, ConfigError> {
    let model = "anthropic.claude-sonnet-5-5";
    Claude::builder().base_url(url).key(Key::bearer(token)).model(model).build()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (region, token) = (std::env::var("AWS_REGION")?, std::env::var("AWS_BEARER_TOKEN_BEDROCK")?);
    let claude = bedrock(&format!("https://bedrock-mantle.{region}.api.aws/anthropic"), &token)?;

    let agent = Agent::builder("assistant", claude).build()?;
    let mut conversation = agent.start("Say hello.");
    agent.run(&mut conversation).await?;
    print!("{conversation}");
    Ok(())
}
