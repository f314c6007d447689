//! One request over HTTP and its answer, without retries.

mod body;
mod sent_headers;

use std::{borrow::Cow, future::Future, pin::pin, time::SystemTime};

use agent_core::{Delta, LlmError, Response, model::LlmErrorKind};
use futures::{FutureExt, Stream, StreamExt, stream};
use reqwest::{
    Method, Url,
    header::{ACCEPT, HeaderMap, HeaderValue},
};
use serde::de::DeserializeOwned;

use self::{
    body::{ReadText, read_body, read_text},
    sent_headers::sent_headers,
};
use super::{
    api::Api,
    causes::causes,
    config_error::ConfigError,
    connections::{Connections, Way},
    endpoint::Endpoint,
    error::{Failed, LONGEST_MESSAGE, names, shortened},
    headers::{is, text},
    limit::{Clock, Limit, timed_out},
    parser::ReplyParser,
    rate_limit::RateLimitHeaders,
    reply::{Reply, Replying},
    secrets::Secrets,
    settings::HttpSettings,
    size::Size,
};

const STREAM: &str = "text/event-stream";
const JSON: &str = "application/json";

/// The most bytes that are read of an answer that is no reply.
pub(crate) const LONGEST_ERROR: usize = 64 * 1024;

/// A request to an API.
pub(crate) struct Post {
    pub(crate) to: Url,
    /// The body, as JSON.
    pub(crate) body: Vec<u8>,
    /// The most tokens that the reply may have. The default time limits depend on it.
    pub(crate) max_tokens: u64,
}

/// What an answer of JSON should be.
struct Expected {
    limit: Limit,
    most: usize,
    name: &'static str,
}

/// Sends requests to one API, with time limits, bounds and typed errors that hold no secret.
pub(crate) struct Http {
    api: Api,
    settings: HttpSettings,
    endpoint: Endpoint,
    secrets: Secrets,
    headers: HeaderMap,
    connections: Connections,
}

impl Http {
    /// A client that also sends these headers of the API's own. It shares the connections of
    /// `other` if they are made in the same way.
    pub(crate) fn new(
        api: Api,
        settings: HttpSettings,
        own: &[(&str, &str)],
        other: Option<&Self>,
    ) -> Result<Self, ConfigError> {
        let base_url = settings.base_url.as_deref().unwrap_or(api.base_url);
        let endpoint = Endpoint::of(base_url, settings.allow_plain_http, api.base_url)?;
        let key = settings.key(api.key_variable)?;
        let headers = sent_headers(&api, key.as_ref(), own, &settings.headers)?;
        let way = Way::to(&endpoint, settings.http2, settings.limits.connect);
        let connections = Connections::of(way, &endpoint, other.map(|other| &other.connections))?;
        let secrets = Secrets::of(key.as_ref(), &settings.headers, settings.base_url.as_deref());
        Ok(Self { api, settings, endpoint, secrets, headers, connections })
    }

    /// The URL at this path below the base URL.
    pub(crate) fn url(&self, path: &str) -> Url {
        self.endpoint.below(path)
    }

