//! A delegated conversation while a host drives it.

use std::{
    mem,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard},
};

use crate::{Conversation, Delegation, ToolCall};

/// A guard that holds a delegated conversation while a host drives it. It dereferences to the
/// conversation. When the guard is dropped, it puts the conversation, finished or not, back into
/// the turn from which it was taken, so nothing is lost.
#[derive(Debug)]
pub struct DelegationGuard {
    /// The call that delegated.
    call: Arc<ToolCall>,
    /// `None` only after it was given back.
    conversation: Option<Box<Conversation>>,
    home: Home,
}

impl DelegationGuard {
    pub(crate) fn new(delegation: Delegation, home: &Home) -> Self {
        let Delegation { call, conversation, .. } = delegation;
        Self { call, conversation: Some(conversation), home: home.clone() }
    }

    /// Takes the conversation out. It is then not put back by itself.
    pub(crate) fn give_back(mut self) -> Box<Conversation> {
        self.conversation.take().expect(HELD)
    }
}

const HELD: &str = "it is given back only by what consumes it";

impl Deref for DelegationGuard {
    type Target = Conversation;

    fn deref(&self) -> &Conversation {
        self.conversation.as_ref().expect(HELD)
    }
}

impl DerefMut for DelegationGuard {
    fn deref_mut(&mut self) -> &mut Conversation {
        self.conversation.as_mut().expect(HELD)
    }
}

impl Drop for DelegationGuard {
    fn drop(&mut self) {
        if let Some(conversation) = self.conversation.take() {
            self.home.lock().push((self.call.clone(), conversation));
        }
    }
}

/// Where the conversations are put when their guards are dropped, with their calls.
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
