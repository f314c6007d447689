//! The host whose runs survive.

use std::{fmt, future::Future, sync::Arc};

use agent_core::{
    Cancel, Conversation, End, Event, Outcome, Response, Team, Usage,
    agent::Rules,
    conversation::{Call, Change, Failure, ToolTurn},
    host::{DelegationGuard, Host, HostRun, LocalHost, Mode, Perform},
    tool::{Early, Receipt},
};
use futures::{FutureExt, future::BoxFuture};

use crate::{
    Entry, Journal, JournalError, JournalHostError,
    fold::key,
    held_lease::HeldLease,
    lease::Lease,
    ledger::{Kept, Ledger},
    noted::noted,
};

/// The in-process host with a journal: a model's answer and a call's result count once they are on the disk, and what is
/// there is not done again, by any process. From [`Journal::host`], for one run of one conversation and all that is
/// delegated from it. Only calls of read-only tools start early, whatever [`AgentBuilder::early`](agent_core::AgentBuilder::early)
/// says: that a call with effects begins is written down first, and before its reply is there nothing says whose it is.
pub struct JournalHost {
    local: LocalHost,
    ledger: Arc<Ledger>,
    unknown: Box<Unknown>,
    /// Nobody else drives the session as long as this is there.
    _lease: HeldLease,
}

/// What becomes of a call of which nobody knows how it ended.
type Unknown = dyn Fn(&Call) -> Option<Outcome> + Send + Sync;

impl JournalHost {
    pub(crate) fn new(team: Team, ledger: Ledger, lease: Lease) -> Self {
        let ledger = Arc::new(ledger);
        let held = HeldLease::new(ledger.clone(), lease);
        Self {
            local: LocalHost::new(noted(team, &ledger)).early(Early::ReadOnly),
            ledger,
            unknown: Box::new(|call| Some(Outcome::unknown(&call.call.name))),
            _lease: held,
        }
    }

    /// How the calls of a turn are made; [`Mode::Concurrent`] by default.
    pub fn mode(self, mode: Mode) -> Self {
        Self { local: self.local.mode(mode), ..self }
    }

    /// Whether a reply that is cancelled while it streams is kept as far as it was shown, as in
    /// [`Run::keep_partial_reply`](agent_core::Run::keep_partial_reply); it is on the disk then, as any other. Of a reply
    /// whose run is dropped nothing is kept: what is not on the disk is not in the record either.
    pub fn keep_partial_reply(self, keep: bool) -> Self {
        Self { local: self.local.keep_partial_reply(keep), ..self }
    }

    /// Tells `listener` of every event, as it happens; [`run`](Self::run) also gives them one by one. What was done before this process is not told again.
    pub fn listen(self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self { local: self.local.listen(listener), ..self }
    }

    /// What `cancel` stops, from now on. A call that is cancelled has its result; to go on later, drop the run instead.
    pub fn cancelled_by(self, cancel: &Cancel) -> Self {
        Self { local: self.local.cancelled_by(cancel), ..self }
    }

    /// What becomes of a call that began, of which nobody knows how it ended, and whose tool is neither
    /// [idempotent](agent_core::ToolSpec::idempotent) nor read-only: this outcome, or with `None` it is made again, with the same key.
    /// [`Outcome::Wait`] leaves it to a person. By default the model reads "outcome unknown: …".
    pub fn on_unknown(self, outcome: impl Fn(&Call) -> Option<Outcome> + Send + Sync + 'static) -> Self {
        Self { unknown: Box::new(outcome), ..self }
    }

    /// Drives the conversation until it is the user's turn, as [`drive`](agent_core::host::drive) does, and says so. If the journal
    /// has come further with it, it goes on from there. What was decided meanwhile about the calls that wait for a person,
    /// it goes on with.
    ///
    /// `.await` it for its end, or read its events with [`HostRun::next`] first. While it still waits for a person, that is
    /// told once: see [`decided`](Self::decided) for how to wait for what people say.
    pub fn run<'a>(&'a self, conversation: &'a mut Conversation) -> HostRun<'a, JournalHostError> {
        HostRun::new(self.run_to_end(conversation), || self.local.events())
    }

    /// Waits until somebody, in any process, has decided about a call that waits in this conversation; see
    /// [`Journal::decided`]. So a driver need not ask again and again:
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

    async fn run_to_end(&self, conversation: &mut Conversation) -> Result<End, JournalHostError> {
        self.local.begin_run();
        self.ledger.settle_all().await?;
        if let Some(further) = self.ledger.further(conversation) {
            *conversation = further;
        }
        self.ledger.hear(conversation)?;
        loop {
            let end = self.drive(conversation).await?;
            if !matches!(end, End::Waiting(_)) || !self.ledger.hear(conversation)? {
                return Ok(end);
            }
        }
    }

