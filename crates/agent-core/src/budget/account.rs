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

use super::{Balance, Budget, BudgetExceeded, BudgetScope, Shortfall, Spent};

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
    balance: Balance,
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
        let balance = Balance { spent, ..Balance::default() };
        let state = Mutex::new(State { balance, has_warned: false });
        Arc::new(Self { scope, budget, began: Instant::now(), state, freed: Notify::new() })
    }

    pub(crate) fn scope(&self) -> &BudgetScope {
        &self.scope
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// What was spent, and what is reserved.
    pub(crate) fn amounts(&self) -> (Spent, Spent) {
        let Balance { spent, reserved } = self.state().balance;
        (spent, reserved)
    }

    pub(crate) fn add_spent(&self, spent: Spent) {
        self.state().balance.spent += spent;
    }

    /// Fails if the budget does not allow this much more.
    fn check(&self, state: &State, need: &Spent, is_last: bool) -> Result<(), Shortfall> {
        match self.time_left() {
            Some((Duration::ZERO, exceeded)) => Err(Shortfall { exceeded, may_fit_later: false }),
            _ => self.budget.check(&self.scope, &state.balance, need, is_last),
        }
    }

    /// The time that is left, and the error for when it is over; `None` if it has no end.
    fn time_left(&self) -> Option<(Duration, BudgetExceeded)> {
        let left = self.budget.time?.saturating_sub(self.began.elapsed());
        Some((left, self.budget.time_is_over(&self.scope)?))
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

    /// Whether the account with this scope is the conversation's own, and keeps a part for a last
    /// answer.
    pub(crate) fn keeps_for_answer(&self, scope: &BudgetScope) -> bool {
        let own = &self.accounts[..self.own];
        own.iter().any(|account| account.scope == *scope && account.budget.kept_for_answer > 0)
    }

    /// The budgets of which so much is spent that the model must know, and whether this is the first
    /// time.
    pub(crate) fn warnings(&self) -> Vec<(String, bool)> {
        let warning = |account: &Arc<Account>| {
            let mut state = account.state();
            let message = account.budget.warning(&account.scope, &state.balance.spent)?;
            Some((message, !std::mem::replace(&mut state.has_warned, true)))
        };
        self.accounts.iter().filter_map(warning).collect()
    }

    /// The time until the first of the budgets is over, and which one that is; `None` if none has a
    /// time.
    pub(crate) fn time_left(&self) -> Option<(Duration, BudgetExceeded)> {
        self.accounts.iter().filter_map(|account| account.time_left()).min_by_key(|(left, _)| *left)
    }

    /// Reserves an amount in all accounts. If it does not fit now, this waits for requests that are
    /// under way, and `on_wait` is called first. `is_last` says that it is for the last answer.
    pub(crate) async fn reserve(
        &self,
        need: Spent,
        is_last: bool,
        on_wait: &mut (dyn FnMut(&BudgetExceeded) + Send),
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
        self.with_all(&need, is_last, |state| state.balance.reserved += need)
    }

    /// Counts a tool call. It is never waited for, because calls that were made give nothing back.
    pub(crate) fn use_call(&self) -> Result<(), BudgetExceeded> {
        let used = self.with_all(&Spent::ONE_CALL, true, |state| state.balance.spent += Spent::ONE_CALL);
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
            match account.check(&state, need, is_last && place < self.own) {
                Err(Shortfall { exceeded, may_fit_later: true }) => {
                    // Made while the account is locked, so that no end of a reservation is missed.
                    for_now.get_or_insert_with(|| (exceeded, account.freed.notified()));
                }
                Err(Shortfall { exceeded, .. }) => return Err(Short::Forever(exceeded)),
                Ok(()) => {}
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
            state.balance.settle(&reserved, used);
            drop(state);
            account.freed.notify_waiters();
        }
    }
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
