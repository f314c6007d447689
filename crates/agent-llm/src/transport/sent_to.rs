//! Whom a client asks, for those who watch.

use std::future::ready;

use agent_core::{BoxStream, Delta, LlmError, Request, SharedText, model::Notice};
use futures::{Stream, StreamExt, stream};

use super::endpoint::Endpoint;

/// Who offers an API, by the end of the name of its host. The names are those of OpenTelemetry's
/// conventions. Source: <https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/>.
const BY_HOST: [(&str, &str); 14] = [
    ("api.anthropic.com", "anthropic"),
    ("api.openai.com", "openai"),
    ("openai.azure.com", "azure.ai.openai"),
    ("ai.azure.com", "azure.ai.inference"),
    ("amazonaws.com", "aws.bedrock"),
    ("api.aws", "aws.bedrock"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.groq.com", "groq"),
    ("api.deepseek.com", "deepseek"),
    ("api.x.ai", "x_ai"),
    ("api.moonshot.ai", "moonshot_ai"),
    ("api.perplexity.ai", "perplexity"),
];

/// The provider and the server that a client asks.
#[derive(Clone, Debug)]
pub(crate) struct SentTo {
    provider: SharedText,
    server: SharedText,
}

impl SentTo {
    /// For a server whose host says nothing, the provider is the one whose API it speaks.
    pub(crate) fn of(endpoint: &Endpoint, api: &'static str) -> Self {
        let host = endpoint.host();
        let is_at = |name: &str| {
            host.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with(['.', '-']))
        };
        let known = BY_HOST.iter().find(|(name, _)| is_at(name));
        let server = match endpoint.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let provider = known.map_or(api, |(_, provider)| provider).into();
        Self { provider, server: server.into() }
    }

    /// Says that this request is sent now. `model` is the model of the settings.
    pub(crate) fn notice(&self, model: &SharedText, request: &Request) -> Delta {
        let own = request.extra.get("model").and_then(|model| model.parse::<SharedText>().ok());
        let model = own.unwrap_or_else(|| model.clone());
        let provider = self.provider.clone();
        Delta::Notice(Notice::Sent { provider, model, server: Some(self.server.clone()) })
    }
}

/// A reply after the notice that its request is sent.
pub(crate) fn announced<'a>(
    sent: Delta,
    reply: impl Stream<Item = Result<Delta, LlmError>> + Send + 'a,
) -> BoxStream<'a, Result<Delta, LlmError>> {
    stream::once(ready(Ok(sent))).chain(reply).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_provider_is_known_by_the_host_or_else_by_the_api() {
        let check = |url: &str, expected: (&str, &str)| {
            let endpoint = Endpoint::of(url, true, "https://api.example.com").unwrap();
            let sent = SentTo::of(&endpoint, "openai");
            assert_eq!((&*sent.provider, &*sent.server), expected, "{url}");
        };
        check("https://api.openai.com/v1", ("openai", "api.openai.com"));
        check("https://api.anthropic.com", ("anthropic", "api.anthropic.com"));
        check("https://us-aiplatform.googleapis.com/x", ("gcp.vertex_ai", "us-aiplatform.googleapis.com"));
        check("https://bedrock-mantle.eu-1.api.aws", ("aws.bedrock", "bedrock-mantle.eu-1.api.aws"));
        check("https://me.openai.azure.com/v1", ("azure.ai.openai", "me.openai.azure.com"));
        check("https://notapi.x.ai", ("openai", "notapi.x.ai"));
        check("http://localhost:11434/v1", ("openai", "localhost:11434"));
        check("http://[::1]:80/v1", ("openai", "[::1]"));
    }
}
