//! Why a run broke off.

use std::time::Duration;

use crate::{BuildError, End, Failure, safe_line};

/// Why a run broke off. The conversation keeps all that was done, and a new run goes on from there.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RunError {
    /// A model did not answer, and there is nothing to go on from.
    #[error(transparent)]
    Model(#[from] Failure),
    /// The agent that has the conversation is not in the team. No call of it was answered: run it
    /// with a team that has the agent. A delegated conversation whose agent is gone is no such
    /// error, but its call's error result; and so is a transfer to an agent that is gone.
    #[error(
        "agent {agent:?} has the conversation, but is not in the team: {agents}; run it in a `Team` that has it"
    )]
    UnknownAgent {
        /// The agent.
        agent: String,
        /// The agents there are.
        agents: String,
    },
    /// The run panicked, which is a bug: in this library, or in what it was given.
    #[error("the run panicked: {}", safe_line(message))]
    Panicked {
        /// What the panic said.
        message: String,
    },
    /// The models of the run have had as many requests as
    /// [`Limits::requests`](crate::Limits::requests) allows. What has ended by then is recorded.
    #[error(
        "the limit of {most} model requests a run is reached: run the conversation again to go on, or raise Limits::requests"
    )]
    RequestLimit {
        /// The limit.
        most: u32,
    },
    /// It was [cancelled](crate::Cancel).
    #[error("the run was cancelled; the conversation keeps what was done")]
    Cancelled,
    /// A delegated conversation took longer than the call that led to it may:
    /// [`ToolSpec::timeout`](crate::ToolSpec). Only hosts that drive one see this; it is that
    /// call's error result.
    #[error("timed out after {limit:?}")]
    TimedOut {
        /// How long the call may take.
        limit: Duration,
    },
    /// The agent can't run alone: it sends work to others.
    #[error(transparent)]
    Team(#[from] BuildError),
}

impl RunError {
    /// Why a delegated conversation that was cancelled has ended.
    pub const WAS_CANCELLED: &str = "it was cancelled";

    /// What this means of a delegated conversation, for hosts that drive one: how it ended for the
    /// call that led to it, if the run goes on from that, which it does not if this gives the error
    /// back. An agent that is gone is, like a tool that is gone, that call's error result.
    pub fn of_delegated(self) -> Result<Result<End, Failure>, Self> {
        match self {
            Self::Model(failure) => Ok(Err(failure)),
            Self::Cancelled => Ok(Ok(End::Other(Self::WAS_CANCELLED.to_owned()))),
            Self::TimedOut { .. } => Ok(Ok(End::Other(self.to_string()))),
            Self::UnknownAgent { agents, .. } => {
                Ok(Ok(End::Other(format!("it is not in the team: {}", safe_line(&agents)))))
            }
            Self::RequestLimit { most } => {
                Ok(Ok(End::Other(format!("the limit of {most} model requests a run is reached"))))
            }
            error => Err(error),
        }
    }
}
