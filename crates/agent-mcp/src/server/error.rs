//! Why a server can't serve.

use agent_core::BuildError;

/// The error when a server can't be made, or can't go on.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The tools don't form a valid agent or team. For example, two tools have the same name, or a
    /// tool leads to an agent that is not served.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// There is nothing that clients could call.
    #[error("the server has no tools: give `serve` a team with an agent, or `serve_tools` at least one tool")]
    NothingToServe,
    /// An agent was named that is not in the team.
    #[error("the team has no agent {agent:?} ({agents}): name one of its agents")]
    UnknownAgent {
        /// The name.
        agent: String,
        /// The agents of the team, separated by commas.
        agents: String,
    },
    /// Two of its agents and tools have the same name, so clients could not tell them apart.
    #[error("two of its agents and tools are named {name:?}: rename one, or leave it out")]
    TwoTools {
        /// The name.
        name: String,
    },
    /// The connection to the client broke before the protocol had begun.
    #[error("the client did not begin the protocol: {0}")]
    Protocol(String),
}
