//! What a person decides about a call that waits for them.

use super::{Conversation, Slot, State};

/// Stands before the reason, in the result of a call that was denied.
pub(super) const DENIED: &str = "denied: ";

impl Conversation {
    /// Approves a call that waits for a person: the next run makes it. `key` is
    /// [`PendingApproval::key`](crate::conversation::PendingApproval::key).
    pub fn approve(&mut self, key: &str) -> Result<(), NotWaiting> {
        self.decide(key, &|slot| slot.state = State::Approved)
    }

    /// Denies a call that waits for a person: the model reads why.
    pub fn deny(&mut self, key: &str, reason: &str) -> Result<(), NotWaiting> {
        self.decide(key, &|slot| slot.fail(format!("{DENIED}{reason}")))
    }

    fn decide(&mut self, key: &str, decision: &dyn Fn(&mut Slot)) -> Result<(), NotWaiting> {
        let not_waiting = || NotWaiting { key: key.to_owned() };
        let path = key.strip_prefix(&*self.id).and_then(|path| path.strip_prefix('/'));
        // No id of a call has a slash in it.
        let call = path.and_then(|path| path.split('/').next()).ok_or_else(not_waiting)?;
        let slot = self.slots.find(call).map(|place| &mut self.slots[place]).ok_or_else(not_waiting)?;
        match &mut slot.state {
            State::Waiting { .. } if path == Some(call) => decision(slot),
            State::Delegated(child) => child.decide(key, decision).map_err(|_| not_waiting())?,
            _ => return Err(not_waiting()),
        }
        self.append_results_if_done();
        Ok(())
    }
}

/// No call of this key waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no call {key:?} waits for a person: take the key from End::Waiting")]
pub struct NotWaiting {
    /// The key that was given.
    pub key: String,
}
