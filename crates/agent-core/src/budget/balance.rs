//! What was spent and reserved of a budget, and whether more fits.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Budget, BudgetExceeded, BudgetLimit, BudgetScope, Spent};

/// What was spent and reserved of a budget, as data. Hosts that keep the accounts of their runs
/// outside of this process use it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// What was spent.
    pub spent: Spent,
    /// What requests that are under way have reserved.
    pub reserved: Spent,
}

/// Why an amount does not fit.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// Which limit does not allow it.
    pub exceeded: BudgetExceeded,
    /// Whether it fits when nothing is reserved any more.
    pub may_fit_later: bool,
}

impl Balance {
    /// Ends a reservation of which `used` was spent.
    pub fn settle(&mut self, reserved: &Spent, used: Spent) {
        self.reserved = self.reserved.since(reserved);
        self.spent += used;
    }
}

impl Budget {
    /// Fails with the first limit that does not allow `need` more. `is_last` says that it is for the
    /// last answer, which may use what is [kept](Budget::kept_for_answer) for it. Time is not
    /// looked at.
    pub fn check(
        &self,
        scope: &BudgetScope,
        balance: &Balance,
        need: &Spent,
        is_last: bool,
    ) -> Result<(), Shortfall> {
        let short = self.amounts().into_iter().find_map(|(of, limit)| {
            let (limit, needed) = (limit?, need.of(of));
            let limit = if is_last { limit } else { self.without_last_answer(limit) };
            let (spent, reserved) = (balance.spent.of(of), balance.reserved.of(of));
            let all = spent.saturating_add(reserved);
            let fits = |taken: u64| needed == 0 || taken.saturating_add(needed) <= limit;
            let exceeded = || BudgetExceeded { scope: scope.clone(), of, limit, spent: all, needed };
            (!fits(all)).then(|| Shortfall { exceeded: exceeded(), may_fit_later: fits(spent) })
        });
        short.map_or(Ok(()), Err)
    }

    /// The error for when the [time](Budget::time) is over; `None` if it has no end.
    pub fn time_is_over(&self, scope: &BudgetScope) -> Option<BudgetExceeded> {
        let (scope, limit) = (scope.clone(), millis(self.time?));
        Some(BudgetExceeded { scope, of: BudgetLimit::Time, limit, spent: limit, needed: 0 })
    }

    /// What the model must know if more than [`warn_at`](Budget::warn_at) is spent; `None` if less
    /// is.
    pub fn warning(&self, scope: &BudgetScope, spent: &Spent) -> Option<String> {
        let percent = u128::from(self.warn_at);
        let is_near = |(of, limit): &(BudgetLimit, u64)| {
            u128::from(spent.of(*of)) * 100 >= u128::from(*limit) * percent
        };
        let limits = self.amounts().into_iter().filter_map(|(of, limit)| Some((of, limit?)));
        let (of, limit) = limits.filter(|_| percent > 0).find(is_near)?;
        let (spent, limit) = (of.number(spent.of(of)), of.amount(limit));
        Some(format!("{scope}: {spent} of {limit} are spent"))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
