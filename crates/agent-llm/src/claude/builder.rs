//! The settings of a [`Claude`](crate::Claude) client.

use std::{collections::BTreeMap, fmt};

use agent_core::Json;

use super::cache::Cache;
use crate::{
    ToolChoice,
    request_settings::request_settings,
    transport::{
        key::Key,
        settings::{HttpSettings, http_settings},
    },
    wrappers::{Bounds, Gate, RetryPolicy},
};

/// Builds a [`Claude`](crate::Claude): what it sends with every request, and how long it waits.
///
/// No sampling parameters (`temperature` and the like) are sent unless you give them with
/// [`extra`](Self::extra). The API refuses them since version 2026-10-21.
/// `Debug` shows neither the key nor the values of headers and request fields.
#[derive(Clone)]
pub struct ClaudeBuilder {
    pub(crate) http: HttpSettings,
    pub(crate) version: String,
    pub(crate) betas: Vec<String>,
    pub(crate) streaming: bool,
    pub(crate) retry: RetryPolicy,
    pub(crate) gate: Option<Gate>,
    pub(crate) threads: bool,
    pub(crate) bounds: Bounds,
    pub(crate) model: String,
    pub(crate) tool_choice: Option<ToolChoice>,
    pub(crate) force_every_turn: bool,
    pub(crate) disable_parallel_tool_use: bool,
    pub(crate) cache: Option<Cache>,
    pub(crate) fields: BTreeMap<String, Json>,
}

impl Default for ClaudeBuilder {
    fn default() -> Self {
        Self {
            http: HttpSettings::default(),
            version: "2026-10-21".to_owned(),
            betas: Vec::new(),
            streaming: true,
            retry: RetryPolicy::default(),
            gate: None,
            threads: false,
            bounds: Bounds::default(),
            model: "claude-sonnet-5-5".to_owned(),
            tool_choice: None,
            force_every_turn: false,
            disable_parallel_tool_use: false,
            cache: None,
            fields: BTreeMap::new(),
        }
    }
}

/// Where requests go.
impl ClaudeBuilder {
    /// The API key. By default it is read from the variable `ANTHROPIC_API_KEY`.
    pub fn key(mut self, key: impl Into<Key>) -> Self {
        self.http.key = Some(key.into());
        self
    }

    /// The address of the API. By default it is read from the variable `ANTHROPIC_BASE_URL`; if
    /// that is not set, it is `https://api.anthropic.com`. Plain http to another machine is an
    /// error, unless you [allow](Self::allow_plain_http) it.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.http.base_url = Some(url.into());
        self
    }

    /// The version of the API, sent as `anthropic-version`. By default `2026-10-21`.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Turns on one more beta feature. If only some requests need it, make a second client for
    /// these: `claude.with(|settings| settings.beta("…"))`.
    pub fn beta(mut self, name: impl Into<String>) -> Self {
        self.betas.push(name.into());
        self
    }
}

/// What requests say.
impl ClaudeBuilder {
    /// The model that answers. By default `claude-sonnet-5-5`.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = model.into();
        self
    }

    /// Which tools the model may or must call. By default the model decides. A forced choice holds
    /// only for an agent's first request after the user spoke; see [`ToolChoice`].
    pub fn tool_choice(mut self, choice: ToolChoice) -> Self {
        self.tool_choice = Some(choice);
        self
    }

    /// Whether a forced [`ToolChoice`] holds for every turn. By default it holds only for the first
    /// turn after the user spoke. An agent that must call a tool in every turn never answers, so
    /// limit its turns or end the run yourself.
    pub fn force_every_turn(mut self, force: bool) -> Self {
        self.force_every_turn = force;
        self
    }

    /// Whether each reply may have at most one tool call. By default it may have several.
    pub fn disable_parallel_tool_use(mut self, disable: bool) -> Self {
        self.disable_parallel_tool_use = disable;
        self
    }

    /// Has the API cache the beginning of requests, so that it costs less to send it again. It puts
    /// up to four cache markers into each request: at the end of the tools, of the system prompt,
    /// and of the history. By default a request has only the markers that you put there.
    ///
    /// Your own markers stay as they are, and they count among the four. The API takes no marker of
    /// an hour behind one of five minutes (its order is: tools, system prompt, messages). So behind
    /// a marker of yours with five minutes, ours have five minutes too; and before one of yours
    /// with an hour, ours are left out if they have five minutes.
    pub fn cache(mut self, kept: Cache) -> Self {
        self.cache = Some(kept);
        self
    }

    /// How large pictures and requests may be. By default these are the limits of the API. Where
    /// something is larger, a note is sent in its place.
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Sets the texts at which the model stops. A second call replaces the first list.
    pub fn stop_sequences<T: Into<String>>(self, sequences: impl IntoIterator<Item = T>) -> Self {
        let sequences: Vec<String> = sequences.into_iter().map(T::into).collect();
        self.extra("stop_sequences", serde_json::Value::from(sequences))
    }

    /// How the model thinks, as in `json!({"type": "adaptive"})`.
    pub fn thinking(self, thinking: impl Into<Json>) -> Self {
        self.extra("thinking", thinking)
    }

    /// Which of the API's capacity may serve requests: `auto` or `standard_only`.
    pub fn service_tier(self, tier: impl Into<String>) -> Self {
        self.extra("service_tier", serde_json::Value::from(tier.into()))
    }

    /// Data about the request, as in `json!({"user_id": "…"})`.
    pub fn metadata(self, metadata: impl Into<Json>) -> Self {
        self.extra("metadata", metadata)
    }

    /// How much effort the model makes and the format of its reply, as in `json!({"effort":
    /// "low"})`.
    pub fn output_config(self, config: impl Into<Json>) -> Self {
        self.extra("output_config", config)
    }

    /// Sets any other field of the request body. It replaces what the client would send under that
    /// name. A field of [`Request::extra`](agent_core::model::RequestParts::extra) replaces it in
    /// turn.
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }
}

/// How requests are made.
impl ClaudeBuilder {
    /// Whether replies are streamed. By default they are. If not, a reply comes as one JSON body
    /// and is yielded as one delta. That costs less CPU.
    pub fn streaming(mut self, streaming: bool) -> Self {
        self.streaming = streaming;
        self
    }

    /// Whether the server keeps the history, so that a request carries only what is new. This is a
    /// beta feature, message threads. By default the whole history is sent each time.
    ///
    /// The whole history is still sent when a request does not continue the last reply word for
    /// word (after a handoff, in a fork, with an edited view or other tools), and when the server
    /// no longer holds the thread. A server that does not know threads is asked without them. The
    /// client remembers the last request and reply of the 1,000 conversations that were used last.
    /// Source: the official clients, beta `message-threads-2026-08-12`.
    pub fn threads(mut self, threads: bool) -> Self {
        self.threads = threads;
        self
    }
}

http_settings!(ClaudeBuilder);
request_settings!(ClaudeBuilder);

impl fmt::Debug for ClaudeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<&String> = self.fields.keys().collect();
        f.debug_struct("ClaudeBuilder")
            .field("http", &self.http)
            .field("version", &self.version)
            .field("betas", &self.betas)
            .field("streaming", &self.streaming)
            .field("retry", &self.retry)
            .field("gate", &self.gate)
            .field("threads", &self.threads)
            .field("bounds", &self.bounds)
            .field("model", &self.model)
            .field("tool_choice", &self.tool_choice)
            .field("force_every_turn", &self.force_every_turn)
            .field("disable_parallel_tool_use", &self.disable_parallel_tool_use)
            .field("cache", &self.cache)
            .field("fields", &fields)
            .finish()
    }
}
