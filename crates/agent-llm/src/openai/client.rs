//! The client.

use std::{fmt, sync::Arc};

use agent_core::{BoxStream, Delta, Json, Llm, LlmError, Request};
use serde::de::DeserializeOwned;

use super::{answer_format, builder::OpenAiBuilder, plain_client::Plain, usable::Usable};
use crate::{
    transport::{api_request::ApiRequest, config_error::ConfigError},
    wrappers::{Bounded, Repair, Retry},
};

/// OpenAI over HTTP, and any server with a compatible API, as an [`Llm`](crate::Llm). An `OpenAi`
/// is a plain client with wrappers around it: [`Bounded`] around [`Repair`] around [`Retry`]. A
/// [gate](OpenAiBuilder::gate), if you set one, is between the retries and the plain client.
///
/// The client uses the Responses API or chat completions. A conversation has the same kinds of
/// blocks whatever model answered, so it may go from one model to another, also between tool calls.
/// Content that only OpenAI's APIs can read is kept in blocks whose types begin with `openai:`.
/// They go back to the server that wrote them, and to no other; see [`OpenAiBuilder::origin`].
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
/// A request repeats most of the one before it. So the client keeps the last body of each
/// conversation, together at most 8 MiB, and copies from it. It finds a conversation by its first
/// message, and drops its body some requests after the program has dropped that message.
///
/// Clones share settings, connections and these bodies.
#[derive(Clone)]
pub struct OpenAi(Arc<Bounded<Repair<Retry<Usable<Queued>>>>>);

/// The plain client, behind the gate of its settings.
struct Queued(Plain);

impl OpenAi {
    /// Starts to build a client of OpenAI's own server. Set what you need, then call
    /// [`build`](OpenAiBuilder::build).
    pub fn builder() -> OpenAiBuilder {
        OpenAiBuilder::default()
    }

    /// Makes a client with the API key from the environment variable `OPENAI_API_KEY`, and with
    /// defaults for everything else. Fails if the variable is not set.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::builder().build()
    }

    /// Starts to build a client of another server that has OpenAI's chat completions: Ollama
    /// (`http://localhost:11434/v1`), llama.cpp, vLLM, Groq, OpenRouter, DeepSeek, a gateway. You
    /// must set a [model](OpenAiBuilder::model), and a [key](OpenAiBuilder::key) if the server
    /// needs one. Nothing is read from the environment.
    pub fn compatible(url: impl Into<String>) -> OpenAiBuilder {
        OpenAiBuilder::compatible(url.into())
    }

    /// Makes a second client with changed settings, which shares this client's connections:
    /// `openai.with(|settings| settings.model("gpt-6-luna"))?`.
    pub fn with(&self, change: impl FnOnce(OpenAiBuilder) -> OpenAiBuilder) -> Result<Self, ConfigError> {
        let plain = self.plain();
        Plain::new(change(plain.settings().clone()), Some(plain)).map(Self::around)
    }

    /// An answer of JSON that is no model's reply, retried as the settings say. `name` says what it
    /// is, for errors.
    pub(super) async fn value<T: DeserializeOwned + Send + 'static>(
        &self,
        request: ApiRequest,
        name: &'static str,
    ) -> Result<T, LlmError> {
        let plain = self.plain();
        plain.settings().retry.retry(|| plain.value(request.clone(), name)).await
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

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        answer_format::is_supported(&self.plain().settings().body, schema)
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
