//! Claude behind a gateway whose tokens expire. `GATEWAY_URL`, `TOKEN_URL` and `CLIENT_SECRET` must
//! be set.

use std::time::Duration;

use agent_core::Agent;
use agent_llm::{
    Claude, ConfigError, LlmError,
    transport::{HttpClient, OutgoingRequest, Sign, SignError, async_trait},
};
use serde_json::json;
use tokio::{sync::Mutex, time::Instant};

struct Tokens {
    http: HttpClient,
    kept: Mutex<Option<(String, Instant)>>,
}

#[derive(serde::Deserialize)]
struct Token {
    access_token: String,
    expires_in: u64,
}

#[async_trait]
impl Sign for Tokens {
    async fn sign(&self, request: &mut OutgoingRequest) -> Result<(), SignError> {
        // Other requests wait here while a new token is fetched, and then use it too.
        let mut kept = self.kept.lock().await;
        if kept.as_ref().is_none_or(|(_, until)| *until <= Instant::now()) {
            let token: Result<Token, LlmError> = self.http.json("token", &json!({"scope": "models"})).await;
            let token = token.map_err(|error| match error.is_retryable() {
                true => SignError::temporary(error),
                false => SignError::permanent(error),
            })?;
            let until = Instant::now() + Duration::from_secs(token.expires_in.saturating_sub(30));
            *kept = Some((token.access_token, until));
        }
        let (token, _) = kept.as_ref().ok_or_else(|| SignError::permanent("there is no token"))?;
        request.set_bearer(token)
    }
}

pub fn gateway(url: &str, token_url: &str, secret: &str) -> Result<Claude, ConfigError> {
    let http = HttpClient::builder(token_url).key(secret).build()?;
    Claude::builder().base_url(url).signer(Tokens { http, kept: Mutex::new(None) }).build()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let [url, token_url, secret] = ["GATEWAY_URL", "TOKEN_URL", "CLIENT_SECRET"].map(std::env::var);
    let agent = Agent::builder("assistant", gateway(&url?, &token_url?, &secret?)?).build()?;
    let mut conversation = agent.start("Say hello.");
    agent.run(&mut conversation).await?;
    print!("{conversation}");
    Ok(())
}
