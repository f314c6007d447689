//! What a host knows of its session: the conversation as the journal has it.

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
    fold::{State, key},
    news::{goes_on, news},
    table::Number,
};

/// The conversation of a session as it is after all that was sent to be written, and what has come of that.
#[derive(Debug)]
pub(crate) struct Ledger {
    journal: Journal,
    session: Number,
    id: String,
    page: Arc<Mutex<Page>>,
}

#[derive(Debug)]
struct Page {
    state: State,
    /// What is on the disk and has not been handed over, by key: whoever waited for it was dropped. It is handed over when
    /// it is wanted again, so that nothing that counts is done twice.
    replies: HashMap<String, Reply>,
    dones: HashMap<String, Done>,
    ends: HashMap<String, Result<End, Failure>>,
    /// The keys of what was sent and will be kept, and is not on the disk yet.
    sent: HashSet<String>,
    /// Something was not written: from here on, nothing is.
    failed: Option<JournalError>,
}

/// A model's answer, and how many messages there were when it was asked.
#[derive(Clone, Debug)]
struct Reply {
    at: usize,
    reply: Result<Response, Failure>,
}

/// What is handed over once it is on the disk.
#[derive(Debug)]
pub(crate) enum Kept {
    Nothing,
    Reply(Result<Response, Failure>),
    Done(Done),
    End(Result<End, Failure>),
}

