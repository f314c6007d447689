//! Claude on Google's Vertex AI, with the machine's credentials for Google Cloud. `VERTEX_REGION`,
//! such as `us-east5`, must be set.

use std::sync::Arc;

use agent_core::Agent;
use agent_llm::{
    Claude, ConfigError, LlmError, LlmErrorKind,
    transport::{OutgoingRequest, SignError, bearer},
};
use gcp_auth::TokenProvider;

fn as_vertex_wants_it(request: &mut OutgoingRequest) -> Result<(), LlmError> {
    let mut fields = request.fields()?;
    let path = match request.path() {
        "v1/messages" => {
            let model: Option<String> = fields.remove("model").and_then(|model| model.parse().ok());
            let is_streamed = fields.get("stream").is_some_and(|stream| stream.text() == "true");
            let call = if is_streamed { "streamRawPredict" } else { "rawPredict" };
            format!("publishers/anthropic/models/{}:{call}", model.unwrap_or_default())
        }
        "v1/messages/count_tokens" => "publishers/anthropic/models/count-tokens:rawPredict".to_owned(),
        path => return Err(LlmError::new(LlmErrorKind::Configuration, format!("Vertex AI has no {path}"))),
    };
    // The version is a field of the body, not a header.
    let version = request.headers_mut().remove("anthropic-version");
    let version = version.as_ref().and_then(|version| version.to_str().ok()).unwrap_or_default();
    fields.insert("anthropic_version".to_owned(), serde_json::json!(version).into());
    request.set_path(path);
    request.set_fields(&fields);
    Ok(())
}

pub fn vertex(url: &str, provider: Arc<dyn TokenProvider>) -> Result<Claude, ConfigError> {
    let token = move || {
        let provider = provider.clone();
        async move {
            let token = provider.token(&["https://www.googleapis.com/auth/cloud-platform"]).await;
            token.map(|token| token.as_str().to_owned()).map_err(SignError::temporary)
        }
    };
    let claude = Claude::builder().base_url(url).version("vertex-2023-10-16").model("claude-sonnet-5-5");
    claude.rewrite(as_vertex_wants_it).signer(bearer(token)).build()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (region, provider) = (std::env::var("VERTEX_REGION")?, gcp_auth::provider().await?);
    let place = format!("projects/{}/locations/{region}", provider.project_id().await?);
    let claude = vertex(&format!("https://{region}-aiplatform.googleapis.com/v1/{place}"), provider)?;

    let agent = Agent::builder("assistant", claude).build()?;
    let mut conversation = agent.start("Say hello.");
    agent.run(&mut conversation).await?;
    print!("{conversation}");
    Ok(())
}
