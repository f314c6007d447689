//! The settings of an [`OpenAi`](crate::OpenAi) client.

use std::fmt;

use agent_core::Json;

use super::{api::Protocol, call_ids::CallIds, settings::BodySettings};
use crate::{
    ToolChoice,
    request_settings::request_settings,
    transport::{
        key::Key,
        settings::{HttpSettings, http_settings},
    },
    wrappers::{Bounds, Gate, RetryPolicy},
};

/// Builds an [`OpenAi`](crate::OpenAi) client: what it sends with every request, and how long it
/// waits.
///
/// `Debug` shows neither the key nor the values of headers and request fields.
#[derive(Clone)]
pub struct OpenAiBuilder {
    pub(crate) http: HttpSettings,
    pub(crate) protocol: Protocol,
    pub(crate) body: BodySettings,
    pub(crate) organization: Option<String>,
    pub(crate) project: Option<String>,
    pub(crate) origin: Option<String>,
    pub(crate) call_ids: CallIds,
    pub(crate) retry: RetryPolicy,
    pub(crate) gate: Option<Gate>,
    pub(crate) bounds: Bounds,
}

impl Default for OpenAiBuilder {
    fn default() -> Self {
        Self {
            http: HttpSettings::default(),
            protocol: Protocol::Responses,
            body: BodySettings { model: "gpt-6.2-astra".into(), ..BodySettings::default() },
            organization: None,
            project: None,
            origin: None,
            call_ids: CallIds::default(),
            retry: RetryPolicy::default(),
            gate: None,
            bounds: Bounds::default(),
        }
    }
}

/// Where requests go.
impl OpenAiBuilder {
    /// For a server that speaks like OpenAI's, at this address.
    pub(super) fn compatible(url: String) -> Self {
        let mut settings = Self { protocol: Protocol::Chat, ..Self::default() };
        settings.http.base_url = Some(url);
        settings.body = BodySettings { is_compatible: true, ..BodySettings::default() };
        settings
    }

    /// The API key. By default it is read from the environment variable `OPENAI_API_KEY`. For a
    /// [compatible](crate::OpenAi::compatible) server, which is not OpenAI's, and with a
    /// [signer](Self::signer), no key is sent by default.
    pub fn key(mut self, key: impl Into<Key>) -> Self {
        self.http.key = Some(key.into());
        self
    }

    /// The address of the API, with its version. By default it is read from the variable
    /// `OPENAI_BASE_URL`; if that is not set, it is `https://api.openai.com/v1`. Plain http to
    /// another machine is an error, unless you [allow](Self::allow_plain_http) it.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.http.base_url = Some(url.into());
        self
    }

    /// The organization that pays, if the key belongs to several. By default it is read from the
    /// variable `OPENAI_ORG_ID`.
    pub fn organization(mut self, id: impl Into<String>) -> Self {
        self.organization = Some(id.into());
        self
    }

    /// The project that pays. By default it is read from the variable `OPENAI_PROJECT_ID`.
    pub fn project(mut self, id: impl Into<String>) -> Self {
        self.project = Some(id.into());
        self
    }

    /// The name of the server in conversations. By default it is the host of the base URL, such as
    /// `api.openai.com`.
    ///
    /// A server can't read reasoning that another server wrote, so reasoning is sent back only to a
    /// server with the same name. Give two addresses of one server the same name. Give different
    /// names to two accounts that can't read each other's reasoning. The name is no secret: it is
    /// saved in the conversation.
    pub fn origin(mut self, name: impl Into<String>) -> Self {
        self.origin = Some(name.into());
        self
    }

    /// Uses the API *chat completions* (`/chat/completions`). This is the default for a
    /// [compatible](crate::OpenAi::compatible) server.
    pub fn chat(mut self) -> Self {
        self.protocol = Protocol::Chat;
        self
    }

    /// Uses the *Responses* API (`/responses`). This is the default for OpenAI's own server. There
    /// the model gets its own reasoning back in later requests, also between tool calls.
    pub fn responses(mut self) -> Self {
        self.protocol = Protocol::Responses;
        self
    }
}