    /// A plain function with a named type, since the loop runs inside itself here.
    fn drive<'a>(
        &'a self,
        conversation: &'a mut Conversation,
    ) -> BoxFuture<'a, Result<End, JournalHostError>> {
        let run = async move {
            let end = self.local.drive_by(conversation, self).await?;
            // It may have come back from an agent that was not done, and ended with that.
            self.catch_up(conversation).await?;
            Ok(end)
        };
        run.boxed()
    }

    /// Writes what the conversation was told while nobody wrote it down.
    async fn catch_up(&self, so_far: &Conversation) -> Result<(), JournalHostError> {
        self.ledger.write_decisions(so_far).await?;
        let news = self.ledger.news(so_far)?;
        if news.is_empty() {
            return Ok(());
        }
        self.append(so_far.id(), &news, so_far.id(), Kept::Nothing).await
    }

    async fn append(
        &self,
        id: &str,
        entries: &[Entry],
        key: &str,
        kept: Kept,
    ) -> Result<(), JournalHostError> {
        Ok(self.ledger.append(id, entries, key, kept).await?)
    }

    /// Records what a call led to; it counts from then on.
    async fn record(&self, call: &Call, outcome: Outcome, receipt: &Receipt) -> Result<(), JournalHostError> {
        let (id, key) = (&call.conversation, key(&call.conversation, &call.call.id));
        let outcome = self.ledger.admit(id, outcome, self.local.rules());
        let recorded = Change::Recorded { call: call.call.id.clone(), done: outcome.clone().into() };
        self.append(id, &[Entry::Change(recorded)], &key, Kept::Done(outcome.into())).await?;
        receipt.fill(self.ledger.take_done(&key).unwrap_or_else(gone));
        Ok(())
    }

    async fn converse_and_record(
        &self,
        mut child: DelegationGuard,
    ) -> (DelegationGuard, Result<Result<End, Failure>, JournalHostError>) {
        let key = child.id().to_owned();
        if let Err(error) = self.ledger.settle(&key).await {
            return (child, Err(error.into()));
        }
        if let Some(end) = self.ledger.take_end(&key) {
            return (child, Ok(end));
        }
        let drive = self.local.time_for(&child).hold(self.drive(&mut child));
        let end = match drive.await {
            Ok(end) => Ok(end),
            Err(JournalHostError::Run(error)) => match error.of_delegated() {
                Ok(end) => end,
                Err(error) => return (child, Err(error.into())),
            },
            Err(error) => return (child, Err(error)),
        };
        let Some(done) = child.done(&end) else { return (child, Ok(end)) };
        let (parent, call) = key.rsplit_once('/').expect("the id of a delegated conversation is a path");
        let recorded = Entry::Change(Change::Recorded { call: call.to_owned(), done });
        let written = self.append(parent, &[recorded], &key, Kept::End(end)).await;
        let end = written.map(|()| self.ledger.take_end(&key).unwrap_or_else(gone));
        (child, end)
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
        self.ledger.settle(id).await?;
        if let Some(reply) = self.ledger.take_reply(so_far) {
            return Ok(reply);
        }
        self.catch_up(so_far).await?;
        let reply = self.local.ask(so_far).await?;
        let told = reply.clone().map_or_else(Change::Failed, Change::Answered);
        if reply.is_err() && !self.ledger.follows(id, told.clone()) {
            // Written, it would be answered with again and again. What it cost counts, whoever asks again.
            let spent = reply.as_ref().err().map(|Failure { agent, error }| (agent.clone(), error.usage()));
            if let Some((agent, usage)) = spent.filter(|(_, usage)| *usage != Usage::default()) {
                let spent = Entry::Change(Change::Spent { agent, usage });
                self.append(id, &[spent], id, Kept::Nothing).await?;
            }
            return Ok(reply);
        }
        self.append(id, &[Entry::Change(told)], id, Kept::Reply(reply)).await?;
        Ok(self.ledger.take_reply(so_far).unwrap_or_else(gone))
    }

    async fn act(&self, turn: ToolTurn<'_>) -> Result<(), JournalHostError> {
        self.rules().check_agent(turn.conversation())?;
        self.ledger.write_decisions(turn.conversation()).await?;
        self.local.act_by(turn, self).await
    }
}

impl Perform for JournalHost {
    type Error = JournalHostError;

    async fn call(&self, call: Call, receipt: Receipt) -> Result<(), JournalHostError> {
        let (id, key) = (call.conversation.clone(), key(&call.conversation, &call.call.id));
        self.ledger.settle(&key).await?;
        if let Some(done) = self.ledger.take_done(&key) {
            receipt.fill(done);
            return Ok(());
        }
        if call.approved {
            if let Some(reason) = self.ledger.denied(&id, &call.call.id)? {
                receipt.fill(Outcome::error(format!("denied: {reason}")));
                return Ok(());
            }
        }
        if !self.ledger.is_open(&id, &call.call.id) {
            // The conversation is an older one, and this has been done since.
            return Err(JournalError::Diverged { id: id.to_string() }.into());
        }
        let spec = self.rules().spec(&call.agent, &call.call.name);
        if !spec.is_none_or(|spec| spec.may_be_repeated(call.approved)) && self.ledger.is_started(&key) {
            if let Some(outcome) = Outcome::of_unknown(&call, &*self.unknown) {
                return self.record(&call, outcome, &receipt).await;
            }
        }
        let made = Receipt::default();
        self.local.call(call.clone(), made.clone()).await?;
        self.record(&call, made.done_or_error().outcome, &receipt).await
    }

    fn converse(
        &self,
        child: DelegationGuard,
    ) -> impl Future<Output = (DelegationGuard, Result<Result<End, Failure>, JournalHostError>)> {
        self.converse_and_record(child)
    }

    fn tell(&self, call: impl FnOnce() -> Call, outcome: &Outcome) {
        self.local.tell(call, outcome);
    }
}

impl Journal {
    /// A host for this conversation, which goes on where the journal says: if it has the conversation, that becomes what it
    /// is there, and what it was told in memory since is written down; if not, it begins here, as a session of its id. That is
    /// one of its own ([`Conversation::with_id`]) and not odd: see [`check_session_id`](agent_core::conversation::check_session_id).
    pub async fn host(
        &self,
        team: Team,
        conversation: &mut Conversation,
    ) -> Result<JournalHost, JournalError> {
        let (ledger, lease) = self.take_up(conversation).await?;
        Ok(JournalHost::new(team, ledger, lease))
    }
}

fn gone<T>() -> T {
    unreachable!("only who waited for it takes what was kept for it")
}

impl fmt::Debug for JournalHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalHost").field("ledger", &self.ledger).finish_non_exhaustive()
    }
}
