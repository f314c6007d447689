//! A request that has been let out.

use std::{sync::Arc, time::Duration};

use agent_core::{
    Delta, LlmError,
    model::{LlmErrorKind, Notice},
};

use super::{
    Shared,
    flow::{Flow, Refusal},
};

/// A request that is open, for as long as this lives.
pub(super) struct Place {
    gate: Arc<Shared>,
    sent: Duration,
    heard: bool,
}

impl Place {
    /// The place of a request that was let out at this time.
    pub(super) fn new(gate: Arc<Shared>, sent: Duration) -> Self {
        Self { gate, sent, heard: false }
    }

    /// Learns from what the server says.
    pub(super) fn heed(&mut self, said: &Result<Delta, LlmError>) {
        match said {
            Ok(Delta::Notice(Notice::RateLimit { of, limit, remaining, reset })) => {
                self.taken();
                self.learn(|flow, now| flow.told(of, *limit, *remaining, *reset, now));
            }
            Ok(Delta::Notice(_)) => {}
            Ok(_) => self.taken(),
            Err(error) => {
                let too_many = error.kind == LlmErrorKind::RateLimit;
                if too_many || error.kind == LlmErrorKind::Overloaded {
                    let (retry_after, why) = (error.retry_after(), error.to_string());
                    let sent = self.sent;
                    self.learn(|flow, now| flow.refused(sent, Refusal { too_many, retry_after, why }, now));
                }
            }
        }
    }

    /// The server answers, and not with an error.
    fn taken(&mut self) {
        if !std::mem::replace(&mut self.heard, true) {
            self.learn(Flow::taken);
        }
    }

    fn learn(&self, fact: impl FnOnce(&mut Flow, Duration)) {
        let now = self.gate.now();
        let mut state = self.gate.state();
        fact(&mut state.flow, now);
        let until = state.flow.held_until();
        drop(state);
        self.gate.held.send_if_modified(|known| {
            let later = until > *known;
            *known = until.max(*known);
            later
        });
        self.gate.changed.notify_one();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.state().flow.ended(self.heard);
        self.gate.changed.notify_one();
    }
}
