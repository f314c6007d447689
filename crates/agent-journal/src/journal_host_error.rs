//! Why a run on a journal stopped.

use agent_core::{RunError, conversation::Failure};

use crate::JournalError;

/// The error that ended a run of a [`JournalHost`](crate::JournalHost). All replies and results
/// that are on the disk stay in the journal, and a new run continues from there.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum JournalHostError {
    /// The run itself failed, as it could on any host. For example, a model did not reply.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The journal could not be read or written. Continue with a new host.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl From<Failure> for JournalHostError {
    fn from(failure: Failure) -> Self {
        Self::Run(failure.into())
    }
}
