//! Budgets that several runs share.

use std::{fmt, sync::Arc};

use super::{Account, Budget, BudgetScope, Spent};

/// A budget that all runs share which have it in their [`Limits`](crate::Limits::shared_budget): of
/// a process, a tenant, a day. Clones share what was spent.
///
/// ```
/// use agent_core::{Limits, budget::{Budget, SharedBudget, Usd}};
///
/// let process = SharedBudget::new("process", Budget::new().usd(Usd::dollars(50.0)));
/// let tenant = SharedBudget::new("tenant 7", Budget::new().usd(Usd::dollars(5.0))).within(&process);
/// let limits = Limits::new().shared_budget(tenant); // Both hold.
/// ```
#[derive(Clone)]
pub struct SharedBudget {
    account: Arc<Account>,
    /// The accounts above it.
    above: Vec<Arc<Account>>,
}

impl SharedBudget {
    /// Makes a budget with a name, which stands in errors. Its time begins now.
    pub fn new(name: impl Into<String>, budget: Budget) -> Self {
        let account = Account::new(BudgetScope::Shared(name.into()), budget, Spent::default());
        Self { account, above: Vec::new() }
    }

    /// Returns the budget as a part of a larger one. What is spent of it is also spent of the larger
    /// one.
    pub fn within(mut self, larger: &Self) -> Self {
        // Each account pays once.
        let others = larger.accounts().filter(|account| !Arc::ptr_eq(account, &self.account));
        self.above = others.cloned().collect();
        self
    }

    /// Adds what was spent before, for example by an earlier process:
    /// `Spent::from(&conversation.usage_by_agent())`. The budgets that it is within do not change.
    pub fn already_spent(self, spent: Spent) -> Self {
        self.account.add_spent(spent);
        self
    }

    /// What was spent so far.
    pub fn spent(&self) -> Spent {
        self.account.amounts().0
    }

    /// What requests that are under way have reserved.
    pub fn reserved(&self) -> Spent {
        self.account.amounts().1
    }

    /// The budget and those that it is within, the narrowest first: the scope of each, and how much
    /// may be spent. It is for hosts that keep the accounts themselves.
    pub fn parts(&self) -> impl Iterator<Item = (&BudgetScope, &Budget)> {
        self.accounts().map(|account| (account.scope(), account.budget()))
    }

    /// The accounts that pay, the narrowest first.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = &Arc<Account>> {
        std::iter::once(&self.account).chain(&self.above)
    }
}

/// Compares by identity: two are equal if they are clones of one value.
impl PartialEq for SharedBudget {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.account, &other.account)
    }
}

impl Eq for SharedBudget {}

impl fmt::Debug for SharedBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedBudget").field(&self.account).finish()
    }
}
