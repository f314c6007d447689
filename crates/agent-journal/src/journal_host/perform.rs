//! How a host makes calls, and drives delegated conversations.

use std::future::Future;

use agent_core::{
    End, Outcome,
    agent::Rules,
    conversation::{Call, Change, Failure},
    host::{DelegationGuard, Host, Perform},
    tool::Receipt,
};

use super::JournalHost;
use crate::{
    Entry, JournalError, JournalHostError,
    fold::call_key,
    ledger::{Completed, missing_result},
};

/// A delegated conversation, and how it has ended.
type Conversed = (DelegationGuard, Result<Result<End, Failure>, JournalHostError>);

impl JournalHost {
    /// Drives a delegated conversation, and records nothing for the call that delegated.
    async fn converse_only(&self, mut child: DelegationGuard) -> Conversed {
        let drive = self.local.time_for(&child).hold(self.drive(&mut child));
        let end = match drive.await {
            Ok(end) => Ok(Ok(end)),
            Err(JournalHostError::Run(error)) => error.of_delegated().map_err(JournalHostError::from),
            Err(error) => Err(error),
        };
        (child, end)
    }

    async fn converse_and_record(&self, child: DelegationGuard) -> Conversed {
        let key = child.id().to_owned();
        if let Err(error) = self.ledger.wait_until_written(&key).await {
            return (child, Err(error.into()));
        }
        if let Some(end) = self.ledger.take_end(&key) {
            return (child, Ok(end));
        }
        let (child, end) = match self.converse_only(child).await {
            (child, Ok(end)) => (child, end),
            failed => return failed,
        };
        let Some(done) = child.done(&end) else { return (child, Ok(end)) };
        let (parent, call) = key
            .rsplit_once('/')
            .expect("the id of a delegated conversation contains the id of its parent and a /");
        let recorded = Entry::Change(Change::Recorded { call: call.to_owned(), done });
        let written = self.append(parent, &[recorded], &key, Completed::End(end)).await;
        let end = written.map(|()| self.ledger.take_end(&key).unwrap_or_else(missing_result));
        (child, end)
    }
}

impl Perform for JournalHost {
    type Error = JournalHostError;

    async fn call(&self, call: Call, receipt: Receipt) -> Result<(), JournalHostError> {
        let (id, key) = (call.conversation.clone(), call_key(&call.conversation, &call.call.id));
        self.ledger.wait_until_written(&key).await?;
        if let Some(done) = self.ledger.take_done(&key) {
            receipt.fill(done);
            return Ok(());
        }
        if call.approved {
            if let Some(reason) = self.ledger.denial(&id, &call.call.id)? {
                receipt.fill(Outcome::denied(&reason));
                return Ok(());
            }
        }
        if !self.ledger.is_open(&id, &call.call.id) {
            // The conversation in memory is older than the journal, which has a result for this
            // call.
            return Err(JournalError::Diverged { id: id.to_string() }.into());
        }
        let spec = self.rules().spec(&call.agent, &call.call.name);
        if !spec.is_none_or(|spec| spec.may_be_repeated(call.approved)) && self.ledger.is_started(&key) {
            if let Some(outcome) = Outcome::of_unknown(&call, &*self.unknown) {
                return self.record(&call, outcome.into(), &receipt).await;
            }
        }
        let made = Receipt::default();
        self.local.call(call.clone(), made.clone()).await?;
        self.record(&call, made.done_or_error(), &receipt).await
    }

    fn converse(&self, child: DelegationGuard) -> impl Future<Output = Conversed> {
        self.converse_and_record(child)
    }

    fn converse_detachable(&self, child: DelegationGuard) -> impl Future<Output = Conversed> {
        self.converse_only(child)
    }

    /// The turn records such changes one after the other. So they are in the journal in the same
    /// order as in memory.
    async fn before_change(&self, call: Call, change: &Change) -> Result<(), JournalHostError> {
        let (id, key) = (&call.conversation, call_key(&call.conversation, &call.call.id));
        self.append(id, &[Entry::Change(change.clone())], &key, Completed::Nothing).await?;
        Ok(self.local.before_change(call, change).await?)
    }

    async fn decided(&self, keys: Vec<String>) -> Result<Vec<(String, Change)>, JournalHostError> {
        Ok(self.ledger.decided(&keys).await?)
    }

    fn stop_detached(&self, conversation: &str) {
        self.local.stop_detached(conversation);
    }

    fn stop(&self, conversation: &str) {
        self.local.stop(conversation);
    }

    fn on_items(&self, step: Call) {
        self.local.on_items(step);
    }

    fn on_outcome(&self, call: impl FnOnce() -> Call, outcome: &Outcome) {
        self.local.on_outcome(call, outcome);
    }
}
