//! The plain client of the Messages API: one request, one answer, no retries.

use agent_core::{BoxStream, Delta, Llm, LlmError, Request, Response};
use serde::de::Error as _;

use super::{
    api::{API, MESSAGES},
    builder::ClaudeBuilder,
    message_events::MessageEvents,
    threads, wire,
};
use crate::transport::{
    api_request::ApiRequest,
    config_error::ConfigError,
    error::ErrorBody,
    http::{Http, LONGEST_ERROR},
    parser::EventParser,
    sent_to::announced,
};

/// The Messages API over HTTP.
pub(crate) struct Messages {
    settings: ClaudeBuilder,
    http: Http,
}

impl Messages {
    /// A client. It shares the connections of `other` if they are made in the same way.
    pub(crate) fn new(settings: ClaudeBuilder, other: Option<&Self>) -> Result<Self, ConfigError> {
        let betas = betas(&settings);
        let mut own = vec![("anthropic-version", settings.version.as_str())];
        if !betas.is_empty() {
            own.push(("anthropic-beta", &betas));
        }
        let http = Http::new(API, settings.http.clone(), &own, other.map(|other| &other.http))?;
        Ok(Self { settings, http })
    }

    pub(crate) fn settings(&self) -> &ClaudeBuilder {
        &self.settings
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    fn post(&self, request: &Request) -> ApiRequest {
        let max_tokens = wire::max_tokens(&self.settings, request);
        ApiRequest { max_tokens, ..ApiRequest::post(MESSAGES, wire::body(&self.settings, request).into()) }
    }
}

impl Llm for Messages {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let sent = self.http.sent_to().notice(&self.settings.model, &request);
        let post = move || self.post(&request);
        match self.settings.streaming {
            true => announced(sent, self.http.streamed(post, EventParser::<MessageEvents>::default())),
            false => announced(sent, self.http.in_one_piece(post, reply)),
        }
    }
}

/// The beta features that are on, as one header names them.
fn betas(settings: &ClaudeBuilder) -> String {
    let threads = settings
        .threads
        .then_some(threads::BETA)
        .filter(|beta| !settings.betas.iter().any(|given| given == beta));
    let betas: Vec<&str> = settings.betas.iter().map(String::as_str).chain(threads).collect();
    betas.join(",")
}

/// Reads a reply that comes in one piece. A short one without content may be an error; then it
/// can't be read as a reply, and the error is found in its place.
pub(crate) fn reply(text: &str) -> Result<Response, serde_json::Error> {
    let reply = Response::read(text)?;
    let may_be_error = reply.content.is_empty() && text.len() <= LONGEST_ERROR;
    match may_be_error && ErrorBody::found(text).is_some() {
        true => Err(serde_json::Error::custom("it is an error")),
        false => Ok(reply),
    }
}
