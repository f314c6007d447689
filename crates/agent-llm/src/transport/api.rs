//! What an API over HTTP has of its own.

use std::fmt;

use super::rate_limit::RateLimitHeaders;

/// The names by which one API differs from another: its variables, its address and its headers.
/// Besides these, an API has bodies of its own, and a [`ReplyParser`](super::parser::ReplyParser)
/// for its streams.
#[derive(Clone, Copy)]
pub(crate) struct Api {
    /// Whose API it is, as the conventions of OpenTelemetry name it.
    pub(crate) provider: &'static str,
    /// The environment variable with the key; `None` if the API may be asked without a key.
    pub(crate) key_variable: Option<&'static str>,
    /// The API's address, as an example of what a base URL looks like.
    pub(crate) base_url: &'static str,
    /// The header that the key is sent in, in lower case.
    pub(crate) key_header: &'static str,
    /// What stands before the key in that header, as `"Bearer "` does.
    pub(crate) key_scheme: &'static str,
    /// The header of an answer with the API's id of the request.
    pub(crate) request_id: &'static str,
    /// The headers of an answer that say what the account may still ask.
    pub(crate) rate_limits: &'static RateLimitHeaders,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Api").field(&self.base_url).finish()
    }
}
