//! The accounts of budgets that several conversations share: what each has spent, and what their
//! requests have reserved. It uses no engine and no clock.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use agent_core::budget::{Balance, Budget, BudgetExceeded, BudgetScope, Shortfall, Spent};
use serde::{Deserialize, Serialize};

/// A budget that must pay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Payee {
    /// The conversation whose spending counts, with all that were delegated from it.
    /// [`EVERYBODY`] means all conversations that use the ledger.
    pub(crate) conversation: String,
    pub(crate) scope: BudgetScope,
    pub(crate) budget: Budget,
    /// What was spent before the budget began.
    #[serde(default)]
    pub(crate) before: Spent,
    /// What was spent so far, in case the ledger does not know it.
    #[serde(default)]
    pub(crate) spent: Spent,
}

/// The name for all conversations.
pub(crate) const EVERYBODY: &str = "";

/// What was spent and reserved, as the state of an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Ledger {
    /// What each conversation with a budget has spent, with all that were delegated from it.
    pub(crate) spent: BTreeMap<String, Spent>,
    /// The requests that are under way, by their names.
    pub(crate) reserved: BTreeMap<String, Reservation>,
    /// The awakeables of requests that wait.
    waiting: Vec<String>,
    /// When the time of each conversation with a budget began, in milliseconds of the epoch.
    began: BTreeMap<String, u64>,
    /// The budgets that the listener was warned about.
    warned: BTreeSet<String>,
}

/// What a request has reserved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reservation {
    /// The conversation that makes the request.
    pub(crate) conversation: String,
    pub(crate) amount: Spent,
    /// When the request can't be under way any more, in milliseconds of the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<u64>,
}

/// A request that is to be paid for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Need {
    /// The name of the reservation. No other one has it.
    pub(crate) name: String,
    /// The conversation that makes the request.
    pub(crate) conversation: String,
    pub(crate) amount: Spent,
    /// So many budgets, from the first on, may pay with what they keep for a last answer.
    pub(crate) last_of: usize,
    /// The awakeable to resolve when something is given back.
    pub(crate) awakeable: String,
    /// How long the request may take, in milliseconds. After that it counts as spent. Without this,
    /// somebody settles it for certain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at_most: Option<u64>,
}

/// Calls that are about to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Calls {
    /// The conversation that makes them.
    pub(crate) conversation: String,
    pub(crate) count: u32,
    /// So many budgets, from the first on, are its own.
    pub(crate) own: usize,
}

/// Whether a request is paid for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Paid {
    Yes,
    /// It may be later.
    NotYet(BudgetExceeded),
    Never(BudgetExceeded),
}

impl Ledger {
    /// A run begins whose conversation has these budgets. What an earlier run has left reserved
    /// counts as spent, because nobody knows what it has used.
    pub(crate) fn open(&mut self, payees: &[Payee], now: u64) {
        self.lose(|_| true);
        self.spent.retain(|id, _| payees.iter().any(|payee| payee.conversation == *id));
        for payee in payees {
            let known = self.spent.entry(payee.conversation.clone()).or_default();
            let more = payee.spent.since(known);
            *known += more;
        }
        self.warned.clear();
        self.restart_time(payees, now);
    }

    /// Adds the budgets that are not known yet.
    pub(crate) fn enter(&mut self, payees: &[Payee], now: u64) {
        for payee in payees {
            self.spent.entry(payee.conversation.clone()).or_insert(payee.spent);
            self.began.entry(payee.conversation.clone()).or_insert(now);
        }
    }

    /// The time of these budgets starts again at zero.
    pub(crate) fn restart_time(&mut self, payees: &[Payee], now: u64) {
        for payee in payees {
            self.began.insert(payee.conversation.clone(), now);
        }
    }

    /// Reserves an amount in all of these budgets, or in none.
    pub(crate) fn reserve(&mut self, payees: &[Payee], need: Need, now: u64) -> Paid {
        // Counts what can't be under way any more, so that nobody waits for it.
        self.lose(|reservation| reservation.until.is_some_and(|until| until <= now));
        let Need { name, conversation, amount, last_of, awakeable, at_most } = need;
        let until = at_most.map(|at_most| now.saturating_add(at_most));
        let paid = self.check(payees, &amount, last_of, now);
        match &paid {
            Paid::Yes => drop(self.reserved.insert(name, Reservation { conversation, amount, until })),
            Paid::NotYet(_) => self.waiting.push(awakeable),
            Paid::Never(_) => {}
        }
        paid
    }

