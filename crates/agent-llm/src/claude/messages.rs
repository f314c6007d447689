//! The plain client of the Messages API: one request, one answer, no retries.

use agent_core::{BoxStream, Delta, Llm, LlmError, Request, Response};
use futures::StreamExt;
use reqwest::Url;
use serde::{Deserialize, de::Error as _};

use super::{
    api::{API, COUNT_TOKENS, MESSAGES},
    builder::ClaudeBuilder,
    message_events::MessageEvents,
    threads, wire,
};
use crate::transport::{
    config_error::ConfigError,
    error::ErrorBody,
    http::{Http, LONGEST_ERROR, Post},
    parser::EventParser,
};

/// The most bytes that are read of a count of tokens.
const LONGEST_COUNT: usize = 1024 * 1024;

/// The Messages API over HTTP.
pub(crate) struct Messages {
    settings: ClaudeBuilder,
    http: Http,
    messages: Url,
    count_tokens: Url,
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
        let (messages, count_tokens) = (http.url(MESSAGES), http.url(COUNT_TOKENS));
        Ok(Self { settings, http, messages, count_tokens })
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
        let body = wire::counted(&self.settings, request);
        let post = Post { to: self.count_tokens.clone(), body, max_tokens: 0 };
        let count: Count = self.http.value(post, "a count of tokens", LONGEST_COUNT).await?;
        Ok(count.input_tokens)
    }

    fn post(&self, request: &Request) -> Post {
        let body = wire::body(&self.settings, request);
        Post { to: self.messages.clone(), body, max_tokens: wire::max_tokens(&self.settings, request) }
    }
}

impl Llm for Messages {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let post = move || self.post(&request);
        match self.settings.streaming {
            true => self.http.streamed(post, EventParser::<MessageEvents>::default()).boxed(),
            false => self.http.in_one_piece(post, reply).boxed(),
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
