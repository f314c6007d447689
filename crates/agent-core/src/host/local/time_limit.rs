//! The time limit of a call that became another agent's conversation.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use super::LocalHost;
use crate::{Conversation, RunError, host::cancel::RunTokens};

/// The time limit of a delegated conversation, for hosts around [`LocalHost`].
/// [`LocalHost::time_for`] returns it.
#[derive(Debug)]
pub struct TimeLimit(Option<Limit>);

#[derive(Debug)]
struct Limit {
    left: Duration,
    conversation: Arc<str>,
    tokens: Arc<RunTokens>,
}

impl LocalHost {
    /// Returns the time limit of a delegated conversation: what was left of its tool's
    /// [`timeout`](crate::ToolSpec::timeout) when the call delegated. It is for hosts around this
    /// one. Each run that continues the conversation starts again with this time.
    pub fn time_for(&self, child: &Conversation) -> TimeLimit {
        let left = child.delegation_limits().time_left;
        let limit = left.zip(self.cancel.get().cloned()).map(|(left, tokens)| {
            let conversation = child.shared_id().clone();
            Limit { left, conversation, tokens }
        });
        TimeLimit(limit)
    }
}

impl LocalHost {
    /// Why a conversation was stopped from outside.
    pub(super) fn why_stopped(&self, conversation: &Conversation) -> RunError {
        let is_late = self.cancel.get().is_some_and(|tokens| tokens.is_late(conversation.id()));
        match conversation.delegation_limits().timeout.filter(|_| is_late) {
            Some(limit) => RunError::TimedOut { limit },
            None => RunError::Cancelled,
        }
    }
}

impl TimeLimit {
    /// Runs `drive`, a future that drives the conversation, under this time limit. When the time is
    /// over, the conversation is stopped like a [cancelled](crate::Cancel) call: finished work is
    /// recorded, and the output of the future is [`RunError::TimedOut`](crate::RunError::TimedOut).
    pub async fn hold<F: Future>(self, drive: F) -> F::Output {
        match self.0 {
            None => drive.await,
            // Boxed, because the future is large and few conversations have a limit.
            Some(limit) => Box::pin(limit.hold(drive)).await,
        }
    }
}

impl Limit {
    async fn hold<F: Future>(self, drive: F) -> F::Output {
        let Self { left, conversation, tokens } = self;
        let mut drive = pin!(drive);
        match tokio::time::timeout(left, drive.as_mut()).await {
            Ok(output) => output,
            Err(_) => {
                tokens.too_late(&conversation);
                drive.await
            }
        }
    }
}
