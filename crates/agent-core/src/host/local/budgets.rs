//! The budgets of the conversations of a run.

mod early;
mod unrecorded;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use futures::{FutureExt, future::BoxFuture};

use super::{
    LocalHost,
    ask_meter::{AskMeter, RecordReservation},
    call_meter::CallMeter,
    worst_case::Measured,
};
use crate::{
    Account, Budget, BudgetExceeded, BudgetScope, Call, Chain, Change, Conversation, Limits, LlmError,
    Receipt, Response, Rules, Spent, Team, Usage,
    event::emitter::{Emitter, Origin},
    model::request::meter::MeterOf,
    tool::pays::Pays,
};

/// The budgets of all conversations that are being driven and have some.
pub(super) struct Budgets {
    open: Arc<Mutex<Open>>,
    record: Option<Arc<RecordReservation>>,
    /// If the host around this one keeps the budgets: which of them was used up, by the id of the
    /// conversation.
    elsewhere: Option<Mutex<HashMap<String, BudgetExceeded>>>,
    /// Whether a tool of the team has a budget with money.
    has_tools_with_money: bool,
    /// The agents whose backends know no prices. It is found out when a budget has money.
    unpriced: OnceLock<Vec<String>>,
}

type Open = HashMap<Arc<str>, Books>;

/// The budgets of one conversation.
struct Books {
    chain: Arc<Chain>,
    /// Whether a [`PaidConversation`] closes it.
    is_guarded: bool,
    /// The request whose reply is not recorded yet.
    asking: Option<AskMeter>,
    /// The requests of its calls to models.
    calls: Vec<(Receipt, MeterOf)>,
    /// What its early calls have used whose results nobody takes.
    unused: Vec<(String, Usage)>,
    /// The tokens of the last request by its agent, and how many were estimated for it.
    measured: HashMap<String, Measured>,
}

/// A conversation that is being driven. When it is dropped, requests that are not recorded count as
/// spent.
pub(super) struct PaidConversation<'a> {
    pub(super) conversation: &'a mut Conversation,
    open: Option<Arc<Mutex<Open>>>,
}

impl Budgets {
    pub(super) fn new(team: &Team) -> Self {
        Self {
            open: Arc::default(),
            record: None,
            elsewhere: None,
            has_tools_with_money: team.has_tools_with_money(),
            unpriced: OnceLock::new(),
        }
    }

    pub(super) fn record<F>(&mut self, record: F)
    where
        F: Fn(Arc<str>, Change) -> BoxFuture<'static, Result<(), LlmError>> + Send + Sync + 'static,
    {
        self.record = Some(Arc::new(record));
    }

    pub(super) fn leave(&mut self) {
        self.elsewhere = Some(Mutex::default());
    }

    /// Keeps which budget was used up, for the end of the run.
    pub(super) fn ran_out(&self, conversation: &str, exceeded: Option<BudgetExceeded>) {
        let Some(elsewhere) = &self.elsewhere else { return };
        let mut all = elsewhere.lock().unwrap_or_else(PoisonError::into_inner);
        match exceeded {
            Some(exceeded) => drop(all.insert(conversation.to_owned(), exceeded)),
            None => drop(all.remove(conversation)),
        }
    }