    /// A streamed reply. The request is made when the stream is first polled.
    pub(crate) fn streamed<'a, P: ReplyParser + 'a>(
        &'a self,
        post: impl FnOnce() -> Post + Send + 'a,
        parser: P,
    ) -> impl Stream<Item = Result<Delta, LlmError>> + Send + 'a {
        let reply = Replying::Asked(async move { self.open(post, parser).await }.boxed());
        reply.map(|delta| delta.map_err(|error| self.scrub(error)))
    }

    async fn open<P>(&self, post: impl FnOnce() -> Post, parser: P) -> Result<Reply<P>, LlmError> {
        let post = post();
        let mut clock = Clock::start(&self.settings.limits, post.max_tokens);
        let answer = clock.keep(pin!(self.send(post, STREAM))).await??;
        let notices = self.rate_limits().read(answer.headers(), SystemTime::now());
        let size = Size::at_most(self.settings.longest_reply);
        Ok(Reply::new(answer, self.api.request_id, notices, clock, size, parser))
    }

    /// A reply in one piece, after what its headers say. The request is made when the stream is
    /// first polled.
    pub(crate) fn in_one_piece<'a>(
        &'a self,
        post: impl FnOnce() -> Post + Send + 'a,
        read: ReadText<Response>,
    ) -> impl Stream<Item = Result<Delta, LlmError>> + Send + 'a {
        let deltas = async move {
            let mut deltas = Vec::with_capacity(1);
            let reply = self.read_reply(post(), read, &mut deltas).await;
            deltas.push(reply.map(Delta::complete).map_err(|error| self.scrub(error)));
            deltas
        };
        stream::once(deltas).map(stream::iter).flatten()
    }

    async fn read_reply(
        &self,
        post: Post,
        read: ReadText<Response>,
        before: &mut Vec<Result<Delta, LlmError>>,
    ) -> Result<Response, LlmError> {
        let limit = Limit::reply(&self.settings.limits, post.max_tokens)?;
        let mut answer = limit.keep(self.send(post, JSON)).await??;
        let notices = self.rate_limits().read(answer.headers(), SystemTime::now());
        before.extend(notices.into_iter().map(|notice| Ok(Delta::Notice(notice))));
        let what = Expected { limit, most: self.settings.longest_reply, name: "a message" };
        self.read(&mut answer, what, read).await
    }

    /// An answer of JSON that is no model's reply, of at most so many bytes. `name` says what it
    /// is, for errors.
    pub(crate) async fn value<T: DeserializeOwned + Send + 'static>(
        &self,
        post: Post,
        name: &'static str,
        most: usize,
    ) -> Result<T, LlmError> {
        let limit = Limit::whole(&self.settings.limits);
        let value = async {
            let mut answer = limit.keep(self.send(post, JSON)).await??;
            let what = Expected { limit, most, name };
            self.read(&mut answer, what, |text| serde_json::from_str(text)).await
        };
        value.await.map_err(|error| self.scrub(error))
    }

    /// Sends a request. An answer that is no success, or not of this content type, is an error.
    fn send(
        &self,
        post: Post,
        content_type: &'static str,
    ) -> impl Future<Output = Result<reqwest::Response, LlmError>> + Send + use<'_> {
        let mut request = reqwest::Request::new(Method::POST, post.to);
        *request.headers_mut() = self.headers.clone();
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static(content_type));
        *request.body_mut() = Some(post.body.into());
        self.answer(self.connections.send(request), content_type)
    }

    async fn answer(
        &self,
        sent: impl Future<Output = reqwest::Result<reqwest::Response>>,
        content_type: &'static str,
    ) -> Result<reqwest::Response, LlmError> {
        let answer = sent.await.map_err(|error| self.unsent(error))?;
        match answer.status().is_success() && is(answer.headers(), content_type) {
            true => Ok(answer),
            // In a box, since every request would have to make room for what only failures need.
            false => Err(Box::pin(self.failed(answer, content_type)).await),
        }
    }

    /// The error of an answer that is no success, or not of the expected content type.
    async fn failed(&self, answer: reqwest::Response, expected: &str) -> LlmError {
        let (status, headers) = (answer.status(), self.scrubbed(answer.headers()));
        let body = self.error_body(answer).await;
        let failed = Failed { status, headers: &headers, request_id: self.request_id(&headers), body: &body };
        match status.is_success() {
            true => failed.instead_of(expected),
            false => failed.by_status(SystemTime::now()),
        }
    }

    /// Reads an answer of JSON.
    async fn read<T: Send + 'static>(
        &self,
        answer: &mut reqwest::Response,
        Expected { limit, most, name }: Expected,
        read: ReadText<T>,
    ) -> Result<T, LlmError> {
        let body = limit.keep(read_body(answer, most)).await?.map_err(|mut error| {
            error.request_id = self.request_id(answer.headers()).map(str::to_owned);
            error
        })?;
        let (text, said) = read_text(body, read, limit).await?;
        said.map_err(|error| {
            let headers = self.scrubbed(answer.headers());
            let expected = format!("{name} ({})", self.secrets.scrub(&error.to_string()));
            let body = self.secrets.scrub_first(&text, LONGEST_ERROR);
            let request_id = self.request_id(&headers);
            Failed { status: answer.status(), headers: &headers, request_id, body: &body }
                .instead_of(&expected)
        })
    }

    /// Which headers say the limits of the account.
    fn rate_limits(&self) -> &RateLimitHeaders {
        self.settings.rate_limits.as_ref().unwrap_or(self.api.rate_limits)
    }

    fn request_id<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        text(headers, self.api.request_id)
    }

    fn unsent(&self, error: reqwest::Error) -> LlmError {
        match (error.is_connect() && error.is_timeout(), error.is_builder()) {
            (true, _) => timed_out("connect", self.settings.limits.connect),
            (_, true) => LlmError::new(LlmErrorKind::Configuration, causes(error)),
            _ => self.connections.failed(causes(error)),
        }
    }

    /// The body of an error, without secrets. If it breaks off or stalls, the part that came is
    /// enough: the status is known already.
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

    /// The headers without secrets. An error may quote half of a header, and with it half of a
    /// secret, which nobody would find afterwards.
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

    /// The error without secrets, which some servers echo, and short enough to read.
    fn scrub(&self, mut error: LlmError) -> LlmError {
        let scrub = |text: &mut String| *text = self.secrets.scrub(text).into_owned();
        // Where a message was cut as it was read, half of a secret may stand at its end.
        let whole = LONGEST_MESSAGE.saturating_sub(self.secrets.longest());
        error.message = self.secrets.scrub_first(&error.message, whole);
        names(&mut error).for_each(scrub);
        shortened(error)
    }
}