    /// Ends a reservation of which so much was spent.
    pub(crate) fn settle(&mut self, name: &str, used: Spent) {
        // It is not there any more if it was lost. Then it was counted.
        let Some(reservation) = self.reserved.remove(name) else { return };
        self.spend(&reservation.conversation, used);
    }

    /// Counts as spent all that these requests have reserved.
    pub(crate) fn lose(&mut self, is_lost: impl Fn(&Reservation) -> bool) {
        let lost: Vec<String> =
            self.reserved.iter().filter(|(_, one)| is_lost(one)).map(|(name, _)| name.clone()).collect();
        for name in lost {
            let amount = self.reserved[&name].amount;
            self.settle(&name, amount);
        }
    }

    /// Those that wait for something that is given back. They ask again.
    pub(crate) fn take_waiting(&mut self) -> Vec<String> {
        std::mem::take(&mut self.waiting)
    }

    /// Counts calls, as many as these budgets allow. Returns their number, and the budget that does
    /// not allow the rest.
    pub(crate) fn use_calls(
        &mut self,
        payees: &[Payee],
        calls: &Calls,
        now: u64,
    ) -> (u32, Option<BudgetExceeded>) {
        let mut one = Spent::default();
        one.calls = 1;
        for made in 0..calls.count {
            match self.check(payees, &one, calls.own, now) {
                Paid::Yes => self.spend(&calls.conversation, one),
                Paid::NotYet(exceeded) | Paid::Never(exceeded) => return (made, Some(exceeded)),
            }
        }
        (calls.count, None)
    }

    /// The budgets that are nearly used up, and whether this is the first time.
    pub(crate) fn warnings(&mut self, payees: &[Payee]) -> Vec<(String, bool)> {
        let mut warnings = Vec::new();
        for payee in payees {
            let balance = self.balance(payee);
            if let Some(message) = payee.budget.warning(&payee.scope, &balance.spent) {
                warnings.push((message, self.warned.insert(payee.scope.to_string())));
            }
        }
        warnings
    }

    /// The time until the first of these budgets is over, and which one that is.
    pub(crate) fn time_left(&self, payees: &[Payee], now: u64) -> Option<(Duration, BudgetExceeded)> {
        let left = |payee: &Payee| {
            let began = self.began.get(&payee.conversation).copied().unwrap_or(now);
            let passed = Duration::from_millis(now.saturating_sub(began));
            Some((payee.budget.time?.saturating_sub(passed), payee.budget.time_is_over(&payee.scope)?))
        };
        payees.iter().filter_map(left).min_by_key(|(left, _)| *left)
    }

    /// Whether all of these budgets allow this much more; the first `own` of them up to their end.
    fn check(&self, payees: &[Payee], need: &Spent, own: usize, now: u64) -> Paid {
        let mut paid = Paid::Yes;
        for (place, payee) in payees.iter().enumerate() {
            if let Some((Duration::ZERO, exceeded)) = self.time_left(std::slice::from_ref(payee), now) {
                return Paid::Never(exceeded);
            }
            match payee.budget.check(&payee.scope, &self.balance(payee), need, place < own) {
                Err(Shortfall { exceeded, may_fit_later: true }) if paid == Paid::Yes => {
                    paid = Paid::NotYet(exceeded);
                }
                Err(Shortfall { exceeded, may_fit_later: false }) => return Paid::Never(exceeded),
                _ => {}
            }
        }
        paid
    }

    fn balance(&self, payee: &Payee) -> Balance {
        let all = self.spent.get(&payee.conversation).unwrap_or(&payee.spent);
        let mut balance = Balance { spent: all.since(&payee.before), ..Balance::default() };
        let own = self.reserved.values().filter(|one| is_within(&one.conversation, &payee.conversation));
        own.for_each(|one| balance.reserved += one.amount);
        balance
    }

    /// Adds what a conversation has used to all that it belongs to.
    fn spend(&mut self, conversation: &str, used: Spent) {
        let all = self.spent.iter_mut().filter(|(id, _)| is_within(conversation, id));
        all.for_each(|(_, spent)| *spent += used);
    }
}

/// Whether a conversation is this one, or was delegated from it.
pub(crate) fn is_within(conversation: &str, other: &str) -> bool {
    other == EVERYBODY
        || conversation.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
