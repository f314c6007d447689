//! OpenAI's models on Azure. `AZURE_RESOURCE`, `AZURE_DEPLOYMENT` and `AZURE_OPENAI_API_KEY` must be
//! set.

use agent_core::Agent;
use agent_llm::{ConfigError, Key, OpenAi};

pub fn azure(url: &str, deployment: &str, key: &str) -> Result<OpenAi, ConfigError> {
    // The query stays behind the path of each request.
    let url = format!("{url}/openai/deployments/{deployment}?api-version=2024-10-21");
    OpenAi::builder().base_url(url).key(Key::in_header("api-key", key)).model(deployment).chat().build()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let [resource, deployment, key] =
        ["AZURE_RESOURCE", "AZURE_DEPLOYMENT", "AZURE_OPENAI_API_KEY"].map(std::env::var);
    let url = format!("https://{}.openai.azure.com", resource?);
    let openai = azure(&url, &deployment?, &key?)?;

    let agent = Agent::builder("assistant", openai).build()?;
    let mut conversation = agent.start("Say hello.");
    agent.run(&mut conversation).await?;
    print!("{conversation}");
    Ok(())
}
