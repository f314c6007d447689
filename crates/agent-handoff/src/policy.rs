//! The choices a handoff leaves.

/// What becomes of a reply that mixes handoffs with other calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MixedTurn {
    /// The handoffs are tried first. If one works out, the other calls are not made.
    #[default]
    HandoffFirst,
    /// The other calls are made first, and the next agent reads their results.
    ToolsFirst,
}

/// What becomes of the conversation when the agent that took it over fails later in the same run: its
/// model does not answer, it refuses, or it runs out of turns. (A reply that is cut ends the run.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It comes back to the agent that handed it over, which reads what happened and goes on. A reply that refused stays in
    /// the record and is not read.
    #[default]
    Return,
    /// It stays, and the run ends with the failure.
    Keep,
}
