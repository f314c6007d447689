//! Why a handler does not go on with a conversation.

use agent_core::{Failure, RunError};
use restate_sdk::errors::TerminalError;

/// What stops the loop before it is the user's turn.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The agent that has it is not in the team of this process.
    Run(RunError),
    /// A model did not answer, and the conversation could not go on from that.
    Model(Failure),
    /// It was cancelled, or something is too large.
    Engine(TerminalError),
}

/// The status of an error that says that an agent is not in the team.
pub(crate) const UNKNOWN_AGENT: u16 = 421;

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

impl From<Stopped> for TerminalError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Engine(error) => error,
            Stopped::Run(error) => Self::new_with_code(UNKNOWN_AGENT, error.to_string()),
            Stopped::Model(failure) => Self::new(failure.to_string()),
        }
    }
}