    /// Opens the accounts of a conversation while it is driven, with what it has spent so far.
    pub(super) fn enter<'a>(
        &self,
        conversation: &'a mut Conversation,
        limits: &Limits,
    ) -> PaidConversation<'a> {
        let is_open = self.open(conversation, limits, true);
        PaidConversation { conversation, open: is_open.then(|| self.open.clone()) }
    }

    /// Opens the accounts of a conversation that is driven by [`drive`](crate::drive) alone. They are
    /// opened anew each time, because nobody says when a run of it begins.
    pub(super) fn enter_unguarded(&self, conversation: &Conversation, limits: &Limits) {
        let is_guarded = lock(&self.open).get(conversation.id()).is_some_and(|books| books.is_guarded);
        if !is_guarded {
            self.open(conversation, limits, false);
        }
    }

    /// Returns whether any budget applies.
    fn open(&self, conversation: &Conversation, limits: &Limits, is_guarded: bool) -> bool {
        if self.elsewhere.is_some() || !self.may_apply(conversation, limits) {
            return false;
        }
        let own = accounts_of(conversation, limits);
        let above = match self.chain_above(conversation) {
            Some(chain) => chain.accounts().to_vec(),
            None => limits.shared_budget.iter().flat_map(|shared| shared.accounts().cloned()).collect(),
        };
        let chain = Arc::new(Chain::new(own, above));
        if chain.is_empty() {
            return false;
        }
        let mut open = lock(&self.open);
        // Calls of a plan may have begun before its conversation.
        let before = open.remove(conversation.id()).map(|before| (before.calls, before.unused));
        let (calls, unused) = before.unwrap_or_default();
        let books = Books { chain, is_guarded, asking: None, calls, unused, measured: HashMap::new() };
        open.insert(conversation.shared_id().clone(), books);
        true
    }

    /// Whether there may be budgets for a conversation. Usually there are none, and that must cost
    /// nothing.
    fn may_apply(&self, conversation: &Conversation, limits: &Limits) -> bool {
        let Limits { budget, conversation_budget, shared_budget, .. } = limits;
        let of_run = budget.is_some() || conversation_budget.is_some() || shared_budget.is_some();
        let of_call = || conversation.delegation_limits().budget.is_some();
        of_run || of_call() || !lock(&self.open).is_empty()
    }

    /// The accounts of the conversation that delegated this one.
    fn chain_above(&self, conversation: &Conversation) -> Option<Arc<Chain>> {
        let (parent, _) = conversation.id().rsplit_once('/').filter(|_| conversation.depth() > 0)?;
        lock(&self.open).get(parent).map(|books| books.chain.clone())
    }

    /// Counts a tool call of a conversation. The error says which budget does not allow it.
    pub(super) fn use_call(&self, conversation: &str) -> Result<(), BudgetExceeded> {
        let chain = lock(&self.open).get(conversation).map(|books| books.chain.clone());
        chain.map_or(Ok(()), |chain| chain.use_call())
    }

    /// Why the last request of a conversation was not paid for, if it was not.
    pub(super) fn exceeded(&self, conversation: &str) -> Option<BudgetExceeded> {
        if let Some(elsewhere) = &self.elsewhere {
            return elsewhere.lock().unwrap_or_else(PoisonError::into_inner).remove(conversation);
        }
        lock(&self.open).get(conversation)?.asking.as_ref()?.exceeded()
    }

    /// The reply to a request has come, and is about to be recorded with its usage.
    fn settle(&self, so_far: &Conversation, reply: Result<Response, LlmError>) -> Result<Response, LlmError> {
        let mut open = lock(&self.open);
        let Some(books) = open.get_mut(so_far.id()) else { return reply };
        let Some(meter) = &books.asking else { return reply };
        let measured = meter.measured().map(|measured| (so_far.speaker().to_owned(), measured));
        books.measured.extend(measured);
        meter.settled(reply)
    }

    /// The agents whose backends know no prices, if prices are needed.
    pub(super) fn unpriced(&self, team: &Team, has_money_limit: bool) -> Vec<String> {
        let needs_prices = has_money_limit || self.has_tools_with_money;
        let unpriced = needs_prices.then(|| self.unpriced.get_or_init(|| team.unpriced_agents()).clone());
        unpriced.unwrap_or_default()
    }
}

