//! Why a handler stops running a conversation.

use agent_core::{End, RunError, conversation::Failure};
use restate_sdk::errors::TerminalError;

/// An error that stops the loop before it is the user's turn.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The agent is not in the team of this process, or the run has used up its requests.
    Run(RunError),
    /// A model did not reply, and the conversation can't continue without it.
    Model(Failure),
    /// The run was cancelled, or something is too large.
    Engine(TerminalError),
}

/// The status of the error for an agent that is not in the team.
pub(crate) const UNKNOWN_AGENT: u16 = 421;

/// The status of the error for a run that has used up its requests.
pub(crate) const REQUEST_LIMIT: u16 = 508;

impl From<RunError> for Stopped {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Model(failure)
    }
}

impl From<TerminalError> for Stopped {
    fn from(error: TerminalError) -> Self {
        Self::Engine(error)
    }
}

impl Stopped {
    /// The result for the call that delegated the conversation.
    pub(crate) fn of_delegated(self) -> Result<Result<End, Failure>, TerminalError> {
        let error = match self {
            Self::Model(failure) => return Ok(Err(failure)),
            Self::Run(error) => error,
            Self::Engine(error) if error.code() == CANCELLED => RunError::Cancelled,
            Self::Engine(error) => return Err(error),
        };
        error.of_delegated().map_err(|error| Self::Run(error).into())
    }
}

/// The status of the error for a cancelled invocation.
pub(crate) const CANCELLED: u16 = 409;

impl From<Stopped> for TerminalError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Engine(error) => error,
            Stopped::Run(error) => {
                let code = match &error {
                    RunError::RequestLimit { .. } => REQUEST_LIMIT,
                    _ => UNKNOWN_AGENT,
                };
                Self::new_with_code(code, error.to_string())
            }
            Stopped::Model(failure) => Self::new(failure.to_string()),
        }
    }
}
