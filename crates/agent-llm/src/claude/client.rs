//! The client.

use std::{fmt, sync::Arc};

use agent_core::{BoxStream, Delta, Json, Llm, LlmError, Request};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    api::COUNT_TOKENS, builder::ClaudeBuilder, foreign::without_foreign, messages::Messages,
    threads::Threads, wire,
};
use crate::{
    transport::{api_request::ApiRequest, config_error::ConfigError},
    wrappers::{Bounded, Repair, Retry, RetryPolicy},
};

/// Claude over HTTP, as an [`Llm`].
///
/// A `Claude` is a plain client of the Messages API with wrappers around it: [`Bounded`] around
/// [`Repair`] around [`Retry`]. A [gate](ClaudeBuilder::gate), if you set one, is between the
/// retries and the plain client. Clones share settings and connections. Source:
/// <https://docs.claude.com/en/api/messages>.
///
/// A conversation can continue with Claude on another platform (Amazon Bedrock, Google Cloud),
/// because signatures of thinking are valid on all of them. Signatures of other servers that speak
/// the Messages API are not valid there, and those of another model may not be. If the API refuses
/// a signature, [`Repair`] leaves that thinking out. Source:
/// <https://docs.claude.com/en/docs/build-with-claude/extended-thinking>.
#[derive(Clone)]
pub struct Claude(Arc<Bounded<Repair<Retry<Sender>>>>);

/// The plain client, behind the gate of its settings.
struct Queued(Messages);

/// The same, in threads or not.
enum Sender {
    Threads(Threads<Queued>),
    Whole(Queued),
}

impl Claude {
    /// Starts to build a client. Set what you need, then call [`build`](ClaudeBuilder::build).
    pub fn builder() -> ClaudeBuilder {
        ClaudeBuilder::default()
    }

    /// Makes a client with the API key from the environment variable `ANTHROPIC_API_KEY`, and with
    /// defaults for everything else. Fails if the variable is not set.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::builder().build()
    }

    /// Makes a second client with changed settings, which shares this client's connections:
    /// `claude.with(|settings| settings.model("claude-haiku-5-5"))?`.
    pub fn with(&self, change: impl FnOnce(ClaudeBuilder) -> ClaudeBuilder) -> Result<Self, ConfigError> {
        let messages = self.messages();
        Messages::new(change(messages.settings().clone()), Some(messages)).map(Self::around)
    }

    /// Asks the API how many tokens of input a request would have. All that would be sent is
    /// counted: with tools, thinking and cache markers, and within the
    /// [bounds](ClaudeBuilder::bounds).
    ///
    /// This request is retried like others, and has the time limit of a reply that is not streamed.
    /// It does not pass the gate, because the API limits such requests separately. It is not
    /// repaired: a history that the API refuses is an error. Source:
    /// <https://docs.claude.com/en/docs/build-with-claude/token-counting>.
    ///
    /// ```no_run
    /// # use agent_llm::{Claude, LlmError, Message, Request};
    /// # async fn count(claude: Claude) -> Result<(), LlmError> {
    /// let request = Request::new(vec![Message::user("How long is this?")]);
    /// println!("{} tokens", claude.count_tokens(&request).await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn count_tokens(&self, request: &Request) -> Result<u64, LlmError> {
        /// The most bytes that are read of a count.
        const LONGEST: usize = 1024 * 1024;
        #[derive(Deserialize)]
        struct Count {
            input_tokens: u64,
        }
        let body = wire::counted(self.messages().settings(), &self.fitted(request.clone()));
        let request = ApiRequest::post(COUNT_TOKENS, body.into());
        let count: Count = self.value(request, "a count of tokens", LONGEST).await?;
        Ok(count.input_tokens)
    }

    /// The request within the bounds of the settings.
    pub(super) fn fitted(&self, request: Request) -> Request {
        self.0.bounds().fit(without_foreign(request)).0
    }

    /// An answer of JSON that is no model's reply, retried as the settings say. `name` says what it
    /// is, for errors.
    pub(super) async fn value<T: DeserializeOwned + Send + 'static>(
        &self,
        request: ApiRequest,
        name: &'static str,
        most: usize,
    ) -> Result<T, LlmError> {
        let http = self.messages().http();
        self.policy().retry(|| http.value(request.clone(), name, most)).await
    }

    pub(super) fn policy(&self) -> &RetryPolicy {
        self.retry().policy()
    }

    pub(crate) fn around(messages: Messages) -> Self {
        let policy = messages.settings().retry.clone();
        let bounds = messages.settings().bounds.clone();
        let remembered = messages.settings().remembered_threads;
        let sender = match messages.settings().threads {
            true => Sender::Threads(Threads::new(Queued(messages), remembered)),
            false => Sender::Whole(Queued(messages)),
        };
        Self(Arc::new(Bounded::new(Repair::new(Retry::new(sender, policy)), bounds)))
    }

    fn retry(&self) -> &Retry<Sender> {
        self.0.inner().inner()
    }

    pub(super) fn messages(&self) -> &Messages {
        match self.retry().inner() {
            Sender::Threads(threads) => &threads.inner().0,
            Sender::Whole(queued) => &queued.0,
        }
    }
}

impl Llm for Claude {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        self.0.stream(without_foreign(request))
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        wire::is_supported(self.messages().settings(), schema)
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

impl Llm for Sender {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        match self {
            Self::Threads(threads) => threads.stream(request),
            Self::Whole(queued) => queued.stream(request),
        }
    }
}

impl fmt::Debug for Claude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claude").field(self.messages().settings()).finish()
    }
}
