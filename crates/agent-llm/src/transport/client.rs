//! The HTTP client for a backend of your own.

use std::{fmt, future::ready, sync::Arc};

use agent_core::{BoxStream, Delta, LlmError, model::LlmErrorKind};
use futures::{StreamExt, stream};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    api::Api,
    api_request::ApiRequest,
    config_error::ConfigError,
    delta_writer::DeltaWriter,
    http::Http,
    key::Key,
    parser::EventParser,
    rate_limit::OPENAI,
    settings::{HttpSettings, http_settings},
    sse::Event,
    written::Written,
};

/// What most APIs besides Anthropic's have in common.
const COMMON: Api = Api {
    provider: "custom",
    key_variable: None,
    base_url: "https://api.example.com/v1",
    key_header: "authorization",
    key_scheme: "Bearer ",
    request_id: "x-request-id",
    rate_limits: &OPENAI,
};

/// An HTTP client for a backend of your own. It posts JSON and reads answers, streamed or in one
/// piece, with time limits, size limits, and typed errors that contain no secret.
///
/// The client makes each request once. For retries, put [`Retry`](crate::Retry) around your
/// backend. The headers of a streamed answer may say the rate limits of the account. The client
/// reports them as [`Notice::RateLimit`](crate::Notice), so that a [`Gate`](crate::Gate) around
/// your backend learns them: `gate.around(backend)`. Clones share settings and connections.
///
/// This is a whole backend for a server that streams its reply as events of plain text:
///
/// ```
/// use agent_llm::{
///     BoxStream, Delta, Llm, LlmError, Message, Request, StopReason, fold, transport::HttpClient,
/// };
/// # use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};
///
/// struct Plain(HttpClient);
///
/// impl Llm for Plain {
///     fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
///         let body = serde_json::json!({"prompt": request.last_text()});
///         self.0.stream("generate", &body, |event, reply| match &*event.name {
///             "end" => {
///                 reply.stop(StopReason::EndTurn);
///                 reply.finish()
///             }
///             _ => reply.text(&event.data),
///         })
///     }
/// }
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let server = MockServer::start().await;
/// # let url = server.uri();
/// # let events = "data: Hel\n\ndata: lo!\n\nevent: end\ndata:\n\n";
/// # let answer = ResponseTemplate::new(200).set_body_raw(events, "text/event-stream");
/// # Mock::given(any()).respond_with(answer).mount(&server).await;
/// let model = Plain(HttpClient::builder(url).key("k").build()?);
/// let reply = fold(model.stream(Request::new(vec![Message::user("Say hello.")])), |_| {}).await?;
/// assert_eq!(reply.content[0].as_text(), Some("Hello!"));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct HttpClient {
    http: Arc<Http>,
    settings: HttpClientBuilder,
}

impl HttpClient {
    /// Starts to build a client for the API at this base URL, such as `https://api.openai.com/v1`.
    pub fn builder(base_url: impl Into<String>) -> HttpClientBuilder {
        let http = HttpSettings { base_url: Some(base_url.into()), ..HttpSettings::default() };
        HttpClientBuilder { http }
    }

    /// Posts a body to a path below the base URL and reads the streamed answer (server-sent
    /// events). `read` is called for each event and writes its content into the [`DeltaWriter`]. If
    /// `read` fails, the reply ends with its error. The request is sent when the stream is first
    /// polled.
    ///
    /// The reply is complete when `read` calls [`DeltaWriter::finish`]. After
    /// [`DeltaWriter::stop`], it is also complete at the end of the stream, or with an event whose
    /// data is `[DONE]` (for which `read` is not called). A stream that ends before the reply is
    /// complete is an error, which [`Retry`](crate::Retry) retries.
    ///
    /// The client itself fails in these cases: the status is no success, the answer is no stream,
    /// an event is named `error`, the data of an event is JSON with an `error` in it, or a limit is
    /// exceeded. By default, the whole reply may take an hour
    /// ([`total_timeout`](HttpClientBuilder::total_timeout)).
    pub fn stream<'a>(
        &'a self,
        path: &str,
        body: &impl Serialize,
        read: impl FnMut(&Event<'_>, &mut DeltaWriter) -> Result<(), LlmError> + Send + 'a,
    ) -> BoxStream<'a, Result<Delta, LlmError>> {
        match self.post(path, body) {
            Ok(request) => self.http.streamed(move || request, EventParser::of(Written::by(read))).boxed(),
            Err(error) => stream::once(ready(Err(error))).boxed(),
        }
    }

    /// Posts a body to a path below the base URL and reads the answer, which is JSON. Fails if the
    /// answer is larger than [`longest_reply`](HttpClientBuilder::longest_reply), or takes longer
    /// than [`total_timeout`](HttpClientBuilder::total_timeout), which is 600 s by default.
    ///
    /// ```
    /// # use agent_llm::transport::HttpClient;
    /// # use serde_json::{Value, json};
    /// # use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let server = MockServer::start().await;
    /// # let answer = ResponseTemplate::new(200).set_body_json(json!({"tokens": 3}));
    /// # Mock::given(path("/v1/tokenize")).respond_with(answer).mount(&server).await;
    /// # let url = format!("{}/v1", server.uri());
    /// let http = HttpClient::builder(url).build()?;
    /// let counted: Value = http.json("tokenize", &json!({"text": "Say hello."})).await?;
    /// assert_eq!(counted["tokens"], 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn json<T: DeserializeOwned + Send + 'static>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, LlmError> {
        let request = self.post(path, body)?;
        self.http.value(request, "another answer", self.settings.http.longest_reply).await
    }

    fn post(&self, path: &str, body: &impl Serialize) -> Result<ApiRequest, LlmError> {
        let body = serde_json::to_vec(body).map_err(|error| {
            let message = format!("the body for {path:?} can't be written as JSON: {error}");
            LlmError::new(LlmErrorKind::InvalidRequest, message)
        })?;
        Ok(ApiRequest::post(path.to_owned(), body.into()))
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpClient").field(&self.settings.http).finish()
    }
}

/// Builds an [`HttpClient`]. `Debug` shows neither the key nor the values of headers.
#[derive(Clone, Debug)]
pub struct HttpClientBuilder {
    http: HttpSettings,
}

impl HttpClientBuilder {
    /// The API key, sent as `authorization: Bearer …`. If your API wants the key in another header,
    /// use [`Key::in_header`]. By default no key is sent.
    pub fn key(mut self, key: impl Into<Key>) -> Self {
        self.http.key = Some(key.into());
        self
    }

    /// Makes the client. Fails if a setting is invalid; the error says which one.
    pub fn build(self) -> Result<HttpClient, ConfigError> {
        let http = Http::new(COMMON, self.http.clone(), &[], None)?;
        Ok(HttpClient { http: Arc::new(http), settings: self })
    }
}

http_settings!(HttpClientBuilder);
