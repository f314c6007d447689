//! A request to an API, as the API's client makes it.

use std::borrow::Cow;

use bytes::Bytes;
use reqwest::Method;

/// A request to an API, as the API's client makes it: before it has headers.
#[derive(Clone)]
pub(crate) struct ApiRequest {
    pub(crate) method: Method,
    /// The path below the base URL.
    pub(crate) path: Cow<'static, str>,
    pub(crate) query: Vec<(&'static str, String)>,
    /// The body, as JSON. There is none if it is empty.
    pub(crate) body: Bytes,
    /// The most tokens that the reply may have. The default time limits depend on it.
    pub(crate) max_tokens: u64,
}

impl ApiRequest {
    pub(crate) fn of(method: Method, path: impl Into<Cow<'static, str>>) -> Self {
        Self { method, path: path.into(), query: Vec::new(), body: Bytes::new(), max_tokens: 0 }
    }

    /// Posts this body.
    pub(crate) fn post(path: impl Into<Cow<'static, str>>, body: Bytes) -> Self {
        Self { body, ..Self::of(Method::POST, path) }
    }

    /// Adds to the query.
    pub(crate) fn query(mut self, name: &'static str, value: String) -> Self {
        self.query.push((name, value));
        self
    }
}
