//! The permits of one limit: who holds one, and who waits for one. It uses no engine.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

/// The permits of one limit, as the state of an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PermitQueue {
    /// How many there are. The latest call says it.
    most: usize,
    /// Who holds a permit.
    held: BTreeSet<String>,
    /// Who waits, the first one first.
    waiting: VecDeque<Asking>,
}

/// Somebody who asks for a permit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Asking {
    /// The invocation that is to hold it. Each asks once.
    pub(crate) holder: String,
    /// The awakeable to resolve if it has to wait.
    pub(crate) awakeable: String,
}

impl PermitQueue {
    /// Somebody asks for a permit, and there are `most`. Returns whether it gets one now. If not, it
    /// waits.
    pub(crate) fn take(&mut self, most: usize, asking: Asking) -> bool {
        self.most = most.max(1);
        let is_free = self.waiting.is_empty() && self.held.len() < self.most;
        match is_free {
            true => drop(self.held.insert(asking.holder)),
            false => self.waiting.push_back(asking),
        }
        is_free
    }

    /// Somebody holds no permit and waits for none any more, whether it did or not. Gives the
    /// permits that are free to those who have waited longest, and returns these.
    pub(crate) fn give_back(&mut self, holder: &str) -> Vec<Asking> {
        self.held.remove(holder);
        self.waiting.retain(|waiting| waiting.holder != holder);
        let free = self.most.saturating_sub(self.held.len()).min(self.waiting.len());
        let granted: Vec<Asking> = self.waiting.drain(..free).collect();
        self.held.extend(granted.iter().map(|granted| granted.holder.clone()));
        granted
    }

    /// Whether nobody uses the limit.
    pub(crate) fn is_unused(&self) -> bool {
        self.held.is_empty() && self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A limit with so many permits, and who was granted one, in this order.
    fn run(most: usize, steps: &[&str]) -> (PermitQueue, String) {
        let (mut queue, mut granted) = (PermitQueue::default(), Vec::new());
        for step in steps {
            let (what, holder) = step.split_at(1);
            match what {
                "+" => granted.extend(queue.take(most, asking(holder)).then(|| (*holder).to_owned())),
                _ => granted.extend(queue.give_back(holder).into_iter().map(|granted| granted.holder)),
            }
        }
        (queue, granted.join(" "))
    }

    fn asking(holder: &str) -> Asking {
        Asking { holder: holder.to_owned(), awakeable: format!("wake {holder}") }
    }

    #[test]
    fn who_has_waited_longest_is_next() {
        let check = |most, steps: &str, expected: &str| {
            let steps: Vec<&str> = steps.split(' ').collect();
            assert_eq!(run(most, &steps).1, expected, "{most}: {steps:?}");
        };
        check(1, "+a +b +c", "a");
        check(1, "+a +b +c -a -b", "a b c");
        check(2, "+a +b +c +d -b", "a b c");
        // One that waits is stopped.
        check(1, "+a +b +c -b -a", "a c");
        // Nobody is counted twice.
        check(1, "+a +b +c -a -a", "a b");
        check(1, "-x +a -x +b", "a");
        check(0, "+a +b", "a");
    }

    #[test]
    fn the_number_may_change_and_nobody_is_passed_by() {
        let mut queue = PermitQueue::default();
        for (most, holder, is_free) in [(1, "a", true), (1, "b", false), (1, "c", false), (3, "d", false)] {
            assert_eq!(queue.take(most, asking(holder)), is_free, "{holder}");
        }
        assert_eq!(queue.give_back("a"), ["b", "c", "d"].map(asking));
        assert!(!queue.take(1, asking("e")));
        for (over, next) in [("b", None), ("c", None), ("d", Some("e")), ("e", None)] {
            assert_eq!(queue.give_back(over), next.map(asking).into_iter().collect::<Vec<_>>(), "{over}");
        }
        assert!(queue.is_unused());
    }

    #[test]
    fn the_state_keeps_its_names() {
        let (queue, _) = run(1, &["+a", "+b"]);
        assert_eq!(
            serde_json::to_string(&queue).unwrap(),
            r#"{"most":1,"held":["a"],"waiting":[{"holder":"b","awakeable":"wake b"}]}"#
        );
    }

    /// A number for each seed, so that the same seed makes the same steps.
    fn check_random(seed: u64) {
        let mut chance = fastrand::Rng::with_seed(seed);
        let (mut queue, mut asked, mut granted, mut over) =
            (PermitQueue::default(), Vec::new(), Vec::<String>::new(), BTreeSet::new());
        let most = chance.usize(1..5);
        for step in 0..100 {
            match chance.bool() || asked.is_empty() {
                true => {
                    let holder = format!("{step}");
                    asked.push(holder.clone());
                    granted.extend(queue.take(most, asking(&holder)).then_some(holder));
                }
                // Perhaps it holds one, waits, or is over already.
                false => {
                    let holder: &String = &asked[chance.usize(..asked.len())];
                    over.insert(holder.clone());
                    granted.extend(queue.give_back(holder).into_iter().map(|granted| granted.holder));
                }
            }
            let open = asked.iter().filter(|holder| !over.contains(*holder)).count();
            let held = granted.iter().filter(|holder| !over.contains(*holder)).count();
            assert_eq!(held, open.min(most), "seed {seed}: all are used if anybody wants one, and no more");
            assert_eq!(queue.held.len(), held, "seed {seed}");
        }
        let unique: BTreeSet<&String> = granted.iter().collect();
        assert_eq!(unique.len(), granted.len(), "seed {seed}: nobody gets two");
        let in_order = asked.iter().filter(|holder| unique.contains(holder));
        assert!(in_order.eq(granted.iter()), "seed {seed}: first come, first served");
        asked.iter().for_each(|holder| drop(queue.give_back(holder)));
        assert!(queue.is_unused(), "seed {seed}");
    }

    #[test]
    fn no_permit_is_lost_or_given_twice_and_the_order_is_kept() {
        (0..2_000).for_each(check_random);
    }
}