/// What requests say.
impl OpenAiBuilder {
    /// The model that answers. By default `gpt-6.2-astra`; a
    /// [compatible](crate::OpenAi::compatible) server has no default.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.body.model = model.into().into();
        self
    }

    /// Which tools the model may or must call. By default the model decides. A forced choice holds
    /// only for an agent's first request after the user spoke; see [`ToolChoice`].
    pub fn tool_choice(mut self, choice: ToolChoice) -> Self {
        self.body.tool_choice = Some(choice);
        self
    }

    /// Whether a forced [`ToolChoice`] holds for every request of an agent. By default it holds
    /// only for the first request after the user spoke. An agent that must call a tool in every
    /// request never answers, so limit its turns or end the run yourself.
    pub fn force_every_turn(mut self, force: bool) -> Self {
        self.body.force_every_turn = force;
        self
    }

    /// Whether each reply may have at most one tool call. By default it may have several.
    pub fn disable_parallel_tool_use(mut self, disable: bool) -> Self {
        self.body.disable_parallel_tool_use = disable;
        self
    }

    /// How much the model reasons: `low`, `medium`, `high`, or another word that the model knows.
    /// By default the field is not sent.
    pub fn reasoning_effort(mut self, effort: impl Into<String>) -> Self {
        self.body.effort = Some(effort.into());
        self
    }

    /// Whether typed answers use the server's structured outputs (a `json_schema` as the format of
    /// the reply), where the schema allows it. The default is `true` for OpenAI, and `false` for a
    /// [compatible](crate::OpenAi::compatible) server, because not all have them. With `false`,
    /// typed answers come through a tool.
    pub fn structured_outputs(mut self, supported: bool) -> Self {
        self.body.structured_outputs = Some(supported);
        self
    }

    /// Whether the server stores replies. By default it stores none. With the Responses API and
    /// `true`, a request carries only the messages since the agent's last reply, if nothing before
    /// that reply has changed. If the server no longer has the reply, the whole history is sent.
    pub fn store(mut self, store: bool) -> Self {
        self.body.store = store;
        self
    }

    /// Which ids of tool calls the server accepts; see [`CallIds`]. By default the client sends ids
    /// that OpenAI's server accepts. If the server then says that it accepts only 9 letters and
    /// digits, as Mistral's does, the client remembers that.
    pub fn call_ids(mut self, ids: CallIds) -> Self {
        self.call_ids = ids;
        self
    }

    /// How large pictures and requests may be. A part that is larger is replaced by a note in the
    /// request.
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Sets any other field of the request body, such as `temperature` or `text`. The value
    /// replaces what the client would send under that name; with `null` nothing is sent. A field of
    /// the same name in [`Request::extra`](agent_core::model::RequestParts::extra) replaces this
    /// value.
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.body.fields.insert(name.into(), value.into());
        self
    }
}

/// How requests are made.
impl OpenAiBuilder {
    /// Whether replies are streamed. By default they are. A reply that is not streamed comes in one
    /// piece, which costs less CPU.
    pub fn streaming(mut self, streaming: bool) -> Self {
        self.body.streaming = streaming;
        self
    }
}

http_settings!(OpenAiBuilder);
request_settings!(OpenAiBuilder);

impl fmt::Debug for OpenAiBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiBuilder")
            .field("http", &self.http)
            .field("protocol", &self.protocol)
            .field("body", &self.body)
            .field("organization", &self.organization)
            .field("project", &self.project)
            .field("origin", &self.origin)
            .field("call_ids", &self.call_ids)
            .field("retry", &self.retry)
            .field("gate", &self.gate)
            .field("bounds", &self.bounds)
            .finish()
    }
}
