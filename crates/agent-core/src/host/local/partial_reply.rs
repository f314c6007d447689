//! Keeps the text so far of a reply whose run is dropped.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{LocalHost, timing::Timing};
use crate::{Change, Conversation, End, Fold, Response, RunError};

/// Holds the text until the run's future is dropped, which borrows the conversation.
#[derive(Debug, Default)]
pub(super) struct PartialReply(Mutex<Option<Response>>);

/// A reply while it is read. If it is dropped, the text so far is saved.
pub(super) struct ReplyInProgress<'a> {
    pub(super) fold: Fold,
    pub(super) timing: Timing,
    kept_in: Option<&'a PartialReply>,
}

/// A conversation while it is driven. If it is dropped, the saved text is recorded.
struct Driven<'a> {
    host: &'a LocalHost,
    conversation: &'a mut Conversation,
}

impl LocalHost {
    /// Drives the user's conversation to its end. If this is dropped, the text so far is recorded,
    /// if the run is set to keep it. Delegated conversations keep nothing: the next run asks for
    /// the whole reply, because nobody can go on from a part.
    pub(crate) async fn run_keeping_partial_reply(
        &self,
        conversation: &mut Conversation,
    ) -> Result<End, RunError> {
        let driven = Driven { host: self, conversation };
        self.run(driven.conversation).await
    }

    pub(super) fn reading(&self, so_far: &Conversation) -> ReplyInProgress<'_> {
        ReplyInProgress {
            fold: Fold::default(),
            timing: Timing::start(),
            kept_in: self.partial_reply.as_ref().filter(|_| so_far.depth() == 0),
        }
    }
}

impl ReplyInProgress<'_> {
    /// The reply has ended, so there is nothing to save.
    pub(super) fn finish(&mut self) {
        self.kept_in = None;
    }
}

impl Drop for ReplyInProgress<'_> {
    fn drop(&mut self) {
        if let Some(partial_reply) = self.kept_in {
            *partial_reply.lock() = self.fold.cut_short();
        }
    }
}

impl Drop for Driven<'_> {
    fn drop(&mut self) {
        let Some(reply) =
            self.host.partial_reply.as_ref().and_then(|partial_reply| partial_reply.lock().take())
        else {
            return;
        };
        let id = self.conversation.shared_id().clone();
        // It was the model's turn, so a reply fits.
        let applied = self.conversation.apply(&id, Change::Answered(reply));
        debug_assert_eq!(applied, Ok(()));
    }
}

impl PartialReply {
    fn lock(&self) -> MutexGuard<'_, Option<Response>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
