//! What the machine must know of the agents, and nothing more.

use crate::{Limits, ToolSpec};

/// The rules a conversation follows: which calls come first, which run alone, how many turns an
/// agent has, whom one can send work to. A [`Team`](crate::Team) is such a set of rules.
pub trait Rules: Sync {
    /// What the loop may do with an agent's calls of a tool; `None` if it has no such tool.
    fn spec(&self, agent: &str, tool: &str) -> Option<&ToolSpec>;

    /// How many turns this agent may have.
    fn turns(&self, agent: &str) -> u32;

    /// The limits of the run.
    fn limits(&self) -> &Limits;

    /// The names of all agents.
    fn agents(&self) -> Vec<&str>;

    /// How many bytes of words the results of one reply's calls may have together; by default there
    /// is no bound. Each call has an equal part.
    fn max_results_bytes(&self, _agent: &str) -> usize {
        usize::MAX
    }
}
