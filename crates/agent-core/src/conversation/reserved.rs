//! What is reserved for requests that are under way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Usage;

/// The most that requests may use which are under way, or were when their process ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Reservations {
    /// For the model's turn.
    #[serde(flatten)]
    turn: Option<Reserved>,
    /// For requests of calls, by the call and its number in it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    calls: BTreeMap<String, Reserved>,
}

/// The most that a request may use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Reserved {
    pub(super) agent: String,
    pub(super) usage: Usage,
}

impl Reservations {
    pub(super) fn is_nothing(&self) -> bool {
        self.turn.is_none() && self.calls.is_empty()
    }

    /// Adds one, or replaces an earlier one of the same turn or request.
    pub(super) fn add(&mut self, request: Option<String>, reserved: Reserved) {
        match request {
            None => self.turn = Some(reserved),
            Some(request) => drop(self.calls.insert(request, reserved)),
        }
    }

    /// Forgets what was reserved for the requests of this call, because its usage is known.
    pub(super) fn settle_call(&mut self, call: &str) {
        self.calls.retain(|request, _| request.rsplit_once('/').is_none_or(|(of, _)| of != call));
    }

    /// All of it, as of one request with several attempts. It is always of one agent.
    pub(super) fn sum(&self) -> Option<Reserved> {
        let mut all = self.turn.iter().chain(self.calls.values()).cloned();
        let mut sum = all.next()?;
        for Reserved { usage, .. } in all {
            sum.usage.broken_off.attempts += 1;
            sum.usage += usage;
        }
        Some(sum)
    }
}
