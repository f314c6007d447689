//! The plain client: one request, one answer, no retries.

use std::{borrow::Cow, future::Future, pin::pin, time::SystemTime};

use agent_core::{BoxStream, Delta, Llm, LlmError, Request, Response, model::LlmErrorKind};
use futures::{FutureExt, Stream, StreamExt, stream};
use reqwest::{
    Method, Url,
    header::{ACCEPT, HeaderMap, HeaderValue},
};
use serde::{Deserialize, de::Error as _};

use super::{
    builder::ClaudeBuilder,
    headers::headers,
    rate_limit::rate_limits,
    refusal::{is, names, not_a_reply, refusal, request_id, shortened},
    reply::{Reply, Replying},
    wire,
};
use crate::transport::{
    causes::causes,
    config_error::ConfigError,
    connections::{Connections, Way},
    endpoint::Endpoint,
    limit::{Clock, Limit, timed_out},
    secrets::Secrets,
    size::Size,
};

const BASE_URL: &str = "https://api.anthropic.com";

const STREAM: &str = "text/event-stream";
const JSON: &str = "application/json";

/// The most bytes that are read of an answer that is no reply.
const LONGEST_ERROR: usize = 64 * 1024;

/// The most bytes that are read of a count of tokens.
const LONGEST_COUNT: usize = 1024 * 1024;

/// The most bytes of JSON that are read where others wait meanwhile: it takes some milliseconds.
const AT_ONCE: usize = 1024 * 1024;

/// What an answer of JSON should be.
struct Expected {
    limit: Limit,
    most: usize,
    name: &'static str,
}

/// The Messages API over HTTP.
pub(crate) struct Http {
    settings: ClaudeBuilder,
    secrets: Secrets,
    /// Where messages are made.
    messages: Url,
    /// Where tokens are counted.
    count_tokens: Url,
    headers: HeaderMap,
    connections: Connections,
}

impl Http {
    /// A client; on the connections of another one where these are made alike.
    pub(crate) fn new(settings: ClaudeBuilder, other: Option<&Self>) -> Result<Self, ConfigError> {
        let base_url = settings.base_url.as_deref().unwrap_or(BASE_URL);
        let endpoint = Endpoint::of(base_url, settings.allow_plain_http)?;
        let key = settings.key.clone().filter(|key| !key.is_empty()).ok_or(ConfigError::NoKey)?;
        let headers = headers(&settings, &key)?;
        let way = Way::to(&endpoint, settings.http2, settings.limits.connect);
        let connections = Connections::of(way, &endpoint, other.map(|other| &other.connections))?;
        let secrets = Secrets::of(&key, &settings.headers, settings.base_url.as_deref());
        let messages = endpoint.below("v1/messages");
        let count_tokens = endpoint.below("v1/messages/count_tokens");
        Ok(Self { settings, secrets, messages, count_tokens, headers, connections })
    }

    pub(crate) fn settings(&self) -> &ClaudeBuilder {
        &self.settings
    }

    /// How many tokens of input the request would have.
    pub(crate) async fn count_tokens(&self, request: &Request) -> Result<u64, LlmError> {
        #[derive(Deserialize)]
        struct Count {
            input_tokens: u64,
        }
        let limit = Limit::whole(&self.settings.limits);
        let counted = async {
            let body = wire::counted(&self.settings, request);
            let mut answer = limit.keep(self.post(&self.count_tokens, body, JSON)).await??;
            let what = Expected { limit, most: LONGEST_COUNT, name: "a count of tokens" };
            self.read(&mut answer, what, |text| serde_json::from_str(text)).await
        };
        counted.await.map(|count: Count| count.input_tokens).map_err(|error| self.scrub(error))
    }

