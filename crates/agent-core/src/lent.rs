//! A delegated conversation while somebody drives it.

use std::{
    mem,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard},
};

use crate::{Conversation, Delegation, Done, End, Failure, Outcome, ToolCall};

/// A delegated conversation, lent to whoever drives it. When it is dropped, finished or not, the
/// conversation goes back to the turn it belongs to.
#[derive(Debug)]
pub struct Lent {
    /// What it is for.
    call: Arc<ToolCall>,
    /// `None` only once it has been given back.
    conversation: Option<Box<Conversation>>,
    home: Home,
}

impl Lent {
    pub(crate) fn new(delegation: Delegation, home: &Home) -> Self {
        let Delegation { call, conversation, .. } = delegation;
        Self { call, conversation: Some(conversation), home: home.clone() }
    }

    /// What its end means for the call that led to it; `None` if it has not ended but waits for a person.
    pub fn done(&self, end: &Result<End, Failure>) -> Option<Done> {
        let agent = self.agent();
        let outcome = match end {
            Ok(End::Waiting(_)) => return None,
            Ok(End::Answered(text)) if text.trim().is_empty() => {
                Outcome::Output(format!("{agent} is done and said nothing.").into())
            }
            Ok(End::Answered(text)) => Outcome::Output(text.clone().into()),
            Ok(End::Cut(reason)) => {
                let text = self.text();
                Outcome::Error(format!("{agent}'s reply was cut ({}); it began: {text}", reason.as_str()))
            }
            Ok(End::Refused(_)) => Outcome::Error(format!("{agent} refused")),
            Ok(End::TurnLimit(turns)) => Outcome::Error(format!("{agent} was not done after {turns} turns")),
            Ok(End::Other(reason)) => Outcome::Error(format!("{agent} stopped: {reason}")),
            Err(failure) => Outcome::Error(failure.to_string()),
        };
        Some(Done { outcome, usage: self.usage_by_agent() })
    }

    /// The conversation, for good: it no longer goes back by itself.
    pub(crate) fn give_back(mut self) -> Box<Conversation> {
        self.conversation.take().expect(HELD)
    }
}

const HELD: &str = "it is given back only by what consumes it";

impl Deref for Lent {
    type Target = Conversation;

    fn deref(&self) -> &Conversation {
        self.conversation.as_ref().expect(HELD)
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Conversation {
        self.conversation.as_mut().expect(HELD)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(conversation) = self.conversation.take() {
            self.home.lock().push((self.call.clone(), conversation));
        }
    }
}

/// Where lent conversations come back to, by the call they are for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Home(Arc<Mutex<Returned>>);

type Returned = Vec<(Arc<ToolCall>, Box<Conversation>)>;

impl Home {
    pub(crate) fn take_all(&self) -> Returned {
        mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Returned> {
        self.0.lock().expect("nothing that holds this lock can panic")
    }
}
