//! How long a reply may take, and be.

use std::time::Duration;

use super::ClaudeBuilder;

/// How long a reply may take, and be.
impl ClaudeBuilder {
    /// How long a streamed reply may take to its first byte; by default 600 s.
    pub fn first_byte_timeout(mut self, limit: Duration) -> Self {
        self.limits.first_byte = limit;
        self
    }

    /// How long a streamed reply may be silent after that; by default 60 s.
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.limits.idle = limit;
        self
    }

    /// How long a streamed reply may bring nothing of itself; signs of life (pings, pieces without a word) don't
    /// count; by default 600 s.
    pub fn content_timeout(mut self, limit: Duration) -> Self {
        self.limits.content = limit;
        self
    }

    /// How long one attempt may take to its end; by default 600 s, and for a streamed reply an hour for each 128,000
    /// tokens it may have, at least one. Without it, a reply that is not streamed may have at most 21,333 tokens: more
    /// may well take longer. A streamed reply that meets the default limit is not asked for again.
    pub fn total_timeout(mut self, limit: Duration) -> Self {
        self.limits.total = Some(limit);
        self
    }

    /// How many bytes a reply may have on the wire, streamed or not; by default 64 MiB. A longer one is an error
    /// ([`TooLong`](crate::LlmErrorKind::TooLong)) and not asked for again. One event of a stream may have 16 MiB, and a
    /// run takes no more than 64 MiB of what a reply says.
    pub fn longest_reply(mut self, bytes: usize) -> Self {
        self.longest_reply = bytes;
        self
    }
}
