//! Why a handler does not go on with a conversation.

use agent_core::Failure;
use restate_sdk::errors::TerminalError;

/// What stops the loop before it is the user's turn.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// A model did not answer, and the conversation could not go on from that.
    Model(Failure),
    /// It was cancelled, or something is too large.
    Engine(TerminalError),
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
