//! The settings of a [`Claude`](crate::Claude) client.

use std::{collections::BTreeMap, fmt};

use agent_core::Json;

use super::cache::Cache;
use crate::{
    ToolChoice,
    transport::{
        key::Key,
        settings::{HttpSettings, http_settings},
    },
    wrappers::{Bounds, Gate, RetryPolicy},
};

/// What a client sends with every request, and how long it waits; a builder of
/// [`Claude`](crate::Claude).
///
/// No sampling parameters are sent unless given: the API refuses them since version 2026-10-21.
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

/// Who is asked.
impl ClaudeBuilder {
    /// The API key; by default what `ANTHROPIC_API_KEY` holds.
    pub fn key(mut self, key: impl Into<Key>) -> Self {
        self.http.key = Some(key.into());
        self
    }

    /// Where the API is; by default what `ANTHROPIC_BASE_URL` holds, else `https://api.anthropic.com`. Plain
    /// http leads to this machine only, unless [allowed](Self::allow_plain_http).
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.http.base_url = Some(url.into());
        self
    }

    /// The `anthropic-version`; by default `2026-10-21`.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Turns a beta feature on, besides those already on. One that only some requests need is set on a client
    /// for these: `claude.with(|settings| settings.beta("…"))`.
    pub fn beta(mut self, name: impl Into<String>) -> Self {
        self.betas.push(name.into());
        self
    }
}

/// What is asked.
impl ClaudeBuilder {
    /// The model; by default `claude-sonnet-5-5`.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = model.into();
        self
    }

    /// Which tools the model may or must call; by default it decides. What is forced is forced in the first request since
    /// the user spoke; see [`ToolChoice`].
    pub fn tool_choice(mut self, choice: ToolChoice) -> Self {
        self.tool_choice = Some(choice);
        self
    }

    /// Whether a forced [`ToolChoice`] holds for every turn, and not only for the first since the user spoke; by default it
    /// does not. An agent that must call a tool in each turn never answers: bound its turns, or end the run yourself.
    pub fn force_every_turn(mut self, force: bool) -> Self {
        self.force_every_turn = force;
        self
    }

    /// Whether the model may make at most one call a reply.
    pub fn disable_parallel_tool_use(mut self, disable: bool) -> Self {
        self.disable_parallel_tool_use = disable;
        self
    }

    /// Puts up to four cache markers where they pay: at the end of the tools, of the system prompt, and
    /// of the history. By default there are none but those in the request.
    ///
    /// Markers that are there already stay as they are, count among the four, and come first: since the API takes
    /// none of an hour after one of five minutes (tools come before the system prompt, and that before messages), ours keep
    /// five minutes after such a one, and are left out where one of an hour follows.
    pub fn cache(mut self, kept: Cache) -> Self {
        self.cache = Some(kept);
        self
    }

    /// How large pictures and requests may be; by default as the API takes them. What is over becomes a note where it
    /// stood.
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// The texts the model stops at.
    pub fn stop_sequences<T: Into<String>>(self, sequences: impl IntoIterator<Item = T>) -> Self {
        let sequences: Vec<String> = sequences.into_iter().map(T::into).collect();
        self.extra("stop_sequences", serde_json::Value::from(sequences))
    }

    /// How the model thinks, as in `json!({"type": "adaptive"})`.
    pub fn thinking(self, thinking: impl Into<Json>) -> Self {
        self.extra("thinking", thinking)
    }

    /// Which capacity may serve the request: `auto` or `standard_only`.
    pub fn service_tier(self, tier: impl Into<String>) -> Self {
        self.extra("service_tier", serde_json::Value::from(tier.into()))
    }

    /// About the request, as in `json!({"user_id": "…"})`.
    pub fn metadata(self, metadata: impl Into<Json>) -> Self {
        self.extra("metadata", metadata)
    }

    /// Effort and format of the reply, as in `json!({"effort": "low"})`.
    pub fn output_config(self, config: impl Into<Json>) -> Self {
        self.extra("output_config", config)
    }

    /// Any other field of the request body; it wins over the client's own of that name, and
    /// [`Request::extra`](agent_core::model::RequestParts::extra) wins over it.
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }
}

/// How it is asked.
impl ClaudeBuilder {
    /// Whether replies are streamed, as they are by default. Otherwise a reply comes as one JSON
    /// body and is yielded as one delta, which costs less CPU.
    pub fn streaming(mut self, streaming: bool) -> Self {
        self.streaming = streaming;
        self
    }

    /// How often and when a failed request is made again.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// How often a failed request is made again; by default 2.
    pub fn max_retries(mut self, retries: usize) -> Self {
        self.retry = self.retry.max_retries(retries);
        self
    }

    /// The gate that holds requests back when the server has no room; by default none. All clients of one
    /// account should have the same. A request that is made again queues again, and one that waits holds no
    /// connection and is under no time limit.
    pub fn gate(mut self, gate: Gate) -> Self {
        self.gate = Some(gate);
        self
    }

    /// How many requests may be open at once, of this client, its clones and those made [with](crate::Claude::with) it; by
    /// default as many as there are. It is a [gate](Self::gate) that is only a bound ([`Gate::at_most`]), and takes
    /// the place of one that was given before.
    pub fn requests_at_once(self, requests: usize) -> Self {
        self.gate(Gate::at_most(requests))
    }

    /// Whether the server keeps what was said, so that a request carries only what is new (message threads, a
    /// beta feature); by default all is sent each time.
    ///
    /// A request that does not go on from the last reply word for word (after a handoff, in a fork, with an
    /// edited view or other tools) carries all, and so does one whose thread the server does not hold any more; a
    /// server that knows no threads is asked without. The client remembers the last request and reply of the 1,000
    /// conversations used last. Source: the official clients, beta `message-threads-2026-08-12`.
    pub fn threads(mut self, threads: bool) -> Self {
        self.threads = threads;
        self
    }
}

http_settings!(ClaudeBuilder);

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
