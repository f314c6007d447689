//! What a conversation needs to know about agents.

use crate::{Limits, ToolSpec};

/// The rules that a conversation follows: which calls run first or alone, how many turns an agent
/// has, and which agents exist. A [`Team`](crate::Team) implements them.
pub trait Rules: Sync {
    /// The spec of an agent's tool, which says how its calls may run; `None` if the agent has no
    /// such tool.
    fn spec(&self, agent: &str, tool: &str) -> Option<&ToolSpec>;

    /// How many turns this agent may have.
    fn turns(&self, agent: &str) -> u32;

    /// The limits of the run.
    fn limits(&self) -> &Limits;

    /// The names of all agents.
    fn agents(&self) -> Vec<&str>;

    /// The most bytes of text that the results of all calls of one reply may have together. Each
    /// call gets an equal part. The default is no limit.
    fn max_results_bytes(&self, _agent: &str) -> usize {
        usize::MAX
    }
}
