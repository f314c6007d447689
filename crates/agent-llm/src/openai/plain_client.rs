//! The plain client of both APIs: one request, one answer, no retries.

use agent_core::{BoxStream, Delta, Llm, LlmError, Request};
use bytes::Bytes;
use futures::{StreamExt, stream};
use reqwest::Url;
use serde::de::DeserializeOwned;

use super::{
    api::{COMPATIBLE, OPENAI, ORGANIZATION, PROJECT, Protocol},
    builder::OpenAiBuilder,
    call_ids::CallIds,
    chat::{self, ChatEvents},
    error::by_code,
    names::Renamed,
    origin::{Origin, Signing},
    responses::{self, ResponseEvents},
    sent_bodies::SentBodies,
};
use crate::transport::{
    api_request::ApiRequest, config_error::ConfigError, http::Http, parser::EventParser, sent_to::announced,
    shown::shown,
};

/// One of the two APIs over HTTP.
pub(crate) struct Plain {
    settings: OpenAiBuilder,
    http: Http,
    url: Url,
    origin: Origin,
    sent: SentBodies,
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
        for path in [Protocol::Chat, Protocol::Responses].map(Protocol::path) {
            if url.path().contains(&format!("/{path}/")) {
                let reason = format!("it must end before /{path}, which the client adds");
                let url = shown(settings.http.base_url.as_deref().unwrap_or_default());
                return Err(ConfigError::BaseUrl { url, reason, example: api.base_url });
            }
        }
        let origin = Origin::of(settings.origin.as_deref(), &url, settings.protocol);
        Ok(Self { settings, http, url, origin, sent: SentBodies::default() })
    }

    /// Who writes the replies.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Which ids of calls the server takes.
    pub(crate) fn call_ids(&self) -> CallIds {
        self.settings.call_ids.at(self.url.host_str().unwrap_or_default())
    }

    pub(crate) fn settings(&self) -> &OpenAiBuilder {
        &self.settings
    }

    /// An answer of JSON that is no model's reply.
    pub(crate) async fn value<T: DeserializeOwned + Send + 'static>(
        &self,
        request: ApiRequest,
        name: &'static str,
    ) -> Result<T, LlmError> {
        self.http.value(request, name, self.settings.http.longest_reply).await.map_err(by_code)
    }

    fn post(&self, request: &Request) -> ApiRequest {
        let settings = &self.settings.body;
        let mut repeated = self.sent.repeated(request);
        let (body, max_tokens) = match self.settings.protocol {
            Protocol::Chat => {
                (chat::write(settings, request, &mut repeated), chat::max_tokens(settings, request))
            }
            Protocol::Responses => {
                (responses::write(settings, request, &mut repeated), responses::max_tokens(settings, request))
            }
        };
        let body = Bytes::from(body);
        self.sent.keep(request, &body, repeated);
        ApiRequest { max_tokens, ..ApiRequest::post(self.settings.protocol.path(), body) }
    }
}

impl Llm for Plain {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let sent = self.http.sent_to().notice(&self.settings.body.model, &request);
        let renamed = Renamed::of(&request);
        let is_kept = self.settings.body.store && self.settings.protocol == Protocol::Responses;
        let mut reading = Reading { renamed, signing: Signing::new(self.origin.clone(), is_kept) };
        let post = move || self.post(&request);
        let reply = match (self.settings.protocol, self.settings.body.streaming) {
            (Protocol::Chat, true) => {
                self.http.streamed(post, EventParser::<ChatEvents>::default()).left_stream().left_stream()
            }
            (Protocol::Chat, false) => {
                self.http.in_one_piece(post, chat::read_reply).right_stream().left_stream()
            }
            (Protocol::Responses, true) => self
                .http
                .streamed(post, EventParser::<ResponseEvents>::default())
                .left_stream()
                .right_stream(),
            (Protocol::Responses, false) => {
                self.http.in_one_piece(post, responses::read_reply).right_stream().right_stream()
            }
        };
        announced(sent, reply.flat_map(move |delta| stream::iter(reading.read(delta))))
    }
}

/// A reply as it is recorded: with the tools' own names, blocks that say who wrote them, and errors
/// of the kind that their codes say.
struct Reading {
    renamed: Renamed,
    signing: Signing,
}

impl Reading {
    fn read(
        &mut self,
        delta: Result<Delta, LlmError>,
    ) -> impl Iterator<Item = Result<Delta, LlmError>> + use<> {
        let (before, delta) = match delta {
            Ok(delta) => {
                let (before, delta) = self.signing.sign(self.renamed.restore(delta));
                (before, Ok(delta))
            }
            Err(error) => (Vec::new(), Err(by_code(error))),
        };
        before.into_iter().map(Ok).chain([delta])
    }
}
