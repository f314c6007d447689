//! The accounts of budgets, and how amounts are reserved in all of them together.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, futures::Notified},
    time::Instant,
};

use super::{Budget, BudgetExceeded, BudgetLimit, BudgetScope, Spent};

/// A budget, and what was spent and reserved of it.
pub(crate) struct Account {
    scope: BudgetScope,
    budget: Budget,
    began: Instant,
    state: Mutex<State>,
    /// Told when a reservation has ended.
    freed: Notify,
}

#[derive(Default)]
struct State {
    spent: Spent,
    reserved: Spent,
    has_warned: bool,
}

/// The accounts that must pay for a request, the narrowest first. They are locked in this order. It
/// is the same for all requests, because the accounts form a tree.
#[derive(Clone, Default)]
pub(crate) struct Chain {
    accounts: Vec<Arc<Account>>,
    /// How many of them, from the first on, belong to the conversation itself. These may pay for
    /// its last answer.
    pub(crate) own: usize,
}

/// Why an amount was not reserved.
enum Short<'a> {
    /// It may fit when other requests have ended. The future says when one has.
    Now(BudgetExceeded, Notified<'a>),
    /// It will never fit.
    Forever(BudgetExceeded),
}

impl Account {
    pub(crate) fn new(scope: BudgetScope, budget: Budget, spent: Spent) -> Arc<Self> {
        let state = Mutex::new(State { spent, ..State::default() });
        Arc::new(Self { scope, budget, began: Instant::now(), state, freed: Notify::new() })
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    pub(crate) fn scope(&self) -> &BudgetScope {
        &self.scope
    }

    /// What was spent, and what is reserved.
    pub(crate) fn amounts(&self) -> (Spent, Spent) {
        let state = self.state();
        (state.spent, state.reserved)
    }

    pub(crate) fn add_spent(&self, spent: Spent) {
        self.state().spent += spent;
    }

    /// The first limit that does not allow this much more, and whether it may later, when nothing
    /// is reserved any more.
    fn exceeded(&self, state: &State, need: &Spent, is_last: bool) -> Option<(BudgetExceeded, bool)> {
        if let Some(most) = self.budget.time.filter(|most| self.began.elapsed() >= *most) {
            return Some((self.exceeded_time(most), false));
        }
        self.budget.amounts().into_iter().find_map(|(of, limit)| {
            let (limit, need) = (limit?, need.of(of));
            let most = if is_last { limit } else { self.budget.without_last_answer(limit) };
            let (spent, reserved) = (state.spent.of(of), state.reserved.of(of));
            let all = spent.saturating_add(reserved);
            let fits = |taken: u64| need == 0 || taken.saturating_add(need) <= most;
            let scope = || self.scope.clone();
            let exceeded = || BudgetExceeded { scope: scope(), of, limit: most, spent: all, needed: need };
            (!fits(all)).then(|| (exceeded(), fits(spent)))
        })
    }

    /// The time is over, or will be.
    fn exceeded_time(&self, most: Duration) -> BudgetExceeded {
        let (scope, most) = (self.scope.clone(), millis(most));
        BudgetExceeded { scope, of: BudgetLimit::Time, limit: most, spent: most, needed: 0 }
    }

    /// The limit of which more than [`Budget::warn_at`] is spent.
    fn nearly_used_up(&self, state: &State) -> Option<BudgetLimit> {
        let percent = u128::from(self.budget.warn_at);
        let is_near = |(of, limit): &(BudgetLimit, Option<u64>)| {
            limit.is_some_and(|limit| u128::from(state.spent.of(*of)) * 100 >= u128::from(limit) * percent)
        };
        let mut amounts = self.budget.amounts().into_iter();
        amounts.find(is_near).map(|(of, _)| of).filter(|_| percent > 0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chain {
    pub(crate) fn new(own: Vec<Arc<Account>>, others: impl IntoIterator<Item = Arc<Account>>) -> Self {
        let count = own.len();
        Self { accounts: own.into_iter().chain(others).collect(), own: count }
    }

    pub(crate) fn accounts(&self) -> &[Arc<Account>] {
        &self.accounts
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    pub(crate) fn has_money_limit(&self) -> bool {
        self.accounts.iter().any(|account| account.budget.usd.is_some())
    }

    /// The time until the first of the budgets is over, and which one that is; `None` if none has a
    /// time.
    pub(crate) fn time_left(&self) -> Option<(Duration, BudgetExceeded)> {
        let left = |account: &Arc<Account>| {
            let time = account.budget.time?;
            Some((time.saturating_sub(account.began.elapsed()), account.exceeded_time(time)))
        };
        self.accounts.iter().filter_map(left).min_by_key(|(left, _)| *left)
    }

    /// Reserves an amount in all accounts. If it does not fit now, this waits for requests that are
    /// under way, and `on_wait` is called first. `is_last` says that it is for the last answer.
    pub(crate) async fn reserve(
        &self,
        need: Spent,
        is_last: bool,
        mut on_wait: impl FnMut(&BudgetExceeded),
    ) -> Result<(), BudgetExceeded> {
        loop {
            match self.try_reserve(need, is_last) {
                Ok(()) => return Ok(()),
                Err(Short::Forever(exceeded)) => return Err(exceeded),
                Err(Short::Now(exceeded, freed)) => {
                    on_wait(&exceeded);
                    freed.await;
                }
            }
        }
    }

    fn try_reserve(&self, need: Spent, is_last: bool) -> Result<(), Short<'_>> {
        self.with_all(&need, is_last, |state| state.reserved += need)
    }

    /// Counts a tool call. It is never waited for, because calls that were made give nothing back.
    pub(crate) fn use_call(&self) -> Result<(), BudgetExceeded> {
        let used = self.with_all(&Spent::ONE_CALL, true, |state| state.spent += Spent::ONE_CALL);
        used.map_err(|short| match short {
            Short::Now(exceeded, _) | Short::Forever(exceeded) => exceeded,
        })
    }

    /// Changes all accounts, if all of them can pay for it.
    fn with_all(&self, need: &Spent, is_last: bool, change: impl Fn(&mut State)) -> Result<(), Short<'_>> {
        let mut states: Vec<MutexGuard<'_, State>> = Vec::with_capacity(self.accounts.len());
        let mut for_now = None;
        for (place, account) in self.accounts.iter().enumerate() {
            let state = account.state();
            match account.exceeded(&state, need, is_last && place < self.own) {
                Some((exceeded, true)) => {
                    // Made while the account is locked, so that no end of a reservation is missed.
                    for_now.get_or_insert_with(|| (exceeded, account.freed.notified()));
                }
                Some((exceeded, false)) => return Err(Short::Forever(exceeded)),
                None => {}
            }
            states.push(state);
        }
        if let Some((exceeded, freed)) = for_now {
            return Err(Short::Now(exceeded, freed));
        }
        states.iter_mut().for_each(|state| change(state));
        Ok(())
    }

    /// Ends a reservation: `used` was spent of it.
    pub(crate) fn settle(&self, reserved: Spent, used: Spent) {
        for account in &self.accounts {
            let mut state = account.state();
            state.reserved = state.reserved.since(&reserved);
            state.spent += used;
            drop(state);
            account.freed.notify_waiters();
        }
    }

    /// The budgets of which so much is spent that the model must know, and whether this is the first
    /// time.
    pub(crate) fn warnings(&self) -> Vec<(String, bool)> {
        let warning = |account: &Arc<Account>| {
            let mut state = account.state();
            let of = account.nearly_used_up(&state)?;
            let is_new = !std::mem::replace(&mut state.has_warned, true);
            let limit = account.budget.amounts().into_iter().find(|(other, _)| *other == of)?.1?;
            let (spent, limit) = (of.number(state.spent.of(of)), of.amount(limit));
            Some((format!("{}: {spent} of {limit} are spent", account.scope), is_new))
        };
        self.accounts.iter().filter_map(warning).collect()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Shows the budget and the amounts.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (spent, reserved) = self.amounts();
        f.debug_struct("Account")
            .field("scope", &self.scope)
            .field("budget", &self.budget)
            .field("spent", &spent)
            .field("reserved", &reserved)
            .finish()
    }
}
