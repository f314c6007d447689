//! Why a place of sessions can't do what it was asked.

use std::{error::Error, sync::Arc};

use crate::conversation::{NotWaiting, SessionIdError};

/// The error of a method of [`Sessions`](super::Sessions).
#[non_exhaustive]
#[derive(Clone, Debug, thiserror::Error)]
pub enum SessionsError {
    /// There is no session with this id. It may have been deleted.
    #[error("there is no session {id:?}")]
    Unknown {
        /// The id.
        id: String,
    },
    /// No call with this key waits for a person. Somebody may have decided already.
    #[error(transparent)]
    NotWaiting(#[from] NotWaiting),
    /// The session can't be cancelled, because no program runs it.
    #[error("session {id:?} can't be cancelled, because no program runs it now")]
    NotRunning {
        /// The id of the session.
        id: String,
    },
    /// The session has fewer turns than that.
    #[error("session {id:?} can't be forked after turn {turn}, because its last turn is {turns}")]
    NoSuchTurn {
        /// The id of the session.
        id: String,
        /// The turn that was asked for.
        turn: usize,
        /// How many turns it has.
        turns: usize,
    },
    /// There is a session with this id already.
    #[error("there is a session {id:?} already: choose another id")]
    Exists {
        /// The id.
        id: String,
    },
    /// The id can't be the id of a session.
    #[error(transparent)]
    NotASessionId(#[from] SessionIdError),
    /// This place can't do that at all.
    #[error("{what} is not possible here: {why}")]
    NotPossible {
        /// What was asked.
        what: &'static str,
        /// Why it is not possible, and what to do instead.
        why: &'static str,
    },
    /// The place can't be read or written. The cause says why.
    #[error("{0}")]
    Failed(Arc<dyn Error + Send + Sync>),
}

impl SessionsError {
    /// An error of the place itself, such as a file that can't be read.
    pub fn failed(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Failed(Arc::new(error))
    }
}
