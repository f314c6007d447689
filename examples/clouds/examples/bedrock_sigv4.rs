//! Claude on Amazon Bedrock, with signed requests. `AWS_REGION`, `AWS_ACCESS_KEY_ID` and
//! `AWS_SECRET_ACCESS_KEY` must be set.

use agent_core::Agent;
use agent_llm::{
    Claude, ConfigError,
    transport::{OutgoingRequest, Sign, SignError, async_trait},
};
use reqsign_aws_v4::{Credential, EnvCredentialProvider, RequestSigner};
use reqsign_core::{Context, OsEnv, ProvideCredential, Signer, hash::hex_sha256};

struct SigV4(Signer<Credential>);

#[async_trait]
impl Sign for SigV4 {
    async fn sign(&self, request: &mut OutgoingRequest) -> Result<(), SignError> {
        let head = http::Request::builder().method(request.method()).uri(request.url().as_str());
        let (mut head, ()) = head.body(()).map_err(SignError::permanent)?.into_parts();
        head.headers = request.headers().clone();
        // The signer takes the hash of the body from the headers.
        let hash = hex_sha256(request.body()).parse().map_err(SignError::permanent)?;
        head.headers.insert("x-amz-content-sha256", hash);
        self.0.sign(&mut head, None).await.map_err(|error| match error.is_retryable() {
            true => SignError::temporary(error),
            false => SignError::permanent(error),
        })?;
        *request.headers_mut() = head.headers;
        Ok(())
    }
}

pub fn bedrock(
    url: &str,
    region: &str,
    credentials: impl ProvideCredential<Credential = Credential>,
) -> Result<Claude, ConfigError> {
    let request_signer = RequestSigner::new("bedrock-mantle", region);
    let signer = Signer::new(Context::new().with_env(OsEnv), credentials, request_signer);
    let model = "anthropic.claude-sonnet-5-5";
    Claude::builder().base_url(url).signer(SigV4(signer)).model(model).build()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let region = std::env::var("AWS_REGION")?;
    let url = format!("https://bedrock-mantle.{region}.api.aws/anthropic");
    let claude = bedrock(&url, &region, EnvCredentialProvider::new())?;

    let agent = Agent::builder("assistant", claude).build()?;
    let mut conversation = agent.start("Say hello.");
    agent.run(&mut conversation).await?;
    print!("{conversation}");
    Ok(())
}
