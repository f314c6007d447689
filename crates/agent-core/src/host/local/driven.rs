//! A conversation while it is driven.

use std::sync::Arc;

use super::{LocalHost, budgets::PaidConversation};
use crate::{Conversation, End, Rules, host::cancel::CallGuard};

/// A conversation while it is driven. It can be stopped by its id, and its budgets are open.
pub(super) struct Driven<'a> {
    paid: PaidConversation<'a>,
    _entered: Option<CallGuard>,
}

impl Driven<'_> {
    pub(super) fn conversation(&mut self) -> &mut Conversation {
        self.paid.conversation
    }
}

impl LocalHost {
    /// Begins to drive a conversation. The error is its end, if nothing is to be done.
    pub(super) fn enter<'a>(&self, conversation: &'a mut Conversation) -> Result<Driven<'a>, End> {
        if conversation.may_end_early() {
            self.cancel.get_or_init(Arc::default);
        }
        // Entered first, so that what early steps have used counts even if nothing is to be done.
        let paid = self.caller.budgets.enter(conversation, self.caller.team.limits());
        if let Some(end) = self.end_without_work(paid.conversation) {
            self.discard_unused_steps(paid.conversation);
            return Err(end);
        }
        let entered = self.cancel.get().and_then(|tokens| tokens.enter_delegated(paid.conversation));
        Ok(Driven { paid, _entered: entered })
    }

    /// How a conversation has ended that was driven to this end.
    pub(super) fn leave<E>(&self, driven: &Driven<'_>, end: Result<End, E>) -> Result<End, E> {
        let conversation = &*driven.paid.conversation;
        self.discard_unused_steps(conversation);
        match end {
            Ok(end) => Ok(self.end_of_plan(conversation).unwrap_or(end)),
            // The model was not asked, because that could not be paid for.
            Err(error) => Ok(End::Budget(self.caller.budgets.exceeded(conversation.id()).ok_or(error)?)),
        }
    }
}
