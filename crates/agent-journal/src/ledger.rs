//! What a host knows about its session.

mod catch_up;
mod decisions;

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agent_core::{
    Conversation, End, Outcome, Response,
    agent::Rules,
    conversation::{Change, Failure},
    tool::Done,
};

use crate::{
    Entry, Journal, JournalError,
    fold::SessionState,
    run_trace::RunTrace,
    table::SessionNumber,
    unrecorded::{is_earlier_state, unrecorded_changes},
};

/// The state of a session after everything that was sent to the writer, and the results that are on
/// the disk but were not handed over yet.
#[derive(Debug)]
pub(crate) struct Ledger {
    journal: Journal,
    pub(crate) number: SessionNumber,
    id: String,
    state: Arc<Mutex<LedgerState>>,
    pub(crate) trace: Arc<RunTrace>,
}

#[derive(Debug)]
struct LedgerState {
    session: SessionState,
    /// Results that are on the disk and were not handed over, by key. The run that waited for them
    /// was dropped. They are handed over when the next run asks for them, so that nothing is done
    /// twice.
    replies: HashMap<String, TimedReply>,
    outcomes: HashMap<String, Done>,
    ends: HashMap<String, Result<End, Failure>>,
    /// The keys of results that were sent to the writer and are not on the disk yet.
    in_flight: HashSet<String>,
    /// A write failed. After that, nothing more is written.
    failed: Option<JournalError>,
}

/// A reply of a model, and how many messages the conversation had when it was asked.
#[derive(Clone, Debug)]
struct TimedReply {
    at: usize,
    reply: Result<Response, Failure>,
}

/// A result that is handed over once it is on the disk.
#[derive(Debug)]
pub(crate) enum Completed {
    Nothing,
    Reply(Result<Response, Failure>),
    Done(Done),
    End(Result<End, Failure>),
}

