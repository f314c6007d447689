//! What a list says about a session.

use std::time::SystemTime;

use crate::{End, PendingApproval, Usage};

/// A session in a list. See [`Sessions::sessions`](super::Sessions::sessions).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct SessionSummary {
    /// The id of the session, which is the id of its conversation.
    pub id: String,
    /// The agent that the user talks to now.
    pub agent: String,
    /// Whether it runs, waits or has ended.
    pub state: SessionState,
    /// How many replies of models the conversation has, without delegated conversations.
    pub turns: usize,
    /// The tokens that all its models have used, and what they cost ([`Usage::cost`]).
    pub usage: Usage,
    /// When it began.
    pub began: SystemTime,
    /// When something was last recorded.
    pub changed: SystemTime,
    /// The offset of its newest event. 0 if no event was kept.
    pub last_event: u64,
}

impl SessionSummary {
    /// A summary of a session that began just now, with `state`. Set the other fields yourself.
    pub fn new(
        id: impl Into<String>,
        agent: impl Into<String>,
        state: SessionState,
        began: SystemTime,
    ) -> Self {
        let (id, agent, usage) = (id.into(), agent.into(), Usage::default());
        Self { id, agent, state, turns: 0, usage, began, changed: began, last_event: 0 }
    }
}

/// Whether a session runs.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum SessionState {
    /// A program runs it now.
    Running,
    /// All that is left are calls that wait for a person. Decide about them with
    /// [`Sessions::decide`](super::Sessions::decide).
    Waiting(Vec<PendingApproval>),
    /// It is the user's turn: a run has ended like this.
    Ended(End),
    /// The agents have work to do, and no program runs it: a run was cancelled, has failed or was
    /// killed. A program that has the agents can continue it.
    Stopped,
}

impl SessionState {
    /// The state in one word, for lists and filters: `running`, `waiting`, `ended`, `stopped`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting(_) => "waiting",
            Self::Ended(_) => "ended",
            Self::Stopped => "stopped",
        }
    }
}
