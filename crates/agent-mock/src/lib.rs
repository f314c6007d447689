//! A server on loopback that speaks the Messages API and follows a script: for tests, demos and
//! your own tests, without a key and without a network.
//!
//! ```
//! use agent_core::script::Reply;
//! use agent_mock::{Mock, Scenario};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let server = Mock::start(Scenario::new([Reply::text("Hello!")])).await?;
//! let request = r#"{"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi."}]}"#;
//! # // Of TLS, which the server does not speak, as little as there must be.
//! # let _ = rustls::crypto::ring::default_provider().install_default();
//! # let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
//! let asked = client.post(server.url() + "/v1/messages").header("anthropic-version", "2026-10-21");
//! let reply = asked.header("x-api-key", "any").body(request).send().await?.text().await?;
//! assert!(reply.contains("Hello!"));
//! assert_eq!(server.requests()[0].last_text(), "Hi.");
//! assert_eq!((server.count(), server.most_open()), (1, 1));
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It answers `POST /v1/messages` (as JSON, or as an event stream if the request says so), the same with
//! `?beta=true`, and `POST /v1/messages/count_tokens`. What is said and how long it takes is a [`Scenario`];
//! its JSON form, for a server of its own, is described there. Requests are [checked](check()) as the real
//! API does, and refused in its words: a test that passes here has sent a valid history.
//!
//! It speaks HTTP/1.1 and, to a client that begins with it ("prior knowledge"), HTTP/2, with up to 200 streams a
//! connection. There, what would close a connection resets the stream, and what was said just before
//! may be lost with it.
//!
//! An account's limit is part of the plot too ([`Scenario::rate_limit`]): what is over it is refused (429), counted in
//! [`Mock::refused`], and neither read nor kept.
//!
//! # A bad day
//!
//! Each way for an answer to go wrong is a [`Fault`]: any status and body, a hang-up, a slow head or body, a cut, silence,
//! pings and nothing else, a drip, an `error` event, one that is no JSON. The plot says to which attempts at which turn
//! it happens ([`Scenario::fault`]), so that a client which asks again gets its reply in the end. What only concerns the
//! content of a reply needs no fault: ids that come twice, blank text, and a call whose input is no JSON
//! ([`agent_core::script::Reply::call`]) are replies like others.
//!
//! # Anthropic's own client
//!
//! In CI the official Python client is driven against this server, unary, streamed, through its tool runner's
//! loop, token counts and typed errors, and each reply is judged by the client's own types (`cargo xtask oracle`
//! in this crate's repository). To drive it yourself:
//!
//! ```text
//! cargo run -p agent-mock --example serve          # prints its URL
//! pip install anthropic==2.12.0
//! ```
//! ```python
//! import anthropic
//! client = anthropic.Anthropic(base_url="http://127.0.0.1:PORT", api_key="any")
//! with client.messages.stream(
//!     model="claude-sonnet-5-5", max_tokens=64, messages=[{"role": "user", "content": "Hi"}]
//! ) as stream:
//!     print(stream.get_final_message())
//! ```
//!
//! # What was asked
//!
//! [`Mock::requests`] has the requests of a server. To see those of a whole program, or of many, run them with
//! the environment variable `AGENT_MOCK_RECORD=FOLDER`: each server then writes the body of each request for a
//! reply, refused ones included, to a new file there, `PROCESS-NUMBER.json`, as it came and without headers. Only
//! its owner can read the file (mode 0600). A request that can't be written is answered with a status 500.
//!
//! # Limits
//!
//! The pauses of a script are tokio's, but a socket's data does not keep paused time from moving on: use
//! paused time with [`agent_core::script::Script`] instead. All requests are kept until the server is
//! dropped.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answer;
mod check;
mod course;
mod event;
mod example;
mod fault;
mod faults;
mod first_tool;
mod folder;
mod mock;
mod rate_limit;
mod record;
mod recorded_request;
mod refusal;
mod response;
mod route;
mod scenario;
mod stage;
mod threads;

pub use check::check;
pub use fault::{Answer, Fault, Place};
pub use mock::Mock;
pub use rate_limit::RateLimit;
pub use recorded_request::RecordedRequest;
pub use refusal::Refusal;
pub use scenario::Scenario;
