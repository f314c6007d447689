//! A reply that was not streamed.

use std::collections::VecDeque;

use agent_core::{Delta, LlmError, Response, model::Fold};
use serde::de::Error;

/// The reply that these pieces make.
pub(super) fn folded(deltas: VecDeque<Delta>) -> Result<Response, Wrong> {
    let mut fold = Fold::default();
    deltas.into_iter().try_for_each(|delta| fold.push(delta))?;
    Ok(fold.finish()?)
}

/// Why a reply, or a part of one, can't be taken in.
#[derive(Debug)]
pub(super) enum Wrong {
    /// The server says an error.
    Said(LlmError),
    /// What it says can't be read.
    Unread(serde_json::Error),
}

impl From<LlmError> for Wrong {
    fn from(error: LlmError) -> Self {
        Self::Said(error)
    }
}

impl From<serde_json::Error> for Wrong {
    fn from(error: serde_json::Error) -> Self {
        Self::Unread(error)
    }
}

/// Of a body that can't be read as a reply, the transport finds the error that it says.
impl From<Wrong> for serde_json::Error {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::Said(error) => Self::custom(error),
            Wrong::Unread(error) => error,
        }
    }
}
