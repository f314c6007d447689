//! The settings of a [`Claude`](crate::Claude) client.

use std::{collections::BTreeMap, fmt};

use agent_core::{Json, SharedText};

use super::{
    cache::Cache,
    context_edit::{self, ContextEdit},
};
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
/// Sampling parameters, such as `temperature`, are not sent unless you set them with
/// [`extra`](Self::extra): the API refuses them since version 2026-10-21. `Debug` shows neither the
/// key nor the values of headers and request fields.
#[derive(Clone)]
pub struct ClaudeBuilder {
    pub(crate) http: HttpSettings,
    pub(crate) version: String,
    pub(crate) betas: Vec<String>,
    pub(crate) streaming: bool,
    pub(crate) retry: RetryPolicy,
    pub(crate) gate: Option<Gate>,
    pub(crate) threads: bool,
    pub(crate) remembered_threads: usize,
    pub(crate) structured_outputs: bool,
    pub(crate) bounds: Bounds,
    pub(crate) model: SharedText,
    pub(crate) tool_choice: Option<ToolChoice>,
    pub(crate) force_every_turn: bool,
    pub(crate) disable_parallel_tool_use: bool,
    pub(crate) cache: Option<Cache>,
    pub(crate) edits: Vec<ContextEdit>,
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
            remembered_threads: 1_000,
            structured_outputs: true,
            bounds: Bounds::default(),
            model: "claude-sonnet-5-5".into(),
            tool_choice: None,
            force_every_turn: false,
            disable_parallel_tool_use: false,
            cache: None,
            edits: Vec::new(),
            fields: BTreeMap::new(),
        }
    }
}

/// Where requests go.
impl ClaudeBuilder {
    /// The API key. By default it is read from the variable `ANTHROPIC_API_KEY`, unless there is a
    /// [signer](Self::signer).
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

    /// Turns on one more beta feature of the API, for all requests of this client. If only some
    /// requests need it, make a second client for those: `claude.with(|settings|
    /// settings.beta("…"))`.
    pub fn beta(mut self, name: impl Into<String>) -> Self {
        self.betas.push(name.into());
        self
    }
}