    fn streamed(&self, request: Request) -> impl Stream<Item = Result<Delta, LlmError>> + Send + '_ {
        let reply = Replying::RequestParts(async move { self.open(&request).await }.boxed());
        reply.map(|delta| delta.map_err(|error| self.scrub(error)))
    }

    async fn open(&self, request: &Request) -> Result<Reply, LlmError> {
        let mut clock = Clock::start(&self.settings.limits, wire::max_tokens(&self.settings, request));
        let answer = clock.keep(pin!(self.ask(request, STREAM))).await??;
        Ok(Reply::new(answer, clock, Size::at_most(self.settings.longest_reply)))
    }

    fn unary(&self, request: Request) -> impl Stream<Item = Result<Delta, LlmError>> + Send + '_ {
        let deltas = async move {
            let mut deltas = Vec::with_capacity(1);
            let reply = self.read_whole(&request, &mut deltas).await;
            deltas.push(reply.map(Delta::complete).map_err(|error| self.scrub(error)));
            deltas
        };
        stream::once(deltas).map(stream::iter).flatten()
    }

    async fn read_whole(
        &self,
        request: &Request,
        before: &mut Vec<Result<Delta, LlmError>>,
    ) -> Result<Response, LlmError> {
        let (mut answer, limit) = self.open_whole(request).await?;
        let notices = rate_limits(answer.headers(), SystemTime::now());
        before.extend(notices.into_iter().map(|notice| Ok(Delta::Notice(notice))));
        let what = Expected { limit, most: self.settings.longest_reply, name: "a message" };
        self.read(&mut answer, what, reply).await
    }

    async fn open_whole(&self, request: &Request) -> Result<(reqwest::Response, Limit), LlmError> {
        let limit = Limit::reply(&self.settings.limits, wire::max_tokens(&self.settings, request))?;
        let answer = limit.keep(self.ask(request, JSON)).await??;
        Ok((answer, limit))
    }

    /// Asks for a reply of this content type.
    fn ask(
        &self,
        request: &Request,
        expected: &'static str,
    ) -> impl Future<Output = Result<reqwest::Response, LlmError>> + Send + use<'_> {
        self.post(&self.messages, wire::body(&self.settings, request), expected)
    }

    /// Sends a body; an answer that is no success, or not of the expected content type, is an error.
    fn post(
        &self,
        to: &Url,
        body: Vec<u8>,
        expected: &'static str,
    ) -> impl Future<Output = Result<reqwest::Response, LlmError>> + Send + use<'_> {
        let mut request = reqwest::Request::new(Method::POST, to.clone());
        *request.headers_mut() = self.headers.clone();
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static(expected));
        *request.body_mut() = Some(body.into());
        self.answer(self.connections.send(request), expected)
    }

    async fn answer(
        &self,
        sent: impl Future<Output = reqwest::Result<reqwest::Response>>,
        expected: &'static str,
    ) -> Result<reqwest::Response, LlmError> {
        let answer = sent.await.map_err(|error| self.unsent(error))?;
        match answer.status().is_success() && is(answer.headers(), expected) {
            true => Ok(answer),
            // In a box, since every request would have to make room for what only failures need.
            false => Err(Box::pin(self.no_reply(answer, expected)).await),
        }
    }

    /// What an answer says that is no success, or not of the expected content type.
    async fn no_reply(&self, answer: reqwest::Response, expected: &str) -> LlmError {
        let (status, headers) = (answer.status(), self.scrubbed(answer.headers()));
        let body = self.error_body(answer).await;
        match status.is_success() {
            true => not_a_reply(expected, status, &headers, &body),
            false => refusal(status, &headers, &body, SystemTime::now()),
        }
    }

    /// What an answer of JSON says.
    async fn read<T: Send + 'static>(
        &self,
        answer: &mut reqwest::Response,
        Expected { limit, most, name }: Expected,
        read: fn(&str) -> Result<T, serde_json::Error>,
    ) -> Result<T, LlmError> {
        let body = limit.keep(body(answer, most)).await?.map_err(|mut error| {
            error.request_id = request_id(answer.headers());
            error
        })?;
        let (text, said) = match body.len() > AT_ONCE {
            false => read_text(body, read),
            // What takes long must not hold up others, or the limit.
            true => limit
                .keep(tokio::task::spawn_blocking(move || read_text(body, read)))
                .await?
                .expect("reading does not panic, and a runtime that ends polls nobody"),
        };
        said.map_err(|error| {
            let headers = self.scrubbed(answer.headers());
            let expected = format!("{name} ({})", self.secrets.scrub(&error.to_string()));
            not_a_reply(&expected, answer.status(), &headers, &self.secrets.scrub_first(&text, LONGEST_ERROR))
        })
    }

    fn unsent(&self, error: reqwest::Error) -> LlmError {
        match (error.is_connect() && error.is_timeout(), error.is_builder()) {
            (true, _) => timed_out("connect", self.settings.limits.connect),
            (_, true) => LlmError::new(LlmErrorKind::Configuration, causes(error)),
            _ => self.connections.failed(causes(error)),
        }
    }

    /// What an error says, without secrets. If it breaks off or stalls, what came must do: the status
    /// is known already.
    async fn error_body(&self, mut answer: reqwest::Response) -> String {
        let mut body = Vec::new();
        let reading = async {
            while let Ok(Some(bytes)) = answer.chunk().await {
                body.extend_from_slice(&bytes);
                if body.len() > LONGEST_ERROR + self.secrets.longest() {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(self.settings.limits.idle, reading).await;
        self.secrets.scrub_first(&String::from_utf8_lossy(&body), LONGEST_ERROR)
    }

    /// The headers without secrets. They must be gone before an error quotes a part of one, else a part of a secret
    /// may be left.
    fn scrubbed(&self, headers: &HeaderMap) -> HeaderMap {
        let mut headers = headers.clone();
        for value in headers.values_mut() {
            let scrubbed = value.to_str().map(|text| self.secrets.scrub(text)).ok();
            if let Some(Cow::Owned(scrubbed)) = scrubbed {
                *value = HeaderValue::from_str(&scrubbed).expect("less of a header's text is one, too");
            }
        }
        headers
    }

    /// The error without secrets, which some servers echo, and no longer than can be read.
    fn scrub(&self, mut error: LlmError) -> LlmError {
        let scrub = |text: &mut String| *text = self.secrets.scrub(text).into_owned();
        // Where its words were cut while they were read, a part of a secret may be left.
        let whole = wire::LONGEST_SAID.saturating_sub(self.secrets.longest());
        error.message = self.secrets.scrub_first(&error.message, whole);
        names(&mut error).for_each(scrub);
        shortened(error)
    }
}

impl Llm for Http {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        match self.settings.streaming {
            true => self.streamed(request).boxed(),
            false => self.unary(request).boxed(),
        }
    }
}

/// Reads a reply. An empty one that says an error is that error, which is found in what can't be read. No error is long.
pub(crate) fn reply(text: &str) -> Result<Response, serde_json::Error> {
    let reply = Response::read(text)?;
    let may_be_error = reply.content.is_empty() && text.len() <= LONGEST_ERROR;
    match may_be_error && wire::ApiError::found(text).is_some() {
        true => Err(serde_json::Error::custom("it is an error")),
        false => Ok(reply),
    }
}

/// Of JSON, only a text can have what is no UTF-8.
fn read_text<T>(
    body: Vec<u8>,
    read: fn(&str) -> Result<T, serde_json::Error>,
) -> (String, Result<T, serde_json::Error>) {
    let text = String::from_utf8(body)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    let said = read(&text);
    (text, said)
}

/// The bytes of an answer, which as a rule come at once; an error if they are more than `most`.
async fn body(answer: &mut reqwest::Response, most: usize) -> Result<Vec<u8>, LlmError> {
    let broke_off = |error| LlmError::new(LlmErrorKind::Incomplete, causes(error));
    let (mut body, mut size) = (Vec::new(), Size::at_most(most));
    while let Some(bytes) = answer.chunk().await.map_err(broke_off)? {
        size.add(bytes.len())?;
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}