impl Ledger {
    pub(crate) fn new(journal: Journal, session: Number, state: State) -> Self {
        let id = state.conversation.id().to_owned();
        let (replies, dones, ends, sent) = Default::default();
        let page = Arc::new(Mutex::new(Page { state, replies, dones, ends, sent, failed: None }));
        Self { journal, session, id, page }
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// From here on nothing is appended: others may drive the session, and calls that can't be stopped know nothing of it.
    pub(crate) fn close(&self) {
        self.page().failed = Some(JournalError::Diverged { id: self.id.clone() });
    }

    pub(crate) fn conversation(&self) -> Conversation {
        self.page().state.conversation.clone()
    }

    /// Appends entries about the conversation of this id. With the last of them, `kept` is on the disk: it is there for
    /// `key` until it is [taken](Self::take_done).
    pub(crate) fn append(
        &self,
        id: &str,
        entries: &[Entry],
        key: &str,
        kept: Kept,
    ) -> impl Future<Output = Result<(), JournalError>> + Send + use<> {
        let mut page = self.page();
        let taken = page.take_all(id, entries);
        let (own, key) = (self.page.clone(), key.to_owned());
        let sent = taken.map(|at| {
            if !matches!(kept, Kept::Nothing) {
                page.sent.insert(key.clone());
            }
            // Sent while the page is held: the file's order is the page's.
            self.journal.append((self.session, &self.id), self.path(id), entries, move |done| {
                let mut page = own.lock().unwrap_or_else(PoisonError::into_inner);
                match done {
                    Ok(()) => page.keep(key, at, kept),
                    Err(error) => page.failed = Some(error.clone()),
                }
            })
        });
        async move { sent?.await }
    }

    /// Waits for what a run that was dropped sent for this key: once it is on the disk, it is kept, and can be taken.
    pub(crate) async fn settle(&self, key: &str) -> Result<(), JournalError> {
        let is_sent = self.page().sent.contains(key);
        if is_sent { self.settle_all().await } else { Ok(()) }
    }

    /// Waits for all that runs that were dropped have sent.
    pub(crate) async fn settle_all(&self) -> Result<(), JournalError> {
        if self.page().sent.is_empty() {
            return Ok(());
        }
        // What was sent before is written before, and told before.
        self.journal.write(|_| Ok(()), |_| ()).await?;
        self.page().failed.clone().map_or(Ok(()), Err)
    }

    /// The answer that was written and not handed over, if nothing was said since.
    pub(crate) fn take_reply(&self, so_far: &Conversation) -> Option<Result<Response, Failure>> {
        let Reply { at, reply } = self.page().replies.remove(so_far.id())?;
        (at == so_far.messages().len()).then_some(reply)
    }

    pub(crate) fn take_done(&self, key: &str) -> Option<Done> {
        self.page().dones.remove(key)
    }

    pub(crate) fn take_end(&self, key: &str) -> Option<Result<End, Failure>> {
        self.page().ends.remove(key)
    }

    /// Whether the call of this key began, and nobody knows how it ended.
    pub(crate) fn is_started(&self, key: &str) -> bool {
        self.page().state.started.contains(key)
    }

    /// Whether the call has led to nothing yet, as far as is known.
    pub(crate) fn is_open(&self, id: &str, call: &str) -> bool {
        self.page().state.conversation.within(id).is_some_and(|conversation| conversation.is_open(call))
    }

    /// The session's conversation, if this is what it once was.
    pub(crate) fn further(&self, so_far: &Conversation) -> Option<Conversation> {
        let page = self.page();
        let known = &page.state.conversation;
        let is_further = so_far.id() == self.id && goes_on(so_far, known) && !goes_on(known, so_far);
        is_further.then(|| known.clone())
    }

    /// Whether the conversation could have been told this.
    pub(crate) fn follows(&self, id: &str, told: Change) -> bool {
        self.page().state.conversation.clone().apply(id, told).is_ok()
    }

    /// See [`Conversation::admit`].
    pub(crate) fn admit(&self, id: &str, outcome: Outcome, rules: &dyn Rules) -> Outcome {
        match self.page().state.conversation.within(id) {
            Some(conversation) => conversation.admit(outcome, rules),
            None => outcome,
        }
    }

    /// Writes what was decided in memory about calls that wait, unless others have decided before.
    pub(crate) async fn write_decisions(&self, so_far: &Conversation) -> Result<(), JournalError> {
        if so_far.id() != self.id {
            return Ok(());
        }
        let decided = so_far.decided_since(&self.page().state.conversation);
        for (id, told) in decided {
            let written = match &told {
                Change::Denied { call, reason } => self.journal.deny(&key(&id, call), reason).await,
                Change::Approved { call } => self.journal.approve(&key(&id, call)).await,
                _ => Ok(()),
            };
            let (Change::Denied { call, .. } | Change::Approved { call }) = &told else { continue };
            let told = match written {
                Ok(()) => Some(told),
                Err(JournalError::NotWaiting(_)) => self.journal.decision(&self.id, self.path(&id), call)?,
                Err(error) => return Err(error),
            };
            if let Some(told) = told {
                // Of this call only: what others decided about others, memory is told when it hears it, and so is the page.
                let _ = self.page().state.take(&id, &Entry::Change(told));
            }
        }
        Ok(())
    }

    /// Why others have denied a call that was allowed in memory.
    pub(crate) fn denied(&self, id: &str, call: &str) -> Result<Option<String>, JournalError> {
        let decided = self.journal.decision(&self.id, self.path(id), call)?;
        Ok(decided.and_then(|told| match told {
            Change::Denied { reason, .. } => Some(reason),
            _ => None,
        }))
    }

    /// Tells the conversation what others have decided and written; false if that is nothing.
    pub(crate) fn hear(&self, conversation: &mut Conversation) -> Result<bool, JournalError> {
        if conversation.id() != self.id {
            return Ok(false);
        }
        let told = self.journal.tell_decisions(conversation)?;
        let mut page = self.page();
        for (id, told) in &told {
            // It may have been told already, by who made the call before it was heard here.
            let _ = page.state.take(id, &Entry::Change(told.clone()));
        }
        Ok(!told.is_empty())
    }

    /// What the conversation was told while nobody wrote it down.
    pub(crate) fn news(&self, so_far: &Conversation) -> Result<Vec<Entry>, JournalError> {
        let diverged = || JournalError::Diverged { id: so_far.id().to_owned() };
        let page = self.page();
        let known = page.state.conversation.within(so_far.id()).ok_or_else(diverged)?;
        let became = || Ok(vec![Entry::Became(Box::new(so_far.clone()))]);
        // Only the session's own conversation is in other hands, and only what goes on from all that is known of it.
        let is_own = so_far.id() == self.id && goes_on(known, so_far);
        match news(known, so_far) {
            // What others decided before this was said here did not come to anything here.
            Some(told) if is_own && !told.is_empty() && self.is_decided(known)? => became(),
            Some(told) => Ok(told.into_iter().map(Entry::Change).collect()),
            None if is_own => became(),
            None => Err(diverged()),
        }
    }

    /// Whether others have decided about calls that wait in what is known.
    fn is_decided(&self, known: &Conversation) -> Result<bool, JournalError> {
        Ok(!self.journal.tell_decisions(&mut known.clone())?.is_empty())
    }

    fn path<'a>(&self, id: &'a str) -> &'a str {
        id.strip_prefix(&self.id).map_or(id, |path| path.trim_start_matches('/'))
    }

    fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Page {
    /// Takes in what is about to be written; gives back how many messages the conversation had before.
    fn take_all(&mut self, id: &str, entries: &[Entry]) -> Result<usize, JournalError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let conversation = self.state.conversation.within(id);
        let at = conversation.map_or(0, |conversation| conversation.messages().len());
        for entry in entries {
            if matches!(entry, Entry::Became(_)) {
                self.replies.clear();
                self.dones.clear();
                self.ends.clear();
            }
            let taken = self.state.take(id, entry);
            taken.map_err(|_| JournalError::Diverged { id: id.to_owned() })?;
        }
        Ok(at)
    }

    fn keep(&mut self, key: String, at: usize, kept: Kept) {
        match kept {
            // It may stand beside something else of its key, which is still on its way.
            Kept::Nothing => return,
            Kept::Reply(reply) => drop(self.replies.insert(key.clone(), Reply { at, reply })),
            Kept::Done(done) => drop(self.dones.insert(key.clone(), done)),
            Kept::End(end) => drop(self.ends.insert(key.clone(), end)),
        }
        self.sent.remove(&key);
    }
}
