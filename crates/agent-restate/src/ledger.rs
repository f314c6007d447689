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
pub(crate) struct Account {
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
    /// The requests that wait, the first one first.
    waiting: Vec<Waiting>,
    /// When the time of each conversation with a budget began, in milliseconds of the epoch.
    began: BTreeMap<String, u64>,
    /// The budgets that the listener was warned about.
    warned: BTreeSet<String>,
}

/// A request that waits. A conversation has one at most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Waiting {
    conversation: String,
    awakeable: String,
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
    pub(crate) fn open(&mut self, accounts: &[Account], now: u64) {
        self.lose(|_| true);
        self.began.clear();
        self.spent.retain(|id, _| accounts.iter().any(|account| account.conversation == *id));
        for account in accounts {
            let known = self.spent.entry(account.conversation.clone()).or_default();
            let more = account.spent.since(known);
            *known += more;
        }
        self.warned.clear();
        self.enter(accounts, now);
    }

    /// Adds the budgets that are not known yet.
    pub(crate) fn enter(&mut self, accounts: &[Account], now: u64) {
        for account in accounts {
            self.spent.entry(account.conversation.clone()).or_insert(account.spent);
            // Without a budget of time, nobody has looked at the clock.
            if now > 0 {
                self.began.entry(account.conversation.clone()).or_insert(now);
            }
        }
    }

    /// The time of these budgets starts again at zero.
    pub(crate) fn restart_time(&mut self, accounts: &[Account], now: u64) {
        self.began.retain(|id, _| accounts.iter().all(|account| account.conversation != *id));
        self.enter(accounts, now);
    }

    /// Reserves an amount in all of these budgets, or in none.
    pub(crate) fn reserve(&mut self, accounts: &[Account], need: Need, now: u64) -> Paid {
        // Counts what can't be under way any more, so that nobody waits for it.
        self.lose(|reservation| reservation.until.is_some_and(|until| until <= now));
        let Need { name, conversation, amount, last_of, awakeable, at_most } = need;
        let until = at_most.map(|at_most| now.saturating_add(at_most));
        let paid = self.check(accounts, &amount, last_of, now);
        self.waiting.retain(|waiting| waiting.conversation != conversation);
        match &paid {
            Paid::Yes => drop(self.reserved.insert(name, Reservation { conversation, amount, until })),
            Paid::NotYet(_) => self.waiting.push(Waiting { conversation, awakeable }),
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

    /// A conversation was stopped, with all that were delegated from it.
    pub(crate) fn stop(&mut self, conversation: &str) {
        self.waiting.retain(|waiting| !is_within(&waiting.conversation, conversation));
        self.lose(|reservation| is_within(&reservation.conversation, conversation));
    }

    /// A delegated conversation has ended, and its own budget with it.
    pub(crate) fn close(&mut self, account: &Account) {
        self.spent.remove(&account.conversation);
        self.began.remove(&account.conversation);
        self.warned.remove(&account.scope.to_string());
    }

    /// The awakeable of the request that has waited longest. It asks again, and then the next one
    /// does if there is still something left. So not all of them ask each time.
    pub(crate) fn next_waiting(&mut self) -> Option<String> {
        (!self.waiting.is_empty()).then(|| self.waiting.remove(0).awakeable)
    }

    /// Counts calls, as many as these budgets allow. Returns their number, and the budget that does
    /// not allow the rest.
    pub(crate) fn use_calls(
        &mut self,
        accounts: &[Account],
        calls: &Calls,
        now: u64,
    ) -> (u32, Option<BudgetExceeded>) {
        let mut one = Spent::default();
        one.calls = 1;
        for made in 0..calls.count {
            match self.check(accounts, &one, calls.own, now) {
                Paid::Yes => self.spend(&calls.conversation, one),
                Paid::NotYet(exceeded) | Paid::Never(exceeded) => return (made, Some(exceeded)),
            }
        }
        (calls.count, None)
    }

    /// The budgets that are nearly used up, and whether this is the first time.
    pub(crate) fn warnings(&mut self, accounts: &[Account]) -> Vec<(String, bool)> {
        let mut warnings = Vec::new();
        for account in accounts {
            let balance = self.balance(account);
            if let Some(message) = account.budget.warning(&account.scope, &balance.spent) {
                warnings.push((message, self.warned.insert(account.scope.to_string())));
            }
        }
        warnings
    }

    /// The time until the first of these budgets is over, and which one that is.
    pub(crate) fn time_left(&self, accounts: &[Account], now: u64) -> Option<(Duration, BudgetExceeded)> {
        let left = |account: &Account| {
            let began = self.began.get(&account.conversation).copied().unwrap_or(now);
            let passed = Duration::from_millis(now.saturating_sub(began));
            Some((account.budget.time?.saturating_sub(passed), account.budget.time_is_over(&account.scope)?))
        };
        accounts.iter().filter_map(left).min_by_key(|(left, _)| *left)
    }

    /// Whether all of these budgets allow this much more; the first `own` of them up to their end.
    fn check(&self, accounts: &[Account], need: &Spent, own: usize, now: u64) -> Paid {
        let mut paid = Paid::Yes;
        for (place, account) in accounts.iter().enumerate() {
            if let Some((Duration::ZERO, exceeded)) = self.time_left(std::slice::from_ref(account), now) {
                return Paid::Never(exceeded);
            }
            match account.budget.check(&account.scope, &self.balance(account), need, place < own) {
                Err(Shortfall { exceeded, may_fit_later: true, .. }) if paid == Paid::Yes => {
                    paid = Paid::NotYet(exceeded);
                }
                Err(Shortfall { exceeded, may_fit_later: false, .. }) => return Paid::Never(exceeded),
                _ => {}
            }
        }
        paid
    }

    fn balance(&self, account: &Account) -> Balance {
        let all = self.spent.get(&account.conversation).unwrap_or(&account.spent);
        let mut balance = Balance::default();
        balance.spent = all.since(&account.before);
        let own = self.reserved.values().filter(|one| is_within(&one.conversation, &account.conversation));
        own.for_each(|one| balance.reserved += one.amount);
        balance
    }

    /// What was spent and reserved of a budget that all sessions share; `None` if it was not used.
    pub(crate) fn balance_of_everybody(&self) -> Option<Balance> {
        let mut balance = Balance::default();
        balance.spent = *self.spent.get(EVERYBODY)?;
        self.reserved.values().for_each(|one| balance.reserved += one.amount);
        Some(balance)
    }

    /// Adds what a conversation has used to all that it belongs to.
    pub(crate) fn spend(&mut self, conversation: &str, used: Spent) {
        let all = self.spent.iter_mut().filter(|(id, _)| is_within(conversation, id));
        all.for_each(|(_, spent)| *spent += used);
    }
}

/// Whether a conversation is this one, or was delegated from it.
pub(crate) fn is_within(conversation: &str, other: &str) -> bool {
    other == EVERYBODY
        || conversation.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(tokens: u64) -> Spent {
        let mut spent = Spent::default();
        spent.output_tokens = tokens;
        spent
    }

    fn account(conversation: &str, budget: Budget) -> Account {
        let scope = match conversation {
            EVERYBODY => BudgetScope::Shared("all".to_owned()),
            _ => BudgetScope::Delegation(conversation.to_owned()),
        };
        let (before, spent) = (Spent::default(), Spent::default());
        Account { conversation: conversation.to_owned(), scope, budget, before, spent }
    }

    /// The accounts of a conversation, the narrowest first; each may use so many output tokens.
    fn accounts<const N: usize>(most: [(&str, u64); N]) -> Vec<Account> {
        most.map(|(id, most)| account(id, Budget::new().output_tokens(most))).into()
    }

    fn need(name: &str, conversation: &str, tokens: u64) -> Need {
        Need {
            name: name.to_owned(),
            conversation: conversation.to_owned(),
            amount: output(tokens),
            last_of: 0,
            awakeable: format!("wake {name}"),
            at_most: None,
        }
    }

    /// Reserves an amount, and returns the answer: `yes`, or whose budget does not allow it.
    fn reserve(ledger: &mut Ledger, accounts: &[Account], need: Need, now: u64) -> String {
        ledger.enter(accounts, now);
        let short = |word: &str, why: BudgetExceeded| format!("{word}: {} of {}", why.spent, why.limit);
        match ledger.reserve(accounts, need, now) {
            Paid::Yes => "yes".to_owned(),
            Paid::NotYet(why) => short("not yet", why),
            Paid::Never(why) => short("never", why),
        }
    }

    #[test]
    fn an_amount_is_reserved_in_all_accounts_or_in_none() {
        let mut ledger = Ledger::default();
        let one = accounts([("c/1", 250), ("c", 400)]);
        let two = accounts([("c/2", 900), ("c", 400)]);
        assert_eq!(reserve(&mut ledger, &one, need("a", "c/1", 200), 0), "yes");
        assert_eq!(reserve(&mut ledger, &one, need("b", "c/1", 100), 0), "not yet: 200 of 250");
        assert_eq!(reserve(&mut ledger, &one, need("b", "c/1", 300), 0), "never: 200 of 250");
        assert_eq!(reserve(&mut ledger, &two, need("c", "c/2/7", 200), 0), "yes");
        assert_eq!(reserve(&mut ledger, &two, need("d", "c/2", 1), 0), "not yet: 400 of 400");
        ledger.settle("a", output(50));
        // Who was refused does not wait any more.
        assert_eq!(ledger.next_waiting().as_deref(), Some("wake d"));
        assert_eq!(reserve(&mut ledger, &two, need("d", "c/2", 151), 0), "not yet: 250 of 400");
        assert_eq!(reserve(&mut ledger, &two, need("d", "c/2", 150), 0), "yes");
        // Who asks again has the last place.
        assert_eq!(reserve(&mut ledger, &one, need("e", "c/1", 1), 0), "not yet: 400 of 400");
        assert_eq!(reserve(&mut ledger, &two, need("f", "c/2", 1), 0), "not yet: 400 of 400");
        assert_eq!(reserve(&mut ledger, &one, need("g", "c/1", 1), 0), "not yet: 400 of 400");
        assert_eq!([(); 3].map(|()| ledger.next_waiting().unwrap_or_default()), ["wake f", "wake g", ""]);
        // The second time it is not there any more.
        ledger.settle("a", output(50));
        let spent: Vec<_> = ledger.spent.iter().map(|(id, one)| (id.as_str(), one.output_tokens)).collect();
        assert_eq!(spent, [("c", 50), ("c/1", 50), ("c/2", 0)]);
    }

    #[test]
    fn what_is_lost_counts_as_spent_once() {
        let mut ledger = Ledger::default();
        let one = accounts([("c/1", 900), ("c", 900)]);
        for (name, conversation) in [("a", "c/1"), ("b", "c/1/2"), ("c", "c/12")] {
            assert_eq!(reserve(&mut ledger, &one, need(name, conversation, 100), 0), "yes");
        }
        let more = need("d", "c/1", 700);
        assert_eq!(reserve(&mut ledger, &one, more, 0), "not yet: 300 of 900");
        ledger.stop("c/1");
        assert_eq!(ledger.next_waiting(), None);
        ledger.settle("a", output(1));
        assert_eq!((ledger.spent["c"], ledger.spent["c/1"]), (output(200), output(200)));
        assert_eq!(ledger.reserved.keys().collect::<Vec<_>>(), ["c"]);
        ledger.close(&one[0]);
        assert_eq!(ledger.spent.keys().collect::<Vec<_>>(), ["c"]);
        // A run begins. The one before was killed, and its conversation does not know all.
        let mut of_run = account("c", Budget::new().output_tokens(500));
        (of_run.before, of_run.spent) = (output(120), output(150));
        ledger.open(&[of_run.clone()], 0);
        assert_eq!(ledger.spent, [("c".to_owned(), output(300))].into());
        assert_eq!(ledger.balance(&of_run).spent, output(180));
        (of_run.before, of_run.spent) = (output(0), output(400));
        ledger.open(&[of_run.clone()], 0);
        assert_eq!(ledger.balance(&of_run).spent, output(400));
    }

    #[test]
    fn what_can_not_be_under_way_any_more_is_not_waited_for() {
        let (mut ledger, all) = (Ledger::default(), accounts([(EVERYBODY, 300)]));
        let until = |name: &str, at_most| Need { at_most: Some(at_most), ..need(name, "s", 200) };
        assert_eq!(reserve(&mut ledger, &all, until("a", 50), 1_000), "yes");
        assert_eq!(reserve(&mut ledger, &all, until("b", 50), 1_049), "not yet: 200 of 300");
        assert_eq!(reserve(&mut ledger, &all, until("b", 50), 1_050), "never: 200 of 300");
        assert_eq!(ledger.balance_of_everybody().map(|balance| balance.spent), Some(output(200)));
    }

    #[test]
    fn only_its_own_accounts_give_a_conversation_what_they_keep_for_its_last_answer() {
        let kept = |id: &str| account(id, Budget::new().output_tokens(100).keep_for_answer(40));
        let (mut ledger, both) = (Ledger::default(), [kept("c/1"), kept("c")]);
        let last = |name: &str, last_of| Need { last_of, ..need(name, "c/1", 70) };
        assert_eq!(reserve(&mut ledger, &both[1..], last("a", 0), 0), "never: 0 of 60");
        assert_eq!(reserve(&mut ledger, &both, last("a", 1), 0), "never: 0 of 60");
        assert_eq!(reserve(&mut ledger, &both[1..], last("a", 1), 0), "yes");
    }

    #[test]
    fn time_begins_when_a_budget_is_first_used_and_again_after_a_person_was_waited_for() {
        let time = |millis| Budget::new().time(Duration::from_millis(millis));
        let (mut ledger, both) = (Ledger::default(), [account("c/1", time(30)), account("c", time(100))]);
        ledger.open(&both[1..], 1_000);
        let left = |ledger: &Ledger, now| ledger.time_left(&both, now).map(|(left, _)| left.as_millis());
        assert_eq!(reserve(&mut ledger, &both, need("a", "c/1", 1), 1_080), "yes");
        assert_eq!((left(&ledger, 1_080), left(&ledger, 1_095)), (Some(20), Some(5)));
        assert_eq!(reserve(&mut ledger, &both, need("b", "c/1", 1), 1_100), "never: 100 of 100");
        let calls = |count| Calls { conversation: "c/1".to_owned(), count, own: 1 };
        assert_eq!(ledger.use_calls(&both, &calls(2), 1_100).0, 0);
        ledger.restart_time(&both, 1_100);
        assert_eq!(left(&ledger, 1_101), Some(29));
        assert_eq!(ledger.use_calls(&both, &calls(2), 1_101), (2, None));
    }

    #[test]
    fn as_many_calls_are_made_as_all_accounts_allow_and_each_warns_once() {
        let both = [
            account("c/1", Budget::new().calls(9)),
            account("c", Budget::new().calls(3).output_tokens(0).warn_at(60)),
        ];
        let mut ledger = Ledger::default();
        ledger.enter(&both, 0);
        let calls = |count| Calls { conversation: "c/1".to_owned(), count, own: 1 };
        assert_eq!(ledger.use_calls(&both, &calls(2), 0), (2, None));
        let (made, exceeded) = ledger.use_calls(&both, &calls(2), 0);
        assert_eq!((made, exceeded.map(|why| (why.limit, why.spent))), (1, Some((3, 3))));
        let mut warnings = || ledger.warnings(&both);
        let message = "the budget of the call \"c\": 0 of 0 output tokens are spent".to_owned();
        assert_eq!(warnings(), [(message.clone(), true)]);
        assert_eq!(warnings(), [(message, false)]);
    }

    #[test]
    fn processes_of_other_versions_read_the_same_names() {
        let mut ledger = Ledger::default();
        let all = [account(EVERYBODY, Budget::new().requests(7))];
        let need = Need { at_most: Some(5), ..need("s inv_1 0", "s", 3) };
        let written = serde_json::to_string(&(&all, &need)).unwrap();
        let spent = r#"{"requests":0,"input_tokens":0,"output_tokens":N,"cost_micro_usd":0,"calls":0}"#;
        let (none, three) = (spent.replace('N', "0"), spent.replace('N', "3"));
        let account = format!(
            r#"{{"conversation":"","scope":{{"shared":"all"}},"budget":{{"requests":7}},"before":{none},"spent":{none}}}"#
        );
        let asked = format!(
            r#"{{"name":"s inv_1 0","conversation":"s","amount":{three},"last_of":0,"awakeable":"wake s inv_1 0","at_most":5}}"#
        );
        assert_eq!(written, format!("[[{account}],{asked}]"));
        assert_eq!(reserve(&mut ledger, &all, need, 1), "yes");
        let written = serde_json::to_string(&ledger).unwrap();
        let expected = format!(
            r#"{{"spent":{{"":{none}}},"reserved":{{"s inv_1 0":{{"conversation":"s","amount":{three},"until":6}}}},"waiting":[],"began":{{"":1}},"warned":[]}}"#
        );
        assert_eq!(written, expected);
        assert_eq!(serde_json::from_str::<Ledger>("{}").unwrap(), Ledger::default());
        assert_eq!(serde_json::from_str::<Ledger>(&written).unwrap(), ledger);
    }
}
