//! Model backends over HTTP, each an [`Llm`]: Claude, and with the feature `openai` also OpenAI's
//! APIs. They stream, have typed errors and time limits, and retry.
//!
//! ```
//! use agent_llm::{Claude, Llm, Message, Request, fold};
//! # use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let server = MockServer::start().await;
//! # let url = server.uri();
//! # let (text, end) = (r#"{"type":"text_delta","text":"Hello!"}"#, r#"{"stop_reason":"end_turn"}"#);
//! # let reply = format!("data:{{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{text}}}\n\n\
//! #     data:{{\"type\":\"message_delta\",\"delta\":{end}}}\n\ndata:{{\"type\":\"message_stop\"}}\n\n");
//! # let reply = ResponseTemplate::new(200).set_body_raw(reply, "text/event-stream");
//! # Mock::given(any()).respond_with(reply).mount(&server).await;
//! // Without `.key(..)` and `.base_url(..)` it reads ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL.
//! let claude = Claude::builder().key("sk-ant-example").base_url(url).model("claude-haiku-5-5").build()?;
//! let request = Request::new(vec![Message::user("Say hello.")]);
//! let reply = fold(claude.stream(request), |delta| print!("{}", delta.text().unwrap_or_default())).await?;
//! assert_eq!(reply.content[0].as_text(), Some("Hello!"));
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Claude`] is a plain client with three wrappers around it: [`Bounded`] around [`Repair`] around
//! [`Retry`]. A wrapper is a type that holds an [`Llm`] and implements `Llm` itself. You can put
//! your own wrappers around any backend in the same way.
//!
//! `OpenAi` is for OpenAI's APIs and for servers that speak like them. It is built in the same way,
//! and what follows holds for it, too.
//!
//! # Errors
//!
//! An [`LlmError`] says what failed, and whether the same request may succeed later
//! ([`LlmError::is_retryable`]).
//!
//! - A request that may succeed later is retried, also when a reply breaks off. [`RetryPolicy`]
//!   sets how many times, after what wait, and until when.
//! - If a change of the request helps, the request is sent again with that change. See [`Repair`].
//!
//! Each wait has its own time limit. When one is exceeded, the error names it:
//! [connection](ClaudeBuilder::connect_timeout), [first byte](ClaudeBuilder::first_byte_timeout),
//! [pause between bytes](ClaudeBuilder::idle_timeout), [pause in the
//! content](ClaudeBuilder::content_timeout) and [the whole reply](ClaudeBuilder::total_timeout).
//! For a reply that is not streamed, only the limits of the connection and of the whole reply
//! apply.
//!
//! # Many agents on one account
//!
//! Give all clients of an account the same [`Gate`]: `Claude::builder().gate(gate.clone())`. The
//! gate is a rate limiter: it holds back requests that the server would refuse, and emits an event
//! that says why. A retried request passes the gate again. For any other [`Llm`], use
//! [`Gate::around`]: `Retry::new(gate.around(llm), policy)`.
//!
//! # Claude on other clouds
//!
//! Amazon, Google, Azure and gateways want another address, key or path, or a signature. The module
//! [`transport`](transport#elsewhere) says which settings there are for that.
//!
//! # Several models
//!
//! [`Fallback`] asks the next model of a list when a model fails before its reply has begun.
//! [`Route`] sends each request to the model that a function picks.
//!
//! # What requests cost
//!
//! With the feature `prices`, `PublishedPrices` knows what the models of most providers cost. Wrap a
//! backend with it in agent-core's `Priced`: then budgets in dollars hold, and each usage has its
//! cost.
//!
//! # Tests without a model
//!
//! [`Cassette`] records the replies of any backend in a file, and replays them in tests: without a
//! key and without a network.
//!
//! # TLS
//!
//! Connections are encrypted by [rustls](https://docs.rs/rustls) with ring's cryptography. You need
//! not set anything up, and the crate changes no setting of the whole process. A client trusts the
//! certificates that the machine trusts. On Linux, the variable `SSL_CERT_FILE` may name a file of
//! certificates (PEM) to trust instead. Certificates are only read when a connection is encrypted.
//!
//! If your program also uses reqwest directly, keep one of reqwest's TLS features on (`rustls`,
//! `native-tls`), even for plain http. Without such a feature, `reqwest::Client::new()` panics.
//!
//! # A backend of your own
//!
//! The module [`transport`] has the pieces for a backend over HTTP: a client with time limits
//! ([`HttpClient`](transport::HttpClient)), a decoder of streams, typed errors, and a writer of
//! deltas ([`DeltaWriter`](transport::DeltaWriter)). All wrappers work around your backend, too.
//!
//! A [`StreamParser`] reads the bytes of a streamed reply of Claude that you received some other
//! way.
//!
//! # Features
//!
//! - `claude`, on by default: the client of the Messages API.
//! - `openai`: OpenAI's two APIs, and servers that speak like them.
//! - `prices`: the published prices of most providers' models (`PublishedPrices`), for budgets in
//!   dollars.
//!
//! Without `claude` and `openai`, the crate has only the transport and the wrappers, for a backend
//! of your own.
//!
//! # Inside
//!
//! - `transport` is what any API over HTTP needs. `http` sends a request and reads the answer,
//!   `reply` reads a stream within its time limits, `error` turns an HTTP answer into a typed
//!   error.
//! - `wrappers` go around any [`Llm`]. `retry` asks again, `fallback` asks another model, `route`
//!   picks one, `cassette` records and replays, `gate` queues requests, and `gate/flow` decides when
//!   the next one may go, without clock or IO.
//! - `claude` is the Messages API: `wire` is its JSON, `message_events` reads its streams, both
//!   without IO, and `messages` is the plain client. `claude` uses `transport` and `wrappers`, and
//!   they do not use it.
//! - `openai`, with the feature of that name, is the same for the Responses API and chat
//!   completions. Neither uses the other. Both write bodies with `json_text`, without serde where
//!   there may be thousands of messages.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(any(feature = "claude", feature = "openai"))]
mod answer_schema;
#[cfg(all(test, any(feature = "claude", feature = "openai")))]
mod any_input;
#[cfg(feature = "claude")]
mod claude;
// Claude's messages are kept as they are sent, so less of it is needed for them.
#[cfg_attr(not(feature = "openai"), allow(dead_code))]
#[cfg(any(feature = "claude", feature = "openai"))]
mod json_text;
#[cfg(any(feature = "claude", feature = "openai"))]
mod model_info;
#[cfg(any(feature = "claude", feature = "openai"))]
mod object_fields;
#[cfg(feature = "openai")]
mod openai;
#[cfg(feature = "prices")]
mod prices;
#[cfg(any(feature = "claude", feature = "openai"))]
mod request_settings;
#[cfg_attr(not(any(feature = "claude", feature = "openai")), allow(dead_code))]
mod tool_choice;
// Some of it only the APIs of this crate use: lists in pages, answers of many lines, Anthropic's rate
// limits only Claude's.
#[cfg_attr(not(feature = "claude"), allow(dead_code, unused_imports))]
pub mod transport;
#[cfg(any(feature = "claude", feature = "openai"))]
mod without_blocks;
mod wrappers;

pub use agent_core::{
    Block, BoxStream, Delta, Json, Llm, LlmError, Message, Request, Response, Role, SharedText, StopReason,
    ToolSpec, Usage,
    message::ToolCall,
    model::{
        Counts, DeltaValidator, Fold, LlmErrorDetails, LlmErrorKind, Notice, Piece, fold, non_streaming,
    },
};
#[cfg(feature = "claude")]
pub use claude::{
    Batch, BatchCounts, BatchOutcome, BatchRequest, BatchResult, BatchStatus, Batches, Cache, Claude,
    ClaudeBuilder, ClearThinking, ClearToolUses, CompactHistory, ContextEdit, StreamParser,
};
#[cfg(any(feature = "claude", feature = "openai"))]
pub use model_info::ModelInfo;
#[cfg(feature = "openai")]
pub use openai::{CallIds, OpenAi, OpenAiBuilder};
#[cfg(feature = "prices")]
pub use prices::PublishedPrices;
pub use tool_choice::ToolChoice;
pub use transport::{config_error::ConfigError, key::Key};
pub use wrappers::{
    Bounded, Bounds, Cassette, CassetteError, CassetteMiss, Fallback, Gate, Gated, ModelsError, Repair,
    RequestDifference, Retry, RetryPolicy, Route,
};
