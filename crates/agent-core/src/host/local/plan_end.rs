//! How plans end that are stopped, and what they have delegated. A plan asks no model, so nothing
//! in it fails when it is stopped.

use super::LocalHost;
use crate::{Conversation, End, RunError};

impl LocalHost {
    /// The end of a delegated conversation that is not needed any more, because the plan that
    /// delegated it had ended. It may have waited for a person.
    pub(super) fn end_without_work(&self, conversation: &Conversation) -> Option<End> {
        let (plan, _) = conversation.id().rsplit_once('/')?;
        let tokens = self.cancel.get().filter(|tokens| tokens.has_ended(plan))?;
        debug_assert!(tokens.conversation(plan).is_stopped(), "it is stopped when it has ended");
        Some(End::Other(RunError::WAS_CANCELLED.to_owned()))
    }

    /// The end of a plan whose calls were stopped from outside, or because they took too long.
    pub(super) fn end_of_plan(&self, conversation: &Conversation) -> Option<End> {
        let tokens = self.cancel.get().filter(|_| conversation.is_plan())?;
        let is_stopped = tokens.conversation(conversation.id()).is_stopped();
        if !is_stopped || tokens.has_ended(conversation.id()) {
            return None;
        }
        self.why_stopped(conversation).of_delegated().ok()?.ok()
    }
}
