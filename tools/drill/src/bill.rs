//! What the record of a run says that it has spent, beside what its models really answered.

use std::collections::BTreeSet;

use agent_core::budget::{Budget, Spent};

use crate::{log::Line, rounds::MOST_KILLS};

/// The budget of a conversation of the drill's team, if its host keeps budgets. It is enough even if each kill loses three
/// requests, which is the most that the team makes in parallel: each counts with all that it might have used.
pub fn budget() -> Budget {
    let requests = 3 * MOST_KILLS as u64 + 20;
    Budget::new().requests(requests).tokens(requests * 2_000)
}

/// What a record says of the requests of a run.
#[derive(Clone, Debug, Default)]
pub struct Paid {
    /// What they have spent. Those that are under way count with all that they may use.
    pub spent: Spent,
    /// Those that are under way. Each has a name that stays the same.
    pub open: BTreeSet<String>,
}

/// What the requests of a run may spend, and what models said that they did, over all of its processes.
#[derive(Debug)]
pub struct Bill {
    limit: Budget,
    answered: Spent,
    /// The requests that were under way when a process ended.
    lost: BTreeSet<String>,
}

impl Bill {
    /// Nothing yet.
    pub fn new(limit: Budget) -> Self {
        Self { limit, answered: Spent::default(), lost: BTreeSet::new() }
    }

    /// What models answered so far, by their own count.
    pub fn answered(&self) -> Spent {
        self.answered
    }

    /// How many requests were under way when a process ended.
    pub fn lost(&self) -> usize {
        self.lost.len()
    }

    /// Takes in what models answered since the last time, and what the record says now. Returns what is wrong with that: more
    /// was answered than it has, it has more than the budget, or it has requests that nobody made.
    pub fn process(&mut self, lines: &[Line], paid: Option<&Paid>) -> Vec<String> {
        for line in lines {
            if let Line::Answer(usage) = line {
                self.answered.requests += 1;
                self.answered.input_tokens += usage.input_tokens;
                self.answered.output_tokens += usage.output_tokens;
                self.answered.cost += usage.cost;
            }
        }
        let Some(Paid { spent, open }) = paid else { return Vec::new() };
        self.lost.extend(open.iter().cloned());
        let mut wrong = Vec::new();
        for ((what, spent, limit), (_, answered, _)) in
            self.amounts(spent).into_iter().zip(self.amounts(&self.answered))
        {
            if spent < answered {
                wrong.push(format!("models answered {answered} {what}, and the record has only {spent}"));
            }
            if limit.is_some_and(|limit| spent > limit) {
                wrong.push(format!("{spent} {what} are over the budget"));
            }
        }
        let (answered, lost) = (self.answered.requests, self.lost.len());
        if spent.requests > answered + lost as u64 {
            let spent = spent.requests;
            wrong.push(format!(
                "the record has {spent} requests, but {answered} were answered and {lost} lost"
            ));
        }
        wrong
    }

    /// The amounts that have limits, with these.
    fn amounts(&self, of: &Spent) -> [(&'static str, u64, Option<u64>); 3] {
        [
            ("requests", of.requests, self.limit.requests),
            ("tokens", of.input_tokens + of.output_tokens, self.limit.tokens),
            ("micro-dollars", of.cost.micros(), self.limit.usd.map(|most| most.micros())),
        ]
    }
}

#[cfg(test)]
mod tests {
    use agent_core::Usage;

    use super::*;

    /// What is wrong after some processes, in which models answered so many requests of 10 tokens each, and whose record had so
    /// many requests and tokens then, and these under way.
    fn check(processes: &[(usize, u64, u64, &[&str])], expected: &[&str]) {
        let mut bill = Bill::new(Budget::new().requests(5).tokens(60));
        let mut wrong = Vec::new();
        for &(answers, requests, tokens, open) in processes {
            let mut spent = Spent::default();
            (spent.requests, spent.output_tokens) = (requests, tokens);
            let open = open.iter().map(|&name| name.to_owned()).collect();
            let lines = vec![Line::Answer(Usage::new(6, 4)); answers];
            wrong = bill.process(&lines, Some(&Paid { spent, open }));
        }
        assert_eq!(wrong, expected, "{processes:?}");
    }

    #[test]
    fn nothing_is_forgotten_nothing_counts_twice_and_nothing_is_over_the_budget() {
        check(&[(2, 2, 20, &[])], &[]);
        // Under way at a kill: answered or not, it counts with all that it may use.
        check(&[(2, 2, 30, &["s 3"]), (1, 3, 40, &[])], &[]);
        check(&[(1, 2, 30, &["s 3"]), (1, 3, 40, &[])], &[]);
        check(&[(2, 1, 20, &[])], &["models answered 2 requests, and the record has only 1"]);
        check(&[(2, 2, 19, &[])], &["models answered 20 tokens, and the record has only 19"]);
        check(
            &[(1, 1, 10, &[]), (1, 3, 30, &[])],
            &["the record has 3 requests, but 2 were answered and 0 lost"],
        );
        // The same one, seen twice, is lost once.
        let twice: [(usize, u64, u64, &[&str]); 3] =
            [(0, 1, 20, &["s 3"]), (0, 1, 20, &["s 3"]), (1, 3, 50, &[])];
        check(&twice, &["the record has 3 requests, but 1 were answered and 1 lost"]);
        check(&[(5, 5, 61, &[])], &["61 tokens are over the budget"]);
        check(&[(6, 6, 60, &[])], &["6 requests are over the budget"]);
    }
}
