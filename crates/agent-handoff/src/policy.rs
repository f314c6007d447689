//! What happens with other calls of the reply, and when the other agent fails.

/// What happens with a reply that has both handoffs and other calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MixedTurn {
    /// The handoffs are tried first. If one succeeds, the other calls are not made.
    #[default]
    HandoffFirst,
    /// The other calls are made first, and the next agent reads their results.
    ToolsFirst,
}

/// What happens with the conversation if the agent that took over fails later in the same run: its
/// model does not answer or refuses, or the agent runs out of turns. (A reply that is cut is not
/// such a failure; it ends the run.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// The conversation comes back to the agent that handed it over. That agent reads what happened
    /// and goes on. A reply in which the model refused stays in the conversation, but is not sent
    /// to models.
    #[default]
    Return,
    /// The conversation stays with the agent that failed, and the run ends with the failure.
    Keep,
}
