//! A delegated conversation while somebody drives it.

use std::{
    mem,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard},
};

use crate::{Conversation, Delegation, Done, End, Failure, Outcome};

/// A delegated conversation, lent to whoever drives it. When it is dropped, finished or not, the
/// conversation goes back to the turn it belongs to.
#[derive(Debug)]
pub struct Lent {
    delegation: Delegation,
    home: Home,
}

impl Lent {
    pub(crate) fn new(delegation: Delegation, home: &Home) -> Self {
        Self { delegation, home: home.clone() }
    }

    /// The delegation it is: who asked, and by which call.
    pub fn delegation(&self) -> &Delegation {
        &self.delegation
    }
}

impl Deref for Lent {
    type Target = Conversation;

    fn deref(&self) -> &Conversation {
        &self.delegation.conversation
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Conversation {
        &mut self.delegation.conversation
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let conversation = mem::replace(&mut self.delegation.conversation, Conversation::new(""));
        self.home.lock().push((mem::take(&mut self.delegation.call.id), conversation));
    }
}

/// Where lent conversations come back to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Home(Arc<Mutex<Vec<(String, Conversation)>>>);

impl Home {
    pub(crate) fn take(&self, id: &str) -> Option<Conversation> {
        let mut returned = self.lock();
        let place = returned.iter().position(|(other, _)| other == id)?;
        Some(returned.swap_remove(place).1)
    }

    pub(crate) fn take_all(&self) -> Vec<(String, Conversation)> {
        mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, Conversation)>> {
        self.0.lock().expect("nothing that holds this lock can panic")
    }
}

/// What a delegated conversation's end means for the call that led to it; `None` if it has not ended
/// but waits for a person.
pub(crate) fn summary(end: Result<End, Failure>, conversation: &Conversation) -> Option<Done> {
    let agent = conversation.agent();
    let outcome = match end {
        Ok(End::Waiting(_)) => return None,
        Ok(End::Answered(text)) if text.trim().is_empty() => {
            Outcome::Output(format!("{agent} is done and said nothing.").into())
        }
        Ok(End::Answered(text)) => Outcome::Output(text.into()),
        Ok(End::Cut(reason)) => {
            let text = conversation.text();
            Outcome::Error(format!("{agent}'s reply was cut ({}); it began: {text}", reason.as_str()))
        }
        Ok(End::Refused(_)) => Outcome::Error(format!("{agent} refused")),
        Ok(End::TurnLimit(turns)) => Outcome::Error(format!("{agent} was not done after {turns} turns")),
        Ok(End::Other(reason)) => Outcome::Error(format!("{agent} stopped: {reason}")),
        Err(failure) => Outcome::Error(failure.to_string()),
    };
    Some(Done { outcome, usage: conversation.usage() })
}
