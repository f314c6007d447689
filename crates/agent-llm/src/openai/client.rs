//! The client.

use std::{fmt, sync::Arc};

use agent_core::{BoxStream, Delta, Llm, LlmError, Request};

use super::{builder::OpenAiBuilder, plain_client::Plain, usable::Usable};
use crate::{
    transport::config_error::ConfigError,
    wrappers::{Bounded, Repair, Retry},
};

/// OpenAI over HTTP, and any server that speaks like it: [`Bounded`] around [`Repair`] around
/// [`Retry`] around a plain client, which has a [`Gate`](crate::Gate) in front of it if [the
/// settings](OpenAiBuilder::gate) have one.
///
/// It speaks the Responses API or chat completions. The record of a conversation has the same
/// blocks whatever model answered, so a conversation may go from one model to another, in the
/// middle of a turn, too. What only OpenAI's APIs can read is kept in blocks of types that begin
/// with `openai:`. They go back to the server that wrote them, and to no other; see
/// [`OpenAiBuilder::origin`].
///
/// ```
/// use agent_llm::{Llm, Message, OpenAi, Request, fold};
/// # use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let server = MockServer::start().await;
/// # let url = server.uri();
/// # let chunk = r#"{"choices":[{"index":0,"delta":{"content":"Hello!"},"finish_reason":"stop"}]}"#;
/// # let reply = format!("data: {chunk}\n\ndata: [DONE]\n\n");
/// # let reply = ResponseTemplate::new(200).set_body_raw(reply, "text/event-stream");
/// # Mock::given(any()).respond_with(reply).mount(&server).await;
/// // With a key in OPENAI_API_KEY, `OpenAi::from_env()?` asks OpenAI itself.
/// let model = OpenAi::compatible(url).model("qwen3").build()?;
/// let request = Request::new(vec![Message::user("Say hello.")]);
/// let reply = fold(model.stream(request), |_| {}).await?;
/// assert_eq!(reply.content[0].as_text(), Some("Hello!"));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Clones share settings and connections.
#[derive(Clone)]
pub struct OpenAi(Arc<Bounded<Repair<Retry<Usable<Queued>>>>>);

/// The plain client, behind the gate of its settings.
struct Queued(Plain);

impl OpenAi {
    /// A client of OpenAI's own server, to be set up.
    pub fn builder() -> OpenAiBuilder {
        OpenAiBuilder::default()
    }

    /// A client with the key of `OPENAI_API_KEY`, and defaults for all else.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::builder().build()
    }

    /// A client of a server that speaks chat completions as OpenAI does, to be set up: Ollama
    /// (`http://localhost:11434/v1`), llama.cpp, vLLM, Groq, OpenRouter, DeepSeek, a gateway. It
    /// needs a model, and a key only if the server does. Nothing is read from the environment.
    pub fn compatible(url: impl Into<String>) -> OpenAiBuilder {
        OpenAiBuilder::compatible(url.into())
    }

    /// A client with other settings that shares this one's connections:
    /// `openai.with(|settings| settings.model("gpt-6-luna"))?`.
    pub fn with(&self, change: impl FnOnce(OpenAiBuilder) -> OpenAiBuilder) -> Result<Self, ConfigError> {
        let plain = self.plain();
        Plain::new(change(plain.settings().clone()), Some(plain)).map(Self::around)
    }

    pub(crate) fn around(plain: Plain) -> Self {
        let (policy, bounds) = (plain.settings().retry.clone(), plain.settings().bounds.clone());
        let (settings, call_ids) = (plain.settings().clone(), plain.call_ids());
        let asked = Retry::new(Usable::new(Queued(plain), &settings, call_ids), policy);
        Self(Arc::new(Bounded::new(Repair::new(asked), bounds)))
    }

    fn plain(&self) -> &Plain {
        &self.0.inner().inner().inner().inner().0
    }
}

impl Llm for OpenAi {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        self.0.stream(self.plain().origin().readable(request))
    }
}

impl Llm for Queued {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        match &self.0.settings().gate {
            Some(gate) => gate.pass(&self.0, request),
            None => self.0.stream(request),
        }
    }
}

impl fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenAi").field(self.plain().settings()).finish()
    }
}
