//! A person's decisions about calls that wait for them.

use super::{Conversation, Slot, State, outcome::DENIED};

impl Conversation {
    /// Approves a call that waits for a person. The next run makes the call. To decide while a run
    /// goes on, use [`Run::decisions`](crate::Run::decisions). `key` is
    /// [`PendingApproval::key`](crate::conversation::PendingApproval::key). Fails if no call with
    /// this key waits.
    pub fn approve(&mut self, key: &str) -> Result<(), NotWaiting> {
        self.decide(key, &|slot| slot.state = State::Approved)
    }

    /// Denies a call that waits for a person. The call gets an error result, in which the model
    /// reads `reason`. `key` is
    /// [`PendingApproval::key`](crate::conversation::PendingApproval::key). Fails if no call with
    /// this key waits.
    pub fn deny(&mut self, key: &str, reason: &str) -> Result<(), NotWaiting> {
        self.decide(key, &|slot| slot.fail(format!("{DENIED}{reason}")))
    }

    fn decide(&mut self, key: &str, decision: &dyn Fn(&mut Slot)) -> Result<(), NotWaiting> {
        let not_waiting = || NotWaiting { key: key.to_owned() };
        let call = slot_with(&self.id, key).ok_or_else(not_waiting)?;
        let is_own = self.id.len() + 1 + call.len() == key.len();
        let slot = self.slot_of_mut(call).ok_or_else(not_waiting)?;
        match &mut slot.state {
            State::Waiting { .. } if is_own => decision(slot),
            State::Delegated(child) => child.decide(key, decision).map_err(|_| not_waiting())?,
            _ => return Err(not_waiting()),
        }
        self.append_results_if_done();
        Ok(())
    }
}

/// The id of the call of this conversation that has this key, or from which the conversation with
/// the key was delegated.
pub(super) fn slot_with<'k>(conversation: &str, key: &'k str) -> Option<&'k str> {
    let path = key.strip_prefix(conversation)?.strip_prefix('/')?;
    // The id of a call never contains a slash.
    path.split('/').next()
}

/// The error if no call with this key waits for a person. Perhaps somebody has already approved or
/// denied the call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no call with the key {key:?} waits for a person (it may be decided already): Conversation::waiting lists the calls that wait, with their keys"
)]
pub struct NotWaiting {
    /// The key for which no call waits.
    pub key: String,
}
