//! Claude behind [`Llm`]: the Messages API over HTTP, streamed, with typed errors, timeouts and
//! retries.
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
//! // Without `.key(..)` and `.base_url(..)`: ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL.
//! let claude = Claude::builder().key("sk-ant-example").base_url(url).model("claude-haiku-5-5").build()?;
//! let request = Request::new(vec![Message::user("Say hello.")]);
//! let reply = fold(claude.stream(request), |delta| print!("{}", delta.text().unwrap_or_default())).await?;
//! assert_eq!(reply.content[0].as_text(), Some("Hello!"));
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Claude`] is [`Bounded`] around [`Repair`] around [`Retry`] around a plain client. Whatever else can be done around a request is a
//! wrapper of the same kind: a type that holds an [`Llm`] and is one.
//!
//! # When it fails
//!
//! An [`LlmError`] says what failed, for whom, and whether it may pass. What may is asked again
//! ([`RetryPolicy`]: how often, after how long, until when), also when a reply breaks off; what a change of
//! the request can mend is asked again with it ([`Repair`]). Each wait has a limit of its own, whose error names
//! it: [connection](ClaudeBuilder::connect_timeout), [first byte](ClaudeBuilder::first_byte_timeout),
//! [silence](ClaudeBuilder::idle_timeout), [signs of life without content](ClaudeBuilder::content_timeout),
//! [all of it](ClaudeBuilder::total_timeout). A reply that is not streamed has the first and the last of them.
//!
//! # Many agents on one account
//!
//! Give all clients of an account the same [`Gate`]: `Claude::builder().gate(gate.clone())`. It stands between
//! the retries and the connection, holds back what the server would refuse, and says so to whoever waits. Any
//! other [`Llm`] gets one with [`Gate::around`]: `Retry::new(gate.around(llm), policy)`.
//!
//! # TLS
//!
//! Connections are encrypted by [rustls](https://docs.rs/rustls) with ring's cryptography; nothing needs to be set up, and
//! nothing is set for the process. They trust whom the machine trusts. On Linux, a file of certificates (PEM) that
//! `SSL_CERT_FILE` names takes the place of the system's. They are read only where something is encrypted.
//!
//! A program that has reqwest for itself gives it a TLS of its own, by one of reqwest's features (`rustls`, `native-tls`).
//! It needs that for plain http, too: without one, reqwest panics as it makes a client.
//!
//! # Without this client
//!
//! Bytes of a streamed reply that came some other way are read by a [`StreamParser`].
//!
//! Inside, `transport` is what any API over HTTP needs, `wrappers` is what can be done around any [`Llm`], and `claude` is the
//! Messages API; another API has its place beside it. `claude` uses the other two, and these use nobody.
//!
//! In `claude`, `wire` is the API's JSON and `stream_parser` that with its framing, all without IO; `http` sends, `reply` reads
//! a stream by the clock, `refusal` makes an error of an HTTP answer. In `wrappers`, `retry/attempts` decides whether there
//! is another one; `gate` queues, and `gate/flow` decides, without clock or IO, when the next may go.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod claude;
mod transport;
mod wrappers;

pub use agent_core::{
    Block, BoxStream, Delta, Json, Llm, LlmError, Message, Request, Response, Role, StopReason, ToolSpec,
    Usage,
    message::ToolCall,
    model::{
        Counts, DeltaValidator, Fold, LlmErrorDetails, LlmErrorKind, Notice, Piece, fold, non_streaming,
    },
};
pub use claude::{Cache, Claude, ClaudeBuilder, StreamParser, ToolChoice};
pub use transport::{config_error::ConfigError, key::Key};
pub use wrappers::{Bounded, Bounds, Gate, Gated, Repair, Retry, RetryPolicy};
