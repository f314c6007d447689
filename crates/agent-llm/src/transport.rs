//! The pieces to write a backend for an API over HTTP: a client with time limits, a decoder of
//! streams, typed errors, and a writer of deltas.
//!
//! - [`HttpClient`] sends requests and reads the answers. With it, a backend that streams and calls
//!   tools fits on a screen.
//! - [`DeltaWriter`] turns the pieces of a reply into valid [`Delta`](crate::Delta)s.
//! - [`sse::Decoder`] reads server-sent events, and [`http_error`] makes an
//!   [`LlmError`](crate::LlmError) of an HTTP answer. You need these two only with an HTTP client
//!   of your own.
//!
//! The guide's chapter *A backend of your own* has a whole program.
//!
//! # Elsewhere
//!
//! A model's API is often behind another server: a cloud's, or a gateway. Every client of this
//! crate can use such a server, also [`HttpClient`]. These methods of the client's builder help:
//!
//! - `base_url`: if the URL has a query, it is sent with every request
//! - `key`: the API key, in the header that the server wants; see [`Key`](crate::Key)
//! - `signer`: a [`Sign`], which signs each attempt or adds a token that expires
//! - `rewrite`: a function that changes an [`OutgoingRequest`]: its path, its headers, its body
//!
//! The guide's chapter *Claude on other clouds* has programs for Amazon, Google, Azure and a
//! gateway.

// It knows no API: nothing here uses `claude` or `wrappers`. An API of this crate has its names in
// an `Api`, makes the bodies of its requests, and reads the events of its streams (`ReadEvent`).
// `Http` does the rest.

pub(crate) mod api;
pub(crate) mod api_request;
mod arrivals;
// Some of it only `openai` uses.
#[cfg_attr(not(feature = "openai"), allow(dead_code))]
pub(crate) mod block_order;
pub(crate) mod causes;
mod client;
pub(crate) mod config_error;
pub(crate) mod connections;
mod delta_writer;
pub(crate) mod endpoint;
pub(crate) mod error;
pub(crate) mod headers;
pub(crate) mod http;
mod http_error;
pub(crate) mod key;
pub(crate) mod limit;
pub(crate) mod outgoing;
pub(crate) mod parser;
pub(crate) mod rate_limit;
pub(crate) mod reply;
pub(crate) mod secrets;
pub(crate) mod sent_to;
pub(crate) mod settings;
pub(crate) mod shown;
pub(crate) mod sign;
pub(crate) mod sign_error;
pub(crate) mod size;
pub mod sse;
pub(crate) mod words;
mod written;

pub use agent_core::async_trait;
pub use client::{HttpClient, HttpClientBuilder};
pub use delta_writer::DeltaWriter;
pub use http_error::http_error;
pub use outgoing::OutgoingRequest;
pub use reqwest::{
    Method, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};
pub use sign::{Sign, bearer};
pub use sign_error::SignError;
