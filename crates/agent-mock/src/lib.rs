//! A mock server for the Messages API and for OpenAI's APIs, for tests and demos. Your program
//! talks to it over HTTP as it would to the real API. The server runs in your process, needs no
//! account, and sends the replies of your [`Scenario`].
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
//! The server has these endpoints. All of them follow the same [`Scenario`]:
//!
//! - `POST /v1/messages`, also with `?beta=true`: a reply of the Messages API, as JSON or as an
//!   event stream.
//! - `POST /v1/messages/count_tokens`: the number of tokens, estimated.
//! - `POST /v1/chat/completions` and `POST /v1/responses`: a reply of OpenAI's APIs, as JSON or as
//!   an event stream.
//! - `GET /v1/models`: OpenAI's list of models. Requests may name any other model as well.
//!
//! Each request is checked like the real API checks it ([`check()`], [`check_chat()`],
//! [`check_responses()`]). A request that the real API would refuse gets the real API's error. So
//! if your test passes, the history that your program sent was valid.
//!
//! The server speaks HTTP/1.1. It also speaks HTTP/2 without TLS, with clients that use it from the
//! first byte ("prior knowledge"), with up to 200 streams per connection. A fault that closes the
//! connection only resets the stream over HTTP/2. The last bytes before the reset can get lost.
//!
//! To test how a client handles rate limits, set [`Scenario::rate_limit`]. Requests over the limit
//! get a status 429. They are counted by [`Mock::refused`], but not read and not recorded.
//!
//! # Errors on purpose
//!
//! To test how a client handles errors, add [`Fault`]s to the scenario with [`Scenario::fault`]. A
//! fault can send any status and body, close the connection, delay the head or the body, cut the
//! body, end it too early, stop sending, send endless pings, send the body bit by bit, or insert an
//! `error` event or one that is not JSON. Errors and pings have the form of the API that the
//! request came in. A scenario says for each turn which attempts fail, so a client that retries
//! gets its reply in the end.
//!
//! Unusual content needs no fault, because a scenario may have any reply: call ids that occur
//! twice, blank text, or a call whose input is not JSON ([`agent_core::script::Reply::call`]).
//!
//! # Conformance of a backend
//!
//! The module [`conformance`] puts a whole backend through such faults and through unusual content,
//! and reports what it did wrong.
//!
//! # OpenAI's APIs
//!
//! A scripted reply is written in the form of the API that the request came in:
//!
//! | in the script | chat completions | Responses API |
//! |---|---|---|
//! | text | `content` | a `message` |
//! | a call | one of the `tool_calls` | a `function_call` |
//! | thinking | `reasoning_content`, as other servers write it | `reasoning` with a summary. Its signature is the `encrypted_content`, if the request includes that |
//! | any other block | an error: there is no form for it | an item, as it is |
//! | `end_turn`, `stop_sequence` | `stop` | `completed` |
//! | `tool_use` | `tool_calls` | `completed` |
//! | `max_tokens`, a full context window | `length` | `incomplete`, `max_output_tokens` |
//! | `refusal` | `content_filter` | the text is a `refusal`. Without text: `incomplete`, `content_filter` |
//! | another stop reason | that word | `incomplete`, with that word. `failed` is a reply that failed, and the details of the stop reason are its error |
//!
//! In chat completions, the system prompt of a request is the `system` and `developer` messages that
//! it starts with. In the Responses API, the `instructions` also belong to it.
//!
//! In these APIs, the tokens of the prompt include those of the prompt cache. Thinking counts as
//! reasoning tokens, at four bytes a token. If your test needs other numbers, add an extra field
//! `usage` to the reply: its fields replace these numbers.
//!
//! The server stores each reply of the Responses API, unless the request has `"store": false`. So
//! `previous_response_id` and `item_reference` work. The conversations, prompts and background
//! replies of that API are not supported.
//!
//! A request with a key (`authorization: Bearer …`, any key) is checked by OpenAI's rules. A
//! request without a key is checked like one for a local server with a compatible API. Such servers
//! need no key, ignore fields that they don't know, and accept tools and items of other types, low
//! token limits and loose schemas. The history must be valid in both cases.
//!
//! ```
//! use agent_core::script::Reply;
//! use agent_mock::{Mock, Scenario};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let server = Mock::start(Scenario::new([Reply::text("Hello!")])).await?;
//! # // The server does not speak TLS. reqwest needs a provider all the same.
//! # let _ = rustls::crypto::ring::default_provider().install_default();
//! # let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
//! let post = client.post(server.url() + "/v1/responses").header("authorization", "Bearer any");
//! let reply = post.body(r#"{"model": "m", "input": "Hi."}"#).send().await?.text().await?;
//! assert!(reply.contains("Hello!"));
//! assert_eq!(server.requests()[0].last_text(), "Hi.");
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The base URL for OpenAI's clients ends with `/v1`: `server.url() + "/v1"`. The official Python
//! client (`openai==3.57.0`) can talk to this server, and each event has the shape of its types:
//!
//! ```python
//! import openai
//! client = openai.OpenAI(base_url="http://127.0.0.1:PORT/v1", api_key="any")
//! with client.responses.stream(model="gpt-test", input="Hi") as stream:
//!     for event in stream:
//!         print(event.type)
//! ```
//!
//! # Anthropic's own client
//!
//! CI runs the official Python client against this server (`cargo xtask oracle` in this crate's
//! repository). That test covers replies with and without streaming, the client's tool runner,
//! token counts and typed errors. The client's own types check each reply. To try it yourself:
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
//! then writes the body of each request for a reply, also if it refuses the request, to a new file
//! `PROCESS-NUMBER.json` in that folder. Requests to count tokens are not recorded. The file holds
//! exactly the bytes of the body, without headers. Only its owner can read it (mode 0600). If the
//! file can't be written, the request is answered with a status 500.
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
mod chat;
pub mod conformance;
mod default_reply;
mod event_stream;
mod example;
mod fault;
mod faults;
mod json;
mod messages;
mod mock;
mod openai;
mod rate_limit;
mod recorded_request;
mod recording_folder;
mod refusal;
mod request_log;
mod request_reading;
mod response;
mod responses;
mod route;
mod scenario;
mod server_state;
mod vendor;
mod wire;

pub use chat::check_chat;
pub use fault::{Answer, Fault, Place};
pub use messages::check;
pub use mock::Mock;
pub use rate_limit::RateLimit;
pub use recorded_request::RecordedRequest;
pub use refusal::Refusal;
pub use responses::check_responses;
pub use scenario::Scenario;