impl Pays for Budgets {
    fn meter(&self, call: &Arc<Call>, emitter: &Arc<Emitter>, receipt: &Receipt) -> MeterOf {
        let mut open = lock(&self.open);
        let books = open.get_mut(&*call.conversation);
        let chain = books.as_ref().map(|books| books.chain.clone());
        let (record, number) = (self.record.clone(), receipt.next_request());
        let meter = CallMeter::new(chain, record, emitter.clone(), call.clone(), number);
        let meter = MeterOf(Some(Arc::new(meter)));
        if let Some(books) = books {
            books.calls.retain(|(receipt, _)| receipt.is_open());
            books.calls.push((receipt.clone(), meter.clone()));
        }
        drop(open);
        receipt.add_meter(meter.clone());
        meter
    }
}

impl LocalHost {
    /// Calls `record` before each request that a [budget](crate::budget) pays for, and sends the
    /// request when that has succeeded. It is for hosts around this one whose runs survive their
    /// process: they save the change, so that the request counts as spent if the process ends
    /// before its reply is saved. `record` gets the id of the conversation and
    /// [`Change::Reserved`](crate::conversation::Change::Reserved).
    pub fn on_reserve<F>(mut self, record: impl Fn(Arc<str>, Change) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), LlmError>> + Send + 'static,
    {
        self.own_budgets().record(move |id, change| record(id, change).boxed());
        self
    }

    /// The reply has come, and gets what its requests have used if it does not say it. They were
    /// paid for by `meter`, if it is given.
    pub(super) fn settle(
        &self,
        so_far: &Conversation,
        meter: Option<&AskMeter>,
        reply: Result<Response, LlmError>,
    ) -> Result<Response, LlmError> {
        match meter {
            Some(meter) => meter.settled(reply),
            None => self.caller.budgets.settle(so_far, reply),
        }
    }

    /// The meter of a request of this conversation, if a budget applies.
    pub(super) fn meter(&self, so_far: &Conversation) -> MeterOf {
        self.caller.budgets.enter_unguarded(so_far, self.caller.team.limits());
        let mut open = lock(&self.caller.budgets.open);
        let Some(books) = open.get_mut(so_far.id()) else { return MeterOf::default() };
        let unpriced = self.caller.budgets.unpriced(&self.caller.team, books.chain.has_money_limit());
        let meter = AskMeter::new(
            books.chain.clone(),
            self.caller.emitter.clone(),
            Origin::in_conversation(so_far, so_far.speaker()),
            self.caller.budgets.record.clone(),
            books.measured.get(so_far.speaker()).copied(),
            unpriced,
        );
        books.asking = Some(meter.clone());
        meter.for_request()
    }
}

/// The budgets of the conversation itself.
fn accounts_of(conversation: &Conversation, limits: &Limits) -> Vec<Arc<Account>> {
    let account = |scope, budget: Option<&_>, spent: fn(&Conversation) -> Spent| {
        let budget: &Budget = budget?;
        budget.has_limits().then(|| Account::new(scope, budget.clone(), spent(conversation)))
    };
    if conversation.depth() > 0 {
        let scope = BudgetScope::Delegation(conversation.id().to_owned());
        let budget = conversation.delegation_limits().budget.as_deref();
        return account(scope, budget, Conversation::spent).into_iter().collect();
    }
    let run = account(BudgetScope::Run, limits.budget.as_deref(), Conversation::spent_since_user);
    let conversation_budget = limits.conversation_budget.as_deref();
    let all = account(BudgetScope::Conversation, conversation_budget, Conversation::spent);
    run.into_iter().chain(all).collect()
}

impl Drop for PaidConversation<'_> {
    fn drop(&mut self) {
        let Some(open) = &self.open else { return };
        let Some(books) = lock(open).remove(self.conversation.id()) else { return };
        let id = self.conversation.shared_id().clone();
        for (agent, usage) in books.unrecorded() {
            let applied = self.conversation.apply(&id, Change::Spent { agent, usage });
            debug_assert_eq!(applied, Ok(()), "usage can always be added");
        }
    }
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Budgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budgets").field("open", &lock(&self.open).len()).finish_non_exhaustive()
    }
}
