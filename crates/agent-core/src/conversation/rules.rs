//! What a conversation needs to know about agents.

use crate::{Limits, ToolSpec};

/// What a conversation must know about its agents: how the calls of their tools may run, how many
/// turns they may have, the limits, and which agents exist. [`Team`](crate::Team) implements this
/// trait; you need your own implementation only for agents that are not a `Team`.
pub trait Rules: Sync {
    /// The spec of an agent's tool, which says how its calls may run; `None` if the agent has no
    /// such tool.
    fn spec(&self, agent: &str, tool: &str) -> Option<&ToolSpec>;

    /// How many turns (requests to its model) this agent may have before the user speaks again.
    fn turns(&self, agent: &str) -> u32;

    /// The limits of the run.
    fn limits(&self) -> &Limits;

    /// The names of all agents that a conversation can be transferred or delegated to.
    fn agents(&self) -> Vec<&str>;

    /// The most bytes of text that the results of all calls of one reply may have together. Each
    /// call gets an equal part. The default is no limit.
    fn max_results_bytes(&self, _agent: &str) -> usize {
        usize::MAX
    }

    /// Whether a run may end with an answer while [detached](crate::ToolSpec::detach_after) calls
    /// go on. The default is `false`: the run waits for them, and the agent reads their results.
    fn leaves_detached(&self) -> bool {
        false
    }
}
