//! How long a call may take that became another agent's conversation.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use super::LocalHost;
use crate::{Conversation, RunError, host::cancel::RunTokens};

/// The time that a delegated conversation has, from [`LocalHost::time_for`].
#[derive(Debug)]
pub struct TimeLimit(Option<Limit>);

#[derive(Debug)]
struct Limit {
    left: Duration,
    conversation: Arc<str>,
    tokens: Arc<RunTokens>,
}

impl LocalHost {
    /// The time that this delegated conversation has, for hosts around this one: what its tool's
    /// [`timeout`](crate::ToolSpec::timeout) left of it. A run that goes on with it gives it that
    /// time again: time in which nobody drives it, or in which it waits for a person between two
    /// runs, does not count.
    pub fn time_for(&self, child: &Conversation) -> TimeLimit {
        let left = child.delegation_limits().time_left;
        let limit = left.zip(self.cancel.clone()).map(|(left, tokens)| {
            let conversation = child.shared_id();
            Limit { left, conversation, tokens }
        });
        TimeLimit(limit)
    }
}

impl LocalHost {
    /// Why a conversation was stopped from outside of it.
    pub(super) fn why_stopped(&self, conversation: &Conversation) -> RunError {
        let is_late = self.cancel.as_ref().is_some_and(|tokens| tokens.is_late(conversation.id()));
        match conversation.delegation_limits().timeout.filter(|_| is_late) {
            Some(limit) => RunError::TimedOut { limit },
            None => RunError::Cancelled,
        }
    }
}

impl TimeLimit {
    /// Drives the conversation by this future. When its time is over it is stopped as a call that
    /// is [cancelled](crate::Cancel) is: what has ended is recorded, and what the future gives then
    /// says why ([`RunError::TimedOut`](crate::RunError)).
    pub async fn hold<F: Future>(self, drive: F) -> F::Output {
        match self.0 {
            None => drive.await,
            // Few have one, and what waits for it is large.
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
