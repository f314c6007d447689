//! The host whose runs survive the end of their process.

mod perform;
mod settings;

use std::{fmt, sync::Arc};

use agent_core::{
    Cancel, Conversation, End, Outcome, Response, RunError, StopReason, Team, Usage,
    conversation::{Call, Change, Failure, ToolTurn},
    host::{Host, HostRun, LocalHost},
    tool::{Done, Early, Receipt},
};
use futures::{FutureExt, future::BoxFuture};

use crate::{
    Entry, JournalError, JournalHostError,
    cancellable::Cancellable,
    event_recorder::EventRecorder,
    fold::call_key,
    held_lease::HeldLease,
    lease::Lease,
    ledger::{Completed, Ledger, missing_result},
    record_reservations::record_reservations,
    record_starts::record_starts,
};

/// A [host](Host) that runs a conversation, with all that is delegated from it, in this process,
/// and saves each step in a [`Journal`](crate::Journal). [`Journal::host`](crate::Journal::host)
/// makes it.
///
/// A reply of a model, or the result of a call, counts only when it is on the disk. After a crash,
/// a new host continues from there, in any process, and repeats nothing that is on the disk.
///
/// While a reply still streams, only calls of read-only tools start, whatever
/// [`AgentBuilder::early`](agent_core::AgentBuilder::early) says. The start of a call with effects
/// must be on the disk first, and that needs the complete reply.
///
/// [`Journal::cancel`](crate::Journal::cancel) stops the run of this host from any process. After
/// that, run the conversation again to continue.
pub struct JournalHost {
    local: LocalHost,
    ledger: Arc<Ledger>,
    unknown: Box<Unknown>,
    /// Those who keep the events of this host.
    recorders: Vec<EventRecorder>,
    cancellable: Cancellable,
    /// Nobody else can drive the session until this is dropped.
    _lease: HeldLease,
}

/// Decides what happens to a call that started and whose result is not known.
type Unknown = dyn Fn(&Call) -> Option<Outcome> + Send + Sync;

impl JournalHost {
    pub(crate) fn new(team: Team, ledger: Ledger, lease: Lease) -> Self {
        let ledger = Arc::new(ledger);
        let held = HeldLease::new(ledger.clone(), lease);
        let cancel = Cancel::new();
        Self {
            local: LocalHost::new(record_starts(team, &ledger))
                .early(Early::ReadOnly)
                .cancelled_by(&cancel)
                .on_reserve(record_reservations(&ledger)),
            cancellable: Cancellable::new(&ledger, cancel),
            ledger,
            unknown: Box::new(|call| Some(Outcome::unknown(&call.call.name))),
            recorders: Vec::new(),
            _lease: held,
        }
    }

    /// Runs the conversation until it is the user's turn. Await the run for its [`End`], or first
    /// read its events with [`HostRun::next`]. If the journal has a newer state of the
    /// conversation, the run continues from that state. The run also applies decisions that people
    /// have made about waiting calls.
    ///
    /// If the run ends with [`End::Waiting`], use [`decided`](Self::decided) to wait for the
    /// decision of a person. If later runs find the same calls waiting, they do not emit the event
    /// of that end again.
    pub fn run<'a>(&'a self, conversation: &'a mut Conversation) -> HostRun<'a, JournalHostError> {
        HostRun::new(self.run_and_renew(conversation), || self.local.events())
    }

    /// Waits until a person has approved or denied one of the calls that wait in this conversation,
    /// in any process. Then run the conversation again. See
    /// [`Journal::decided`](crate::Journal::decided).
    ///
    /// ```
    /// # use agent_core::{Conversation, End};
    /// # use agent_journal::{JournalHost, JournalHostError};
    /// # async fn drive(host: JournalHost, mut conversation: Conversation) -> Result<End, JournalHostError> {
    /// loop {
    ///     match host.run(&mut conversation).await? {
    ///         End::Waiting(_) => host.decided(&conversation).await?,
    ///         end => return Ok(end),
    ///     }
    /// }
    /// # }
    /// ```
    pub async fn decided(&self, conversation: &Conversation) -> Result<(), JournalError> {
        self.ledger.journal().decided(conversation).await
    }

    /// Runs to the end. After a run that was cancelled, another one can follow.
    async fn run_and_renew(&self, conversation: &mut Conversation) -> Result<End, JournalHostError> {
        let end = self.run_to_end(conversation).await;
        let is_cancelled = matches!(
            end,
            Err(JournalHostError::Run(RunError::Cancelled)) | Ok(End::Cut(StopReason::Cancelled))
        );
        if is_cancelled {
            self.cancellable.forget_request(self.ledger.journal()).await?;
            self.local.go_on_after_cancel();
        }
        end
    }

