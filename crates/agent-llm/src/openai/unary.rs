//! A reply that was not streamed.

use std::collections::VecDeque;

use agent_core::{Delta, LlmError, Response, model::Fold};
use serde::de::Error;

/// The reply that these pieces make.
pub(super) fn folded(deltas: VecDeque<Delta>) -> Result<Response, ReadError> {
    let mut fold = Fold::default();
    deltas.into_iter().try_for_each(|delta| fold.push(delta))?;
    Ok(fold.finish()?)
}

/// Why a reply, or a part of one, can't be taken in.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The server says an error.
    Said(LlmError),
    /// What it says can't be read.
    Unread(serde_json::Error),
}

impl From<LlmError> for ReadError {
    fn from(error: LlmError) -> Self {
        Self::Said(error)
    }
}

impl From<serde_json::Error> for ReadError {
    fn from(error: serde_json::Error) -> Self {
        Self::Unread(error)
    }
}

/// Of a body that can't be read as a reply, the transport finds the error that it says.
impl From<ReadError> for serde_json::Error {
    fn from(wrong: ReadError) -> Self {
        match wrong {
            ReadError::Said(error) => Self::custom(error),
            ReadError::Unread(error) => error,
        }
    }
}
