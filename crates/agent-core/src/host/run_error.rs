//! Errors of runs.

use std::time::Duration;

use crate::{BuildError, End, Failure, MissingValue, safe_line};

/// The error that ended a run. The conversation keeps all that was done, and a new run continues
/// from there.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RunError {
    /// A model did not answer, and no other agent could go on.
    #[error(transparent)]
    Model(#[from] Failure),
    /// The agent that has the conversation is not in the team. No call was made or given an error
    /// result, so you can still run the conversation with a team that has the agent. (If the agent
    /// of a delegated conversation or the target of a transfer is missing, the run goes on, and the
    /// call gets an error result.)
    #[error(
        "agent {agent:?} has the conversation, but is not in the team ({agents}): run the conversation with a `Team` that has the agent"
    )]
    UnknownAgent {
        /// The name of the agent.
        agent: String,
        /// The agents of the team, separated by commas.
        agents: String,
    },
    /// A tool of an agent of the team needs a value that was not given with the run
    /// ([`Run::with`](crate::Run::with)). No request and no call was made.
    #[error(transparent)]
    MissingValue(#[from] MissingValue),
    /// The run panicked. That is a bug in this library, or in code that was given to it.
    #[error("the run panicked: {}", safe_line(message))]
    Panicked {
        /// The message of the panic.
        message: String,
    },
    /// The run made as many requests to models as [`Limits::requests`](crate::Limits::requests)
    /// allows. All replies and results until then are recorded.
    #[error(
        "the limit of {most} model requests per run is reached: run the conversation again to continue, or raise Limits::requests"
    )]
    RequestLimit {
        /// The limit.
        most: u32,
    },
    /// The run was [cancelled](crate::Cancel).
    ///
    /// There is one exception: with [`keep_partial_reply`](crate::Run::keep_partial_reply), a run
    /// that is cancelled while a reply streams records the text so far, and ends without an error,
    /// with [`End::Cut`]`(`[`StopReason::Cancelled`](crate::StopReason::Cancelled)`)`. If there is
    /// no text yet, or calls were being made, it ends with this error, too.
    #[error("the run was cancelled; the conversation keeps what was done")]
    Cancelled,
    /// A delegated conversation took longer than the [`timeout`](crate::ToolSpec::timeout) of the
    /// call that led to it. The text of this error becomes the error result of that call. The run
    /// goes on, so only hosts see this error.
    #[error("timed out after {limit:?}")]
    TimedOut {
        /// The timeout of the call.
        limit: Duration,
    },
    /// The agent can't run alone with [`Agent::run`](crate::Agent::run), because its tools lead to
    /// other agents.
    #[error(transparent)]
    Team(#[from] BuildError),
}

impl RunError {
    /// The text in [`End::Other`] of a delegated conversation that was cancelled.
    pub const WAS_CANCELLED: &str = "it was cancelled";

    /// For hosts that drive delegated conversations: converts the error of a delegated conversation
    /// into how that conversation ended, which becomes the result of the delegating call. The outer
    /// `Err` is an error with which the whole run must end. A missing agent does not end the run:
    /// it becomes an error result of the call, like a missing tool.
    pub fn of_delegated(self) -> Result<Result<End, Failure>, Self> {
        match self {
            Self::Model(failure) => Ok(Err(failure)),
            Self::Cancelled => Ok(Ok(End::Other(Self::WAS_CANCELLED.to_owned()))),
            Self::TimedOut { .. } => Ok(Ok(End::Other(self.to_string()))),
            Self::UnknownAgent { agents, .. } => {
                Ok(Ok(End::Other(format!("it is not in the team: {}", safe_line(&agents)))))
            }
            Self::RequestLimit { most } => {
                Ok(Ok(End::Other(format!("the limit of {most} model requests per run is reached"))))
            }
            error => Err(error),
        }
    }
}
