//! What any API over HTTP needs: connections, time limits, the framing of streams, typed errors,
//! and secrets that never show. It knows no API: nothing here uses `claude` or `wrappers`.
//!
//! An API has its names in an [`Api`](api::Api), makes the bodies of its requests, and reads the
//! events of its streams ([`ReadEvent`](parser::ReadEvent)). [`Http`](http::Http) does the rest.

pub(crate) mod api;
pub(crate) mod causes;
pub(crate) mod config_error;
pub(crate) mod connections;
pub(crate) mod endpoint;
pub(crate) mod error;
pub(crate) mod headers;
pub(crate) mod http;
pub(crate) mod key;
pub(crate) mod limit;
pub(crate) mod parser;
pub(crate) mod reply;
pub(crate) mod secrets;
pub(crate) mod settings;
pub(crate) mod shown;
pub(crate) mod size;
pub(crate) mod sse;
pub(crate) mod words;
