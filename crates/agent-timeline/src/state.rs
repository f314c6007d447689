//! What a part of a bar shows.

use serde::Serialize;

/// What a turn or a call does during a [`Segment`](crate::Segment). In JSON it is the name in
/// `snake_case`, for example `first_token`.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The model was asked, and nothing of its reply has arrived.
    FirstToken,
    /// The model writes blocks of thinking.
    Thinking,
    /// The model writes the rest of its reply.
    Streaming,
    /// A tool works on its call.
    Running,
    /// The call waits for what it began: another agent, the steps of a plan, or a call in the
    /// background. That is in the lanes below this one.
    Delegated,
    /// An attempt of a model or a tool that failed: its time was lost.
    Failed,
    /// The call waits for a permit, because a limit of parallel calls is reached.
    Permit,
    /// The call waits for another call with which it takes turns.
    Exclusive,
    /// The call waits for a person.
    Person,
    /// The request waits for the gate or for a rate limit.
    Gate,
    /// The request failed, and waits until it is made again.
    Retry,
}

impl State {
    /// All states, in the order in which a legend lists them.
    pub const ALL: [Self; 11] = [
        Self::FirstToken,
        Self::Thinking,
        Self::Streaming,
        Self::Running,
        Self::Delegated,
        Self::Failed,
        Self::Permit,
        Self::Exclusive,
        Self::Gate,
        Self::Retry,
        Self::Person,
    ];

    /// The state in a few plain words, for a legend: `waits for a permit`.
    pub fn words(self) -> &'static str {
        match self {
            Self::FirstToken => "waits for the first token",
            Self::Thinking => "model thinks",
            Self::Streaming => "model writes",
            Self::Running => "tool runs",
            Self::Delegated => "works (see below)",
            Self::Failed => "failed",
            Self::Permit => "waits for a permit",
            Self::Exclusive => "waits for its turn",
            Self::Person => "waits for a person",
            Self::Gate => "waits for the rate limit",
            Self::Retry => "waits to retry",
        }
    }

    /// The name of the state, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::FirstToken => "first_token",
            Self::Thinking => "thinking",
            Self::Streaming => "streaming",
            Self::Running => "running",
            Self::Delegated => "delegated",
            Self::Failed => "failed",
            Self::Permit => "permit",
            Self::Exclusive => "exclusive",
            Self::Person => "person",
            Self::Gate => "gate",
            Self::Retry => "retry",
        }
    }

    /// Whether a model works on a request.
    pub fn is_model(self) -> bool {
        matches!(self, Self::FirstToken | Self::Thinking | Self::Streaming)
    }

    /// Whether nothing works on it: it waits for something else than a model or a tool.
    pub fn is_wait(self) -> bool {
        matches!(self, Self::Permit | Self::Exclusive | Self::Person | Self::Gate | Self::Retry)
    }
}