/// What requests say.
impl ClaudeBuilder {
    /// The model that answers. By default `claude-sonnet-5-5`.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = model.into().into();
        self
    }

    /// Which tools the model may or must call. By default the model decides. A forced choice holds
    /// only for an agent's first request after the user spoke; see [`ToolChoice`].
    pub fn tool_choice(mut self, choice: ToolChoice) -> Self {
        self.tool_choice = Some(choice);
        self
    }

    /// Whether a forced [`ToolChoice`] holds for every request of an agent. By default it holds
    /// only for the first request after the user spoke. An agent that must call a tool in every
    /// request never answers, so limit its turns or end the run yourself.
    pub fn force_every_turn(mut self, force: bool) -> Self {
        self.force_every_turn = force;
        self
    }

    /// Whether each reply may have at most one tool call. By default it may have several.
    pub fn disable_parallel_tool_use(mut self, disable: bool) -> Self {
        self.disable_parallel_tool_use = disable;
        self
    }

    /// Turns on prompt caching: the API caches the beginning of each request, so that later
    /// requests with the same beginning cost less. `kept` is how long the API keeps the cache. The
    /// client puts up to four cache markers (`cache_control`) into each request: at the end of the
    /// tools, of the system prompt, of the history, and of the history of the request before. By
    /// default a request has only the markers that you set yourself.
    ///
    /// Your own markers stay, and count among the four. The API reads tools, then the system
    /// prompt, then messages, and refuses a marker of an hour that comes after one of five minutes.
    /// So if `kept` is an hour, the client's markers after a five-minute marker of yours have five
    /// minutes, too. And if `kept` is five minutes, the client sets no marker before a one-hour
    /// marker of yours.
    pub fn cache(mut self, kept: Cache) -> Self {
        self.cache = Some(kept);
        self
    }

    /// Lets the API shorten a long history before the model reads it: with a summary
    /// ([`CompactHistory`](crate::CompactHistory)), or without old tool results
    /// ([`ClearToolUses`](crate::ClearToolUses)) or thinking
    /// ([`ClearThinking`](crate::ClearThinking)). Each call adds an edit, or replaces the one of
    /// the same kind. These are beta features; their header is sent, too. By default the API
    /// shortens nothing.
    ///
    /// ```
    /// use agent_llm::{Claude, ClearToolUses, CompactHistory};
    ///
    /// let claude = Claude::builder()
    ///     .key("key")
    ///     .context_edit(ClearToolUses::new().at(100_000).keep(5))
    ///     .context_edit(CompactHistory::new().at(150_000))
    ///     .build()?;
    /// # Ok::<(), agent_llm::ConfigError>(())
    /// ```
    pub fn context_edit(mut self, edit: impl Into<ContextEdit>) -> Self {
        let edit = edit.into();
        if !self.betas.iter().any(|beta| beta == edit.beta) {
            self.betas.push(edit.beta.to_owned());
        }
        context_edit::add(&mut self.edits, edit);
        let field = context_edit::field(&self.edits);
        self.extra(context_edit::FIELD, field)
    }

    /// How large pictures and requests may be. By default these are the limits of the API. A part
    /// that is larger is replaced by a note in the request.
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Sets the texts at which the model stops. A second call replaces the first list.
    pub fn stop_sequences<T: Into<String>>(self, sequences: impl IntoIterator<Item = T>) -> Self {
        let sequences: Vec<String> = sequences.into_iter().map(T::into).collect();
        self.extra("stop_sequences", serde_json::Value::from(sequences))
    }

    /// How the model thinks, as in `json!({"type": "adaptive"})`. By default the field is not sent.
    pub fn thinking(self, thinking: impl Into<Json>) -> Self {
        self.extra("thinking", thinking)
    }

    /// Which capacity of the API may serve requests: `auto` or `standard_only`. By default the
    /// field is not sent.
    pub fn service_tier(self, tier: impl Into<String>) -> Self {
        self.extra("service_tier", serde_json::Value::from(tier.into()))
    }

    /// Data about the request for the API, as in `json!({"user_id": "…"})`. By default none is
    /// sent.
    pub fn metadata(self, metadata: impl Into<Json>) -> Self {
        self.extra("metadata", metadata)
    }

    /// How much effort the model makes and the format of its reply, as in `json!({"effort":
    /// "low"})`. By default the field is not sent.
    pub fn output_config(self, config: impl Into<Json>) -> Self {
        self.extra("output_config", config)
    }

    /// Whether typed answers use the API's structured outputs (`output_config.format`), where the
    /// schema allows it. The default is `true`. Set it to `false` for a model or a gateway without
    /// structured outputs. Typed answers then come through a tool.
    pub fn structured_outputs(mut self, supported: bool) -> Self {
        self.structured_outputs = supported;
        self
    }

    /// Sets any other field of the request body. The value replaces what the client would send
    /// under that name. A field of the same name in
    /// [`Request::extra`](agent_core::model::RequestParts::extra) replaces this value.
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }
}

/// How requests are made.
impl ClaudeBuilder {
    /// Whether replies are streamed. By default they are. A reply that is not streamed comes as one
    /// JSON body and is yielded as one delta, which costs less CPU.
    pub fn streaming(mut self, streaming: bool) -> Self {
        self.streaming = streaming;
        self
    }

    /// Whether the server keeps the history, so that a request carries only the new messages. This
    /// is a beta feature of the API, message threads. By default the whole history is sent in each
    /// request.
    ///
    /// The whole history is still sent if a request does not continue the last reply word for word
    /// (after a handoff, in a fork, with a changed history or other tools), and if the server no
    /// longer has the thread. If the server does not know threads, requests are sent without them.
    /// [`remembered_threads`](Self::remembered_threads) says for how many conversations this works.
    /// Source: the official clients, beta `message-threads-2026-08-12`.
    pub fn threads(mut self, threads: bool) -> Self {
        self.threads = threads;
        self
    }

    /// For how many conversations the client remembers the last request, so that the next one can
    /// continue its [thread](Self::threads). Those that were used last are remembered. The default
    /// is 1,000; 0 counts as 1.
    ///
    /// Set at least as many as are in progress at the same time. The first request of a
    /// conversation that was forgotten carries the whole history again. What is remembered of a
    /// conversation is its messages, which it shares with the conversation itself while that is in
    /// memory.
    pub fn remembered_threads(mut self, conversations: usize) -> Self {
        self.remembered_threads = conversations;
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
            .field("remembered_threads", &self.remembered_threads)
            .field("structured_outputs", &self.structured_outputs)
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
