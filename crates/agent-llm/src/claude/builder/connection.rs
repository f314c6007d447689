//! How the server is reached.

use std::time::Duration;

use super::ClaudeBuilder;

/// How it is reached.
impl ClaudeBuilder {
    /// How long a connection may take, TLS included; by default 5 s.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.limits.connect = limit;
        self
    }

    /// Whether requests share connections (HTTP/2), as thousands of conversations at once may want to, which would
    /// need a connection each otherwise. By default they don't (HTTP/1.1): over one connection, a packet that is lost
    /// holds up all replies on it.
    ///
    /// Up to 100 requests share a connection; then another one is opened. If the server allows fewer, the others
    /// wait until one of them has ended; their limit is that of the [first byte](Self::first_byte_timeout).
    ///
    /// https offers the server both, and it chooses; until the first connection is there, each request begins one, of
    /// which one in a hundred is kept. Plain http has no way to ask, so its server must speak HTTP/2 from the first
    /// byte ("prior knowledge"), as `agent-mock` does.
    ///
    /// A stream that the server refuses, or sends to another connection (GOAWAY), was not begun, so it is asked for
    /// again up to twice at once; it and any other stream that fails then goes by the [`RetryPolicy`](crate::RetryPolicy),
    /// as a lost connection does. A reply that is dropped ends its stream, not its connection. One on which the server
    /// gives no sign of life for 50 s is given up.
    pub fn http2(mut self, http2: bool) -> Self {
        self.http2 = http2;
        self
    }
}
