//! What was shown of a reply whose run is dropped.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::LocalHost;
use crate::{Change, Conversation, End, Fold, Response, RunError};

/// Where it is left until the run's future is gone, which has the conversation.
#[derive(Debug, Default)]
pub(super) struct PartialReply(Mutex<Option<Response>>);

/// A reply while it is read. If it is dropped then, what was shown is left.
pub(super) struct ReplyInProgress<'a> {
    pub(super) fold: Fold,
    kept_in: Option<&'a PartialReply>,
}

/// A conversation and who drives it. If it is dropped meanwhile, what was left is recorded.
struct Driven<'a> {
    host: &'a LocalHost,
    conversation: &'a mut Conversation,
}

impl LocalHost {
    /// Drives a conversation of the user's to its end. If this is dropped, what was shown of a
    /// reply is kept, should the run keep what is shown. What others delegated is asked for again
    /// as a whole: nobody was to go on from a part.
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
            kept_in: self.partial_reply.as_ref().filter(|_| so_far.depth() == 0),
        }
    }
}

impl ReplyInProgress<'_> {
    /// It has ended, however that was.
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
        let id = self.conversation.shared_id();
        // It was its model's turn, so a reply fits.
        let applied = self.conversation.apply(&id, Change::Answered(reply));
        debug_assert_eq!(applied, Ok(()));
    }
}

impl PartialReply {
    fn lock(&self) -> MutexGuard<'_, Option<Response>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
