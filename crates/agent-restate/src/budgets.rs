//! The budgets of one conversation: who pays for its requests and calls. The accounts are in
//! [objects](crate::accounts) of the engine, so that conversations on many machines share them.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use agent_core::{
    Conversation, Usage,
    budget::{BudgetExceeded, Spent},
    conversation::Change,
    host::Measured,
    model::UsageByAgent,
};
use restate_sdk::{context::ObjectContext, errors::TerminalError};

use crate::{
    accounts::{PaidUntil, Spending},
    desk::Terms,
    ledger::{Account, Calls, Need, Paid},
    process::{GRACE, Process},
    purse::Purse,
};

/// The budgets that pay for one conversation, while it is driven.
#[derive(Debug)]
pub(crate) struct Budgets {
    conversation: String,
    is_delegated: bool,
    /// From the narrowest to the widest.
    pub(crate) purses: Vec<Purse>,
    /// How many budgets of the first are the conversation's own.
    own: usize,
    /// How long a request may take.
    step_timeout: Duration,
    requests: AtomicU64,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// What was spent and is in no reply, with the agents that were asked.
    unrecorded: Vec<(String, Usage)>,
    /// What the last request of each agent has shown.
    measured: HashMap<String, Measured>,
}

/// How a request is paid for.
pub(crate) struct Reserved {
    pub(crate) paid: Paid,
    /// The time until the first budget is over, and which one that is.
    pub(crate) time_left: Option<(Duration, BudgetExceeded)>,
}

impl Budgets {
    pub(crate) fn new(
        process: &Process,
        conversation: &Conversation,
        purses: Vec<Purse>,
        own: usize,
    ) -> Self {
        Self {
            conversation: conversation.id().to_owned(),
            is_delegated: conversation.depth() > 0,
            purses,
            own,
            step_timeout: process.step_timeout,
            requests: AtomicU64::new(0),
            open: Mutex::default(),
        }
    }

    /// Whether nothing is bounded.
    pub(crate) fn is_empty(&self) -> bool {
        self.purses.iter().all(|purse| purse.accounts.is_empty())
    }

    /// How requests are paid for. Asks for warnings, if some budget may have one.
    pub(crate) async fn terms(&self, ctx: &ObjectContext<'_>) -> Result<Terms, TerminalError> {
        let mut warnings = Vec::new();
        for purse in &self.purses {
            if purse.accounts.iter().any(|account| account.budget.warn_at > 0) {
                let more: Vec<(String, bool)> = purse.call(ctx, "warnings", purse.accounts.clone()).await?;
                warnings.extend(more);
            }
        }
        let own = self.accounts().take(self.own);
        let keep =
            own.filter(|account| account.budget.kept_for_answer > 0).map(|account| account.scope.clone());
        Ok(Terms {
            has_money_limit: self.accounts().any(|account| account.budget.usd.is_some()),
            keep_for_answer: keep.collect(),
            warnings,
        })
    }

    /// A run of the conversation begins.
    pub(crate) async fn begin(&self, ctx: &ObjectContext<'_>) -> Result<(), TerminalError> {
        for purse in self.purses.iter().filter(|_| !self.is_delegated) {
            match purse.is_shared {
                true => purse.send(ctx, "stop", self.conversation.clone()),
                false => purse.call(ctx, "open", purse.accounts.clone()).await?,
            }
        }
        Ok(())
    }

    /// The run of the conversation is over.
    pub(crate) fn end(&self, ctx: &ObjectContext<'_>) {
        for purse in self.purses.iter().filter(|purse| !purse.is_shared) {
            match self.is_delegated {
                true => {
                    purse.accounts.iter().take(self.own).for_each(|own| purse.send(ctx, "close", own.clone()))
                }
                false => purse.forget(ctx),
            }
        }
    }

    /// The conversation has waited for a person, which takes no time of its budgets.
    pub(crate) async fn restart_time(&self, ctx: &ObjectContext<'_>) -> Result<(), TerminalError> {
        for purse in self.purses.iter().filter(|purse| !purse.is_shared) {
            if purse.has_time() {
                let () = purse.call(ctx, "restart_time", purse.accounts.clone()).await?;
            }
        }
        Ok(())
    }

    /// A name for the next reservation. No other invocation has it.
    pub(crate) fn next_name(&self, ctx: &ObjectContext<'_>) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        format!("{} {} {number}", self.conversation, ctx.invocation_id())
    }

