//! The plain client of both APIs: one request, one answer, no retries.

use agent_core::{BoxStream, Delta, Llm, LlmError, Request};
use futures::{Stream, StreamExt};
use reqwest::Url;

use super::{
    api::{COMPATIBLE, OPENAI, ORGANIZATION, PROJECT, Protocol},
    builder::OpenAiBuilder,
    chat::{self, ChatEvents},
    error::by_code,
    names::Renamed,
    responses::{self, ResponseEvents},
};
use crate::transport::{
    config_error::ConfigError,
    http::{Http, Post},
    parser::EventParser,
};

/// One of the two APIs over HTTP.
pub(crate) struct Plain {
    settings: OpenAiBuilder,
    http: Http,
    url: Url,
}

impl Plain {
    /// A client. It shares the connections of `other` if they are made in the same way.
    pub(crate) fn new(settings: OpenAiBuilder, other: Option<&Self>) -> Result<Self, ConfigError> {
        if settings.body.model.trim().is_empty() {
            return Err(ConfigError::NoModel);
        }
        let api = if settings.body.is_compatible { COMPATIBLE } else { OPENAI };
        let payers = [(ORGANIZATION, &settings.organization), (PROJECT, &settings.project)];
        let payers = payers.iter().filter_map(|(name, id)| Some((*name, id.as_deref()?)));
        let payers: Vec<(&str, &str)> = payers.collect();
        let http = Http::new(api, settings.http.clone(), &payers, other.map(|other| &other.http))?;
        let url = http.url(settings.protocol.path());
        Ok(Self { settings, http, url })
    }

    pub(crate) fn settings(&self) -> &OpenAiBuilder {
        &self.settings
    }

    fn post(&self, request: &Request) -> Post {
        let settings = &self.settings.body;
        let (body, max_tokens) = match self.settings.protocol {
            Protocol::Chat => (chat::write_body(settings, request), chat::max_tokens(settings, request)),
            Protocol::Responses => {
                (responses::write_body(settings, request), responses::max_tokens(settings, request))
            }
        };
        Post { to: self.url.clone(), body, max_tokens }
    }
}

impl Llm for Plain {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let renamed = Renamed::of(&request);
        let post = move || self.post(&request);
        match (self.settings.protocol, self.settings.body.streaming) {
            (Protocol::Chat, true) => {
                read(self.http.streamed(post, EventParser::<ChatEvents>::default()), renamed)
            }
            (Protocol::Chat, false) => read(self.http.in_one_piece(post, chat::read_reply), renamed),
            (Protocol::Responses, true) => {
                read(self.http.streamed(post, EventParser::<ResponseEvents>::default()), renamed)
            }
            (Protocol::Responses, false) => {
                read(self.http.in_one_piece(post, responses::read_reply), renamed)
            }
        }
    }
}

/// The reply with the tools' own names, and errors of the kind that their codes say.
fn read<'a>(
    reply: impl Stream<Item = Result<Delta, LlmError>> + Send + 'a,
    renamed: Renamed,
) -> BoxStream<'a, Result<Delta, LlmError>> {
    match renamed.is_empty() {
        true => reply.map(|delta| delta.map_err(by_code)).boxed(),
        false => reply.map(move |delta| delta.map(|delta| renamed.restore(delta)).map_err(by_code)).boxed(),
    }
}
