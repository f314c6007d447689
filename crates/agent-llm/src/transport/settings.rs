//! The settings that every client over HTTP has.

use std::{fmt, sync::Arc};

use agent_core::LlmError;

use super::{
    config_error::ConfigError, key::Key, limit::Limits, outgoing::OutgoingRequest,
    rate_limit::RateLimitHeaders, shown::shown, sign::Sign, size::LONGEST_REPLY,
};

/// Changes an attempt at a request before it is signed.
pub(crate) type Rewrite = dyn Fn(&mut OutgoingRequest) -> Result<(), LlmError> + Send + Sync;

/// How a server is reached, and how long and how large its answers may be. A client's builder holds
/// them in a field `http`, and has a method for each by [`http_settings!`].
#[derive(Clone)]
pub(crate) struct HttpSettings {
    pub(crate) key: Option<Key>,
    pub(crate) base_url: Option<String>,
    pub(crate) allow_plain_http: bool,
    pub(crate) http2: bool,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) rewrite: Option<Arc<Rewrite>>,
    pub(crate) signer: Option<Arc<dyn Sign>>,
    pub(crate) limits: Limits,
    pub(crate) longest_reply: usize,
    pub(crate) rate_limits: Option<RateLimitHeaders>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            key: None,
            base_url: None,
            allow_plain_http: false,
            http2: false,
            headers: Vec::new(),
            rewrite: None,
            signer: None,
            limits: Limits::default(),
            longest_reply: LONGEST_REPLY,
            rate_limits: None,
        }
    }
}

impl HttpSettings {
    /// The key. `None` if there is none, and the API or a signer needs none.
    pub(crate) fn key(&self, variable: Option<&'static str>) -> Result<Option<Key>, ConfigError> {
        match (self.key.clone().filter(|key| !key.is_empty()), variable) {
            (None, Some(variable)) if self.signer.is_none() => Err(ConfigError::NoKey { variable }),
            (key, _) => Ok(key),
        }
    }

    /// Fills in what was not given from the environment. A client with a signer gets no key from
    /// there: it asks somebody else's server, and the key is not for that.
    pub(crate) fn complete(&mut self, key: Option<String>, base_url: Option<String>) {
        if self.signer.is_none() {
            self.key = self.key.take().or_else(|| key.map(Key::from));
        }
        self.base_url = self.base_url.take().or(base_url);
    }
}

/// It shows neither the key nor the values of headers.
impl fmt::Debug for HttpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("HttpSettings")
            .field("key", &self.key)
            .field("base_url", &self.base_url.as_deref().map(shown))
            .field("allow_plain_http", &self.allow_plain_http)
            .field("http2", &self.http2)
            .field("headers", &headers)
            .field("is_rewritten", &self.rewrite.is_some())
            .field("is_signed", &self.signer.is_some())
            .field("limits", &self.limits)
            .field("longest_reply", &self.longest_reply)
            .field("rate_limits", &self.rate_limits)
            .finish()
    }
}

