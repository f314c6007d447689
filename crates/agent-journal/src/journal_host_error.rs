//! Why a run on a journal broke off.

use agent_core::{RunError, conversation::Failure};

use crate::JournalError;

/// Why a run broke off. What was acknowledged is in the journal, and a new run goes on from there.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum JournalHostError {
    /// As any run may.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The journal could not be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl From<Failure> for JournalHostError {
    fn from(failure: Failure) -> Self {
        Self::Run(failure.into())
    }
}
