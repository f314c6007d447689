//! Why a team can't be served.

use agent_core::tool::MissingValue;

/// The error if a team can't be served to the engine.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServicesError {
    /// A tool of the team needs a value that was not given with
    /// [`Services::with`](crate::Services::with).
    #[error(transparent)]
    MissingValue(#[from] MissingValue),
}
