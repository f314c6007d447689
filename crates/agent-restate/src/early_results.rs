//! The results of calls that were made while their reply streamed. They are saved with the reply.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use agent_core::tool::Done;

/// The results of early calls of the last reply that no turn has used, by the ids of the calls.
#[derive(Debug, Default)]
pub(crate) struct EarlyResults(Mutex<HashMap<String, Done>>);

impl EarlyResults {
    /// The results of a new reply.
    pub(crate) fn set(&self, made: Vec<(String, Done)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = made.into_iter().collect();
    }

    /// The result of this call, once.
    pub(crate) fn take(&self, call: &str) -> Option<Done> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(call)
    }
}