/// A method for each of the [`HttpSettings`], for a builder that has them in its field `http`. So
/// they have the same names and words in all clients. The key and the base URL are not among them,
/// since each API has its own defaults for these.
macro_rules! http_settings {
    ($builder:ty) => {
        /// How the server is reached.
        impl $builder {
            /// Whether the base URL may be plain http to another machine, for example to a gateway
            /// in the same cluster. By default it may not, because everybody between the two
            /// machines could read the key and the conversation. `localhost` and loopback addresses
            /// are always allowed.
            pub fn allow_plain_http(mut self, allow: bool) -> Self {
                self.http.allow_plain_http = allow;
                self
            }

            /// Adds a header to every request. The value replaces the client's own header of the
            /// same name. The value is a secret, like the API key: no error and no `Debug` shows
            /// it.
            pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
                self.http.headers.push((name.into(), value.into()));
                self
            }

            /// Sets the names of the response headers with the rate limits of the account: how much
            /// is allowed, how much of that is left, and when the full amount is available again. A
            /// [`Gate`](crate::Gate) learns from these headers. `{name}` in a name matches the name
            /// of a limit, such as `tokens`. If the names have no `{name}`, they are for one limit,
            /// of requests.
            ///
            /// The default is the names that the client's API uses. For
            /// [`HttpClient`](crate::transport::HttpClient) the default is the names that OpenAI
            /// uses: `x-ratelimit-limit-{name}`, `x-ratelimit-remaining-{name}` and
            /// `x-ratelimit-reset-{name}`.
            ///
            /// The third header may hold a duration (`1m30s`), seconds from now, or a time (RFC
            /// 3339, or seconds or milliseconds since 1970). A limit without all three headers is
            /// ignored.
            pub fn rate_limit_headers(mut self, limit: &str, remaining: &str, reset: &str) -> Self {
                self.http.rate_limits =
                    Some($crate::transport::rate_limit::RateLimitHeaders::new(limit, remaining, reset));
                self
            }

            /// Changes each attempt at a request before it is signed and sent: its path, its
            /// headers, its body. Use it for servers that accept the same messages in another form.
            /// If the function fails, the attempt ends with its error. A second call replaces the
            /// first rewrite. By default nothing is changed.
            ///
            /// The function is called for all requests of the client, also those that ask for
            /// models, for counts of tokens or for batches. Look at
            /// [`path`](crate::transport::OutgoingRequest::path) to tell them apart. The guide's
            /// chapter *Claude on other clouds* has an example.
            pub fn rewrite(
                mut self,
                rewrite: impl Fn(&mut $crate::transport::OutgoingRequest) -> Result<(), $crate::LlmError>
                + Send
                + Sync
                + 'static,
            ) -> Self {
                self.http.rewrite = Some(std::sync::Arc::new(rewrite));
                self
            }

            /// Signs each attempt at a request, or adds a token to it. See
            /// [`Sign`](crate::transport::Sign). With a signer, no API key is needed, and none is
            /// read from the environment.
            pub fn signer(mut self, signer: impl $crate::transport::Sign + 'static) -> Self {
                self.http.signer = Some(std::sync::Arc::new(signer));
                self
            }

            /// Whether requests share connections (HTTP/2). By default each open request has its
            /// own connection (HTTP/1.1). Share connections if thousands of requests are open at a
            /// time. The drawback: when a packet is lost on a shared connection, all replies on it
            /// wait.
            ///
            /// - Up to 100 requests share a connection; then another one is opened. If the server
            ///   allows fewer, the other requests wait, at most for the
            ///   [first-byte timeout](Self::first_byte_timeout).
            /// - Over https the server chooses the protocol. Until the first connection is open,
            ///   each request opens a connection; one connection for each hundred requests is kept.
            /// - Plain http has no way to choose, so the server must speak HTTP/2 from the first
            ///   byte ("prior knowledge"), as `agent-mock` does.
            /// - A request that the server refuses to begin, or sends to another connection
            ///   (GOAWAY), is sent again up to twice. Any other failure of a stream counts as a
            ///   lost connection.
            /// - When a reply is dropped, its stream is closed and the connection stays open. A
            ///   connection on which nothing comes for 50 s, not even an answer to a ping, is
            ///   closed.
            pub fn http2(mut self, http2: bool) -> Self {
                self.http.http2 = http2;
                self
            }

            /// How long it may take to open a connection, TLS included. By default 5 s.
            pub fn connect_timeout(mut self, limit: std::time::Duration) -> Self {
                self.http.limits.connect = limit;
                self
            }
        }

        /// How long a reply may take, and how large it may be.
        impl $builder {
            /// How long a streamed reply may take until its first byte, from when the request is
            /// sent. By default 600 s.
            pub fn first_byte_timeout(mut self, limit: std::time::Duration) -> Self {
                self.http.limits.first_byte = limit;
                self
            }

            /// How long a streamed reply may pause between bytes, after the first byte. By default
            /// 60 s.
            pub fn idle_timeout(mut self, limit: std::time::Duration) -> Self {
                self.http.limits.idle = limit;
                self
            }

            /// How long a streamed reply may go on without content. Signs of life, such as pings
            /// and empty pieces, do not count as content. By default 600 s.
            pub fn content_timeout(mut self, limit: std::time::Duration) -> Self {
                self.http.limits.content = limit;
                self
            }

            /// How long one attempt may take in all. By default a streamed reply has an hour for
            /// each 128,000 tokens that it may have, and at least one hour. A streamed reply that
            /// exceeds the default limit is not retried. A reply that is not streamed has 600 s by
            /// default. If it may have more than 21,333 tokens, that may be too short, so the
            /// request fails unless you set this limit.
            pub fn total_timeout(mut self, limit: std::time::Duration) -> Self {
                self.http.limits.total = Some(limit);
                self
            }

            /// How many bytes a reply may have on the wire, streamed or not. By default 64 MiB. A
            /// longer reply fails with [`TooLong`](crate::LlmErrorKind::TooLong) and is not
            /// retried. Two more bounds are fixed: one event of a stream has at most 16 MiB, and a
            /// run takes at most 64 MiB of content from one reply.
            pub fn longest_reply(mut self, bytes: usize) -> Self {
                self.http.longest_reply = bytes;
                self
            }
        }
    };
}

pub(crate) use http_settings;