    /// Reserves an amount in all accounts, or in none.
    pub(crate) async fn reserve(
        &self,
        ctx: &ObjectContext<'_>,
        name: &str,
        (worst, is_last): (&Usage, bool),
        awakeable: &str,
    ) -> Result<Reserved, TerminalError> {
        let mut reserved = Reserved { paid: Paid::Yes, time_left: None };
        let mut own = if is_last { self.own } else { 0 };
        for (place, purse) in self.purses.iter().enumerate() {
            let last_of = std::mem::take(&mut own);
            if purse.accounts.is_empty() {
                continue;
            }
            let need = self.need(name, worst, last_of, awakeable, purse);
            let answer: Result<PaidUntil, _> = purse.call(ctx, "reserve", purse.of(need)).await;
            // After an error it is not known whether this one has reserved it.
            let PaidUntil { paid, time_left } =
                answer.inspect_err(|_| self.settle_in(&self.purses[..=place], ctx, name, None))?;
            let all = reserved.time_left.into_iter().chain(time_left);
            reserved.time_left = all.min_by_key(|(left, _)| *left);
            reserved.paid = paid;
            if reserved.paid != Paid::Yes {
                self.settle_in(&self.purses[..place], ctx, name, None);
                break;
            }
        }
        Ok(reserved)
    }

    fn need(&self, name: &str, worst: &Usage, last_of: usize, awakeable: &str, purse: &Purse) -> Need {
        let at_most = u64::try_from((self.step_timeout + GRACE).as_millis()).unwrap_or(u64::MAX);
        Need {
            name: name.to_owned(),
            conversation: self.conversation.clone(),
            amount: worst.of_one_request(),
            last_of,
            awakeable: awakeable.to_owned(),
            at_most: purse.is_shared.then_some(at_most),
        }
    }

    /// Ends a reservation. `used` is nothing if the request was not made.
    pub(crate) fn settle(&self, ctx: &ObjectContext<'_>, name: &str, used: Option<&Usage>) {
        self.settle_in(&self.purses, ctx, name, used);
    }

    fn settle_in(&self, purses: &[Purse], ctx: &ObjectContext<'_>, name: &str, used: Option<&Usage>) {
        let paying = purses.iter().filter(|purse| !purse.accounts.is_empty());
        paying.for_each(|purse| purse.settle(ctx, name, used));
    }

    /// Keeps what requests to this agent have used, for [`record`](Self::record).
    pub(crate) fn spend(&self, agent: &str, used: impl Iterator<Item = Usage>) {
        let used = used.map(|usage| (agent.to_owned(), usage.of_broken_off()));
        self.open().unrecorded.extend(used);
    }

    /// Counts what the requests of a call to models have used. They were made in the call's own
    /// invocation, where nothing can be reserved for them.
    pub(crate) fn spend_of_call(&self, ctx: &ObjectContext<'_>, usage: &UsageByAgent) {
        if *usage == UsageByAgent::default() {
            return;
        }
        for purse in self.purses.iter().filter(|purse| !purse.accounts.is_empty()) {
            let spending = Spending { conversation: self.conversation.clone(), used: Spent::from(usage) };
            purse.send(ctx, "spend", purse.of(spending));
        }
    }

    /// Counts as spent all that a conversation has reserved which was stopped from outside.
    pub(crate) fn stop(&self, ctx: &ObjectContext<'_>, conversation: &str) {
        for purse in &self.purses {
            purse.send(ctx, "stop", conversation.to_owned());
        }
    }

    /// Counts calls. Returns how many may be made, and which budget does not allow the rest.
    pub(crate) async fn use_calls(
        &self,
        ctx: &ObjectContext<'_>,
        count: u32,
    ) -> Result<(u32, Option<BudgetExceeded>), TerminalError> {
        let (mut made, mut exceeded, mut own) = (count, None, self.own);
        for purse in &self.purses {
            let own = std::mem::take(&mut own);
            if made == 0 || !purse.bounds_calls() {
                continue;
            }
            let calls = Calls { conversation: self.conversation.clone(), count: made, own };
            let counted: (u32, Option<BudgetExceeded>) =
                purse.call(ctx, "use_calls", purse.of(calls)).await?;
            // What a wider one refuses stays counted in the narrower ones: rather one call too few.
            (made, exceeded) = (counted.0, counted.1.or(exceeded));
        }
        Ok((made, exceeded))
    }

    /// What the last request of this agent has shown.
    pub(crate) fn measured(&self, agent: &str) -> Option<Measured> {
        self.open().measured.get(agent).copied()
    }

    /// See [`measured`](Self::measured).
    pub(crate) fn measure(&self, agent: &str, measured: Option<Measured>) {
        self.open().measured.extend(measured.map(|measured| (agent.to_owned(), measured)));
    }

    /// Adds what was spent and is in no reply.
    pub(crate) fn record(&self, conversation: &mut Conversation) {
        for (agent, usage) in std::mem::take(&mut self.open().unrecorded) {
            let applied = conversation.apply(&self.conversation, Change::Spent { agent, usage });
            debug_assert_eq!(applied, Ok(()), "usage can always be added");
        }
    }

    fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.purses.iter().flat_map(|purse| &purse.accounts)
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