    async fn run_to_end(&self, conversation: &mut Conversation) -> Result<End, JournalHostError> {
        self.local.check_values().map_err(RunError::from)?;
        self.local.begin_run();
        self.ledger.wait_for_all_writes().await?;
        if let Some(newer) = self.ledger.newer_conversation(conversation) {
            *conversation = newer;
        }
        self.settle(conversation).await?;
        self.ledger.apply_decisions(conversation)?;
        loop {
            let end = self.drive(conversation).await?;
            if !matches!(end, End::Waiting(_)) || !self.ledger.apply_decisions(conversation)? {
                self.ledger.catch_up(conversation);
                if !matches!(end, End::Waiting(_)) {
                    self.ledger.trace.end();
                }
                return Ok(end);
            }
        }
    }

    /// Counts as spent what requests had reserved whose replies are not in the journal. Nobody
    /// knows what they have used.
    async fn settle(&self, conversation: &mut Conversation) -> Result<(), JournalHostError> {
        for (id, spent) in self.ledger.conversation().unsettled() {
            self.append(&id, &[Entry::Change(spent.clone())], &id, Completed::Nothing).await?;
            // If a run of this process was stopped, the conversation in memory has counted it.
            let is_known = !conversation.unsettled().iter().any(|(other, _)| *other == id);
            let counted = if is_known { Ok(()) } else { conversation.apply(&id, spent) };
            debug_assert_eq!(counted, Ok(()), "usage can always be added");
        }
        Ok(())
    }

    /// This returns a boxed future because the loop calls itself here.
    fn drive<'a>(
        &'a self,
        conversation: &'a mut Conversation,
    ) -> BoxFuture<'a, Result<End, JournalHostError>> {
        let run = async move {
            let end = self.local.drive_by(conversation, self).await?;
            // The conversation may have returned from an agent that failed, and ended with that.
            self.write_changes_in_memory(conversation).await?;
            Ok(end)
        };
        run.boxed()
    }

    /// Writes the changes that were made in memory only.
    async fn write_changes_in_memory(&self, so_far: &Conversation) -> Result<(), JournalHostError> {
        self.ledger.write_decisions(so_far).await?;
        let entries = self.ledger.unrecorded_entries(so_far)?;
        if entries.is_empty() {
            return Ok(());
        }
        self.append(so_far.id(), &entries, so_far.id(), Completed::Nothing).await
    }

    async fn append(
        &self,
        id: &str,
        entries: &[Entry],
        key: &str,
        completed: Completed,
    ) -> Result<(), JournalHostError> {
        Ok(self.ledger.append(id, entries, key, completed).await?)
    }

    /// Records the outcome of a call. It counts from then on.
    async fn record(&self, call: &Call, done: Done, receipt: &Receipt) -> Result<(), JournalHostError> {
        let (id, key) = (&call.conversation, call_key(&call.conversation, &call.call.id));
        let done =
            Done { outcome: self.ledger.admit(id, done.outcome, self.local.rules()), usage: done.usage };
        let recorded = Change::Recorded { call: call.call.id.clone(), done: done.clone() };
        self.append(id, &[Entry::Change(recorded)], &key, Completed::Done(done)).await?;
        receipt.fill(self.ledger.take_done(&key).unwrap_or_else(missing_result));
        Ok(())
    }
}

impl Host for JournalHost {
    type Error = JournalHostError;
    type Rules = Team;

    fn rules(&self) -> &Team {
        self.local.rules()
    }

    async fn ask(&self, so_far: &Conversation) -> Result<Result<Response, Failure>, JournalHostError> {
        let id = so_far.id();
        self.ledger.wait_until_written(id).await?;
        if let Some(reply) = self.ledger.take_reply(so_far) {
            return Ok(reply);
        }
        self.write_changes_in_memory(so_far).await?;
        let reply = self.local.ask(so_far).await?;
        let change = reply.clone().map_or_else(Change::Failed, Change::Answered);
        if reply.is_err() && !self.ledger.can_apply(id, change.clone()) {
            // If this failure were written, each new run would repeat it instead of asking the
            // model. Only its cost is written.
            let spent = reply.as_ref().err().map(|Failure { agent, error }| (agent.clone(), error.usage()));
            if let Some((agent, usage)) = spent.filter(|(_, usage)| *usage != Usage::default()) {
                let spent = Entry::Change(Change::Spent { agent, usage });
                self.append(id, &[spent], id, Completed::Nothing).await?;
            }
            return Ok(reply);
        }
        self.append(id, &[Entry::Change(change)], id, Completed::Reply(reply)).await?;
        Ok(self.ledger.take_reply(so_far).unwrap_or_else(missing_result))
    }

    async fn act(&self, turn: ToolTurn<'_>) -> Result<(), JournalHostError> {
        self.rules().check_agent(turn.conversation())?;
        self.ledger.write_decisions(turn.conversation()).await?;
        self.local.act_by(turn, self).await
    }
}

impl fmt::Debug for JournalHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalHost").field("ledger", &self.ledger).finish_non_exhaustive()
    }
}
