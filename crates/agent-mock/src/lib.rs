//! A mock server for the Messages API, for tests and demos. Your program talks to it over HTTP as
//! it would to the real API. The server runs on this machine, needs no key, and replies with what
//! your [`Scenario`] says.
//!
//! ```
//! use agent_core::script::Reply;
//! use agent_mock::{Mock, Scenario};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let server = Mock::start(Scenario::new([Reply::text("Hello!")])).await?;
//! let request = r#"{"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi."}]}"#;
//! # // The server does not speak TLS. reqwest needs a provider all the same.
//! # let _ = rustls::crypto::ring::default_provider().install_default();
//! # let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
//! let post = client.post(server.url() + "/v1/messages").header("anthropic-version", "2026-10-21");
//! let reply = post.header("x-api-key", "any").body(request).send().await?.text().await?;
//! assert!(reply.contains("Hello!"));
//! assert_eq!(server.requests()[0].last_text(), "Hi.");
//! assert_eq!((server.count(), server.most_open()), (1, 1));
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The server has two endpoints:
//!
//! - `POST /v1/messages`, also with `?beta=true`: a reply, as JSON or as an event stream. The
//!   [`Scenario`] says what the replies are and how long they take.
//! - `POST /v1/messages/count_tokens`: an estimate.
//!
//! Each request is [checked](check()) like the real API checks it. A request that the real API
//! would refuse gets the real API's error. So if your test passes, the history that your program
//! sent was valid.
//!
//! The server speaks HTTP/1.1. It also speaks HTTP/2 without TLS, to clients that start with it
//! ("prior knowledge"), with up to 200 streams per connection. Where a fault would close the
//! connection, over HTTP/2 it resets the stream. The last bytes before the reset can get lost.
//!
//! To test how a client handles rate limits, set [`Scenario::rate_limit`]. Requests over the limit
//! get a status 429. [`Mock::refused`] counts them. They are not read and not recorded.
//!
//! # Errors on purpose
//!
//! To test how a client handles errors, add [`Fault`]s to the scenario with [`Scenario::fault`]. A
//! fault can send any status and body, close the connection, delay the head or the body, cut the
//! body, end it too early, stop sending, send endless pings, send the body bit by bit, or insert an
//! `error` event or one that is not JSON. You say which attempts at which turn go wrong. A client
//! that retries then gets its reply in the end.
//!
//! Unusual content needs no fault, because a scenario may have any reply: call ids that occur
//! twice, blank text, or a call whose input is not JSON ([`agent_core::script::Reply::call`]).
//!
//! # Anthropic's own client
//!
//! CI runs the official Python client against this server (`cargo xtask oracle` in this crate's
//! repository). It tests replies with and without streaming, the client's tool runner, token counts
//! and typed errors. The client's own types check each reply. To try it yourself:
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
//! # Recorded requests
//!
//! [`Mock::requests`] returns the requests that a server has received. To record the requests of a
//! whole program, or of many, set the environment variable `AGENT_MOCK_RECORD=FOLDER`. Each server
//! then writes the body of each request for a reply to a new file `PROCESS-NUMBER.json` in that
//! folder, also if it refuses the request. The file holds exactly the bytes of the body, without
//! headers. Only its owner can read it (mode 0600). If the file can't be written, the request is
//! answered with a status 500.
//!
//! # Limits
//!
//! Pauses are tokio timers. Paused tokio time does not work here: while data is on its way through
//! a socket, tokio moves the clock forward. For tests with paused time, use
//! [`agent_core::script::Script`] instead of a server.
//!
//! The server keeps all requests in memory until it is dropped.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answer;
mod body_plan;
mod check;
mod default_reply;
mod event;
mod example;
mod fault;
mod faults;
mod mock;
mod rate_limit;
mod recorded_request;
mod recording_folder;
mod refusal;
mod request_log;
mod response;
mod route;
mod scenario;
mod server_state;
mod threads;

pub use check::check;
pub use fault::{Answer, Fault, Place};
pub use mock::Mock;
pub use rate_limit::RateLimit;
pub use recorded_request::RecordedRequest;
pub use refusal::Refusal;
pub use scenario::Scenario;
