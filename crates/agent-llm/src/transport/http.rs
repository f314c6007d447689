//! One request over HTTP and its answer, without retries.

mod attempt;
mod body;
mod lines;
mod sent_headers;

use std::{future::Future, pin::pin, sync::Arc, time::SystemTime};

use agent_core::{Delta, LlmError, Response, model::LlmErrorKind};
use futures::{FutureExt, Stream, StreamExt, stream};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;

use self::{
    attempt::Attempt,
    body::{ReadText, read_body, read_text},
    sent_headers::sent_headers,
};
use super::{
    api::Api,
    api_request::ApiRequest,
    causes::causes,
    config_error::ConfigError,
    connections::{Connections, Way},
    endpoint::Endpoint,
    error::{Failed, STREAM, with_address},
    headers::{is, text},
    limit::{Clock, Limit, timed_out},
    outgoing::OutgoingRequest,
    parser::ReplyParser,
    rate_limit::RateLimitHeaders,
    reply::{Reply, Replying},
    secrets::Secrets,
    sent_to::SentTo,
    settings::HttpSettings,
    shown::shown,
    size::Size,
};

const JSON: &str = "application/json";

/// The most bytes that are read of an answer that is no reply.
pub(crate) const LONGEST_ERROR: usize = 64 * 1024;

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
    sent_to: SentTo,
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
        let sent_to = SentTo::of(&endpoint, api.provider);
        Ok(Self { api, settings, endpoint, secrets, headers, connections, sent_to })
    }

    /// Whom this client asks.
    pub(crate) fn sent_to(&self) -> &SentTo {
        &self.sent_to
    }

    /// The URL at this path below the base URL, before any rewrite.
    #[cfg(feature = "openai")]
    pub(crate) fn url(&self, path: &str) -> reqwest::Url {
        self.endpoint.below(path, &[])
    }

    /// A streamed reply. The request is made when the stream is first polled.
    pub(crate) fn streamed<'a, P: ReplyParser + 'a>(
        &'a self,
        request: impl FnOnce() -> ApiRequest + Send + 'a,
        parser: P,
    ) -> impl Stream<Item = Result<Delta, LlmError>> + Send + 'a {
        let attempt = Arc::new(Attempt::new(&self.secrets));
        let asked = attempt.clone();
        let reply = Replying::Asked(async move { self.open(request(), parser, &asked).await }.boxed());
        reply.map(move |delta| delta.map_err(|error| attempt.scrub(error)))
    }

    async fn open<P>(
        &self,
        request: ApiRequest,
        parser: P,
        attempt: &Attempt<'_>,
    ) -> Result<Reply<P>, LlmError> {
        let mut clock = Clock::start(&self.settings.limits, request.max_tokens);
        let sent = pin!(self.send(request, STREAM, attempt));
        let answer = clock.keep(sent).await.map_err(|error| attempt.late(error))??;
        let notices = self.rate_limits().read(answer.headers(), SystemTime::now());
        let size = Size::at_most(self.settings.longest_reply);
        Ok(Reply::new(answer, self.api.request_id, notices, clock, size, parser))
    }

    /// A reply in one piece, after what its headers say. The request is made when the stream is
    /// first polled.
    pub(crate) fn in_one_piece<'a>(
        &'a self,
        request: impl FnOnce() -> ApiRequest + Send + 'a,
        read: ReadText<Response>,
    ) -> impl Stream<Item = Result<Delta, LlmError>> + Send + 'a {
        let deltas = async move {
            let (mut deltas, attempt) = (Vec::with_capacity(1), Attempt::new(&self.secrets));
            let reply = self.read_reply(request(), read, &mut deltas, &attempt).await;
            deltas.push(reply.map(Delta::complete).map_err(|error| attempt.scrub(error)));
            deltas
        };
        stream::once(deltas).map(stream::iter).flatten()
    }

    async fn read_reply(
        &self,
        request: ApiRequest,
        read: ReadText<Response>,
        before: &mut Vec<Result<Delta, LlmError>>,
        attempt: &Attempt<'_>,
    ) -> Result<Response, LlmError> {
        let limit = Limit::reply(&self.settings.limits, request.max_tokens)?;
        let sent = limit.keep(self.send(request, JSON, attempt));
        let mut answer = sent.await.map_err(|error| attempt.late(error))??;
        let notices = self.rate_limits().read(answer.headers(), SystemTime::now());
        before.extend(notices.into_iter().map(|notice| Ok(Delta::Notice(notice))));
        let what = Expected { limit, most: self.settings.longest_reply, name: "a message" };
        self.read(&mut answer, what, read, attempt).await
    }

    /// An answer of JSON that is no model's reply, of at most so many bytes. `name` says what it
    /// is, for errors.
    pub(crate) async fn value<T: DeserializeOwned + Send + 'static>(
        &self,
        request: ApiRequest,
        name: &'static str,
        most: usize,
    ) -> Result<T, LlmError> {
        let attempt = Attempt::new(&self.secrets);
        let limit = Limit::whole(&self.settings.limits);
        let value = async {
            let sent = limit.keep(self.send(request, JSON, &attempt));
            let mut answer = sent.await.map_err(|error| attempt.late(error))??;
            let what = Expected { limit, most, name };
            self.read(&mut answer, what, |text| serde_json::from_str(text), &attempt).await
        };
        value.await.map_err(|error| attempt.scrub(error))
    }

    /// Sends a request. An answer that is no success, or not of this content type, is an error.
    async fn send(
        &self,
        request: ApiRequest,
        content_type: &'static str,
        attempt: &Attempt<'_>,
    ) -> Result<reqwest::Response, LlmError> {
        let request = self.prepared(request, content_type, attempt).await?.into_request();
        self.answer(self.connections.send(request), content_type, attempt).await
    }

    /// One attempt at a request with its headers, rewritten and signed as the settings say.
    async fn prepared(
        &self,
        request: ApiRequest,
        content_type: &'static str,
        attempt: &Attempt<'_>,
    ) -> Result<OutgoingRequest, LlmError> {
        let mut headers = self.headers.clone();
        headers.insert(ACCEPT, HeaderValue::from_static(content_type));
        if request.body.is_empty() {
            headers.remove(CONTENT_TYPE);
        }
        let mut outgoing = OutgoingRequest::new(request, &self.endpoint, headers);
        let HttpSettings { rewrite, signer, .. } = &self.settings;
        if let Some(rewrite) = rewrite {
            rewrite(&mut outgoing)?;
        }
        if let Some(signer) = signer {
            attempt.signed_by(signer.sign(&mut outgoing)).await?;
        }
        if rewrite.is_some() || signer.is_some() {
            attempt.hide(outgoing.headers(), &self.headers);
            outgoing.mark_secrets();
        }
        Ok(outgoing)
    }

    async fn answer(
        &self,
        sent: impl Future<Output = reqwest::Result<reqwest::Response>>,
        content_type: &'static str,
        attempt: &Attempt<'_>,
    ) -> Result<reqwest::Response, LlmError> {
        let answer = sent.await.map_err(|error| self.unsent(error))?;
        // What has lines is called by many names.
        let is_expected = content_type == lines::LINES || is(answer.headers(), content_type);
        match answer.status().is_success() && is_expected {
            true => Ok(answer),
            // In a box, since every request would have to make room for what only failures need.
            false => Err(Box::pin(self.failed(answer, content_type, attempt)).await),
        }
    }

    /// The error of an answer that is no success, or not of the expected content type.
    async fn failed(&self, answer: reqwest::Response, expected: &str, attempt: &Attempt<'_>) -> LlmError {
        let (status, headers) = (answer.status(), attempt.scrubbed(answer.headers()));
        let address = shown(answer.url().as_str());
        let body = self.error_body(answer, attempt.secrets()).await;
        let failed = Failed { status, headers: &headers, request_id: self.request_id(&headers), body: &body };
        match status.is_success() {
            true => failed.instead_of(expected),
            false => with_address(failed.by_status(SystemTime::now()), &address, self.api.base_url),
        }
    }

    /// Reads an answer of JSON.
    async fn read<T: Send + 'static>(
        &self,
        answer: &mut reqwest::Response,
        Expected { limit, most, name }: Expected,
        read: ReadText<T>,
        attempt: &Attempt<'_>,
    ) -> Result<T, LlmError> {
        let body = limit.keep(read_body(answer, most)).await?.map_err(|mut error| {
            error.request_id = self.request_id(answer.headers()).map(str::to_owned);
            error
        })?;
        let (text, said) = read_text(body, read, limit).await?;
        said.map_err(|error| {
            let (headers, secrets) = (attempt.scrubbed(answer.headers()), attempt.secrets());
            let expected = format!("{name} ({})", secrets.scrub(&error.to_string()));
            let body = secrets.scrub_first(&text, LONGEST_ERROR);
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
    async fn error_body(&self, mut answer: reqwest::Response, secrets: &Secrets) -> String {
        let mut body = Vec::new();
        let reading = async {
            while let Ok(Some(bytes)) = answer.chunk().await {
                body.extend_from_slice(&bytes);
                if body.len() > LONGEST_ERROR + secrets.longest() {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(self.settings.limits.idle, reading).await;
        secrets.scrub_first(&String::from_utf8_lossy(&body), LONGEST_ERROR)
    }
}