impl Ledger {
    /// `trace` is the trace of its run in the file.
    pub(crate) fn new(
        journal: Journal,
        number: SessionNumber,
        session: SessionState,
        trace: Option<String>,
    ) -> Self {
        let id = session.conversation.id().to_owned();
        let (replies, outcomes, ends, in_flight) = Default::default();
        let state =
            Arc::new(Mutex::new(LedgerState { session, replies, outcomes, ends, in_flight, failed: None }));
        let trace = Arc::new(RunTrace::new(&journal, number, trace));
        Self { journal, number, id, state, trace }
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Closes the ledger. Nothing is appended after this, because others may drive the session, and
    /// calls that can't be stopped may still end.
    pub(crate) fn close(&self) {
        self.state().failed = Some(JournalError::Diverged { id: self.id.clone() });
    }

    pub(crate) fn conversation(&self) -> Conversation {
        self.state().session.conversation.clone()
    }

    /// Appends entries about the conversation with this id. When the last one is on the disk,
    /// `completed` is stored under `key` until it is [taken](Self::take_done).
    pub(crate) fn append(
        &self,
        id: &str,
        entries: &[Entry],
        key: &str,
        completed: Completed,
    ) -> impl Future<Output = Result<(), JournalError>> + Send + use<> {
        let mut state = self.state();
        let applied = state.apply_all(id, entries);
        let (own, key) = (self.state.clone(), key.to_owned());
        let sent = applied.map(|at| {
            if !matches!(completed, Completed::Nothing) {
                state.in_flight.insert(key.clone());
            }
            // This is sent while the state is locked. So the order in the file is the order in
            // memory.
            self.journal.append((self.number, &self.id), self.path(id), entries, move |done| {
                let mut state = own.lock().unwrap_or_else(PoisonError::into_inner);
                match done {
                    Ok(()) => state.keep(key, at, completed),
                    Err(error) => state.failed = Some(error.clone()),
                }
            })
        });
        async move { sent?.await }
    }

    /// Waits for the result with this key, if a dropped run has sent it to the writer. It can be
    /// taken then.
    pub(crate) async fn wait_until_written(&self, key: &str) -> Result<(), JournalError> {
        let is_in_flight = self.state().in_flight.contains(key);
        if is_in_flight { self.wait_for_all_writes().await } else { Ok(()) }
    }

    /// Waits for everything that dropped runs have sent to the writer.
    pub(crate) async fn wait_for_all_writes(&self) -> Result<(), JournalError> {
        if self.state().in_flight.is_empty() {
            return Ok(());
        }
        // Everything that was sent earlier is written before this.
        self.journal.write(|_| Ok(()), |_| ()).await?;
        self.state().failed.clone().map_or(Ok(()), Err)
    }

    /// The reply that was written and not handed over, if nothing was said since.
    pub(crate) fn take_reply(&self, so_far: &Conversation) -> Option<Result<Response, Failure>> {
        let TimedReply { at, reply } = self.state().replies.remove(so_far.id())?;
        (at == so_far.messages().len()).then_some(reply)
    }

    pub(crate) fn take_done(&self, key: &str) -> Option<Done> {
        self.state().outcomes.remove(key)
    }

    pub(crate) fn take_end(&self, key: &str) -> Option<Result<End, Failure>> {
        self.state().ends.remove(key)
    }

    /// Whether the call with this key started and has no known result.
    pub(crate) fn is_started(&self, key: &str) -> bool {
        self.state().session.started.contains(key)
    }

    /// Whether the call has no result yet, as far as is known.
    pub(crate) fn is_open(&self, id: &str, call: &str) -> bool {
        self.state().session.conversation.within(id).is_some_and(|conversation| conversation.is_open(call))
    }

    /// Whether this change can be applied to the conversation.
    pub(crate) fn can_apply(&self, id: &str, change: Change) -> bool {
        self.state().session.conversation.clone().apply(id, change).is_ok()
    }

    /// See [`Conversation::admit`].
    pub(crate) fn admit(&self, id: &str, outcome: Outcome, rules: &dyn Rules) -> Outcome {
        match self.state().session.conversation.within(id) {
            Some(conversation) => conversation.admit(outcome, rules),
            None => outcome,
        }
    }

    /// The entries for changes that were made in memory only.
    pub(crate) fn unrecorded_entries(&self, so_far: &Conversation) -> Result<Vec<Entry>, JournalError> {
        let diverged = || JournalError::Diverged { id: so_far.id().to_owned() };
        let state = self.state();
        let known = state.session.conversation.within(so_far.id()).ok_or_else(diverged)?;
        let became = || Ok(vec![Entry::Became(Box::new(so_far.clone()))]);
        // Users can change only the conversation of the session. Accept a change only if it
        // continues everything that is known.
        let is_own = so_far.id() == self.id && is_earlier_state(known, so_far);
        match unrecorded_changes(known, so_far) {
            // Others decided before the user said this, so their decisions have no effect here.
            Some(changes) if is_own && !changes.is_empty() && self.is_decided(known)? => became(),
            Some(changes) => Ok(changes.into_iter().map(Entry::Change).collect()),
            None if is_own => became(),
            None => Err(diverged()),
        }
    }

    fn path<'a>(&self, id: &'a str) -> &'a str {
        id.strip_prefix(&self.id).map_or(id, |path| path.trim_start_matches('/'))
    }

    fn state(&self) -> MutexGuard<'_, LedgerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LedgerState {
    /// Applies entries that are about to be written. Returns how many messages the conversation had
    /// before.
    fn apply_all(&mut self, id: &str, entries: &[Entry]) -> Result<usize, JournalError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let conversation = self.session.conversation.within(id);
        let at = conversation.map_or(0, |conversation| conversation.messages().len());
        for entry in entries {
            if matches!(entry, Entry::Became(_)) {
                self.replies.clear();
                self.outcomes.clear();
                self.ends.clear();
            }
            let applied = self.session.apply(id, entry);
            applied.map_err(|_| JournalError::Diverged { id: id.to_owned() })?;
        }
        Ok(at)
    }

    fn keep(&mut self, key: String, at: usize, completed: Completed) {
        match completed {
            // Another result with the same key may still be on its way.
            Completed::Nothing => return,
            Completed::Reply(reply) => drop(self.replies.insert(key.clone(), TimedReply { at, reply })),
            Completed::Done(done) => drop(self.outcomes.insert(key.clone(), done)),
            Completed::End(end) => drop(self.ends.insert(key.clone(), end)),
        }
        self.in_flight.remove(&key);
    }
}

pub(crate) fn missing_result<T>() -> T {
    unreachable!("a result that was written is taken only by the caller that waited for it")
}
