//! What tools and models were seen to do over the processes of one run, and what of it must not be.

use std::collections::BTreeSet;

use crate::{
    kept::{Kept, MayBeUnknown},
    log::Line,
    team::may_be_repeated,
};

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Seen {
    /// Whether calls may not be made twice, finished or not.
    once: bool,
    /// Whether it is the tools' process that is killed: then no call begins twice in one.
    of_process: bool,
    begun: BTreeSet<String>,
    ended: BTreeSet<String>,
    /// The calls whose results models have read since it was last looked whether these are on the disk.
    read: BTreeSet<String>,
    /// The calls whose results are on the disk, or were acknowledged as if they were: a model has read them.
    finished: BTreeSet<String>,
    /// The calls that began and had not ended, as far as the disk knew, when a process was killed.
    unknown: BTreeSet<String>,
    /// The same where it can't be told whether they began.
    perhaps_unknown: BTreeSet<String>,
}

/// What one process did, by the keys of calls.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Made again although they had finished, or may not be made twice, or twice by this process.
    pub repeated: Vec<String>,
    /// Made again because their ends were not on the disk yet.
    pub unacknowledged: Vec<String>,
    /// Read by a model, and not on the disk.
    pub lost: Vec<String>,
}

impl Seen {
    /// Nothing yet. Calls may not be made twice if `once`; the tools' process is what is killed if `of_process`.
    pub fn new(once: bool, of_process: bool) -> Self {
        Self { once, of_process, ..Self::default() }
    }

    /// Takes in what was done since the last time, and what was kept then: after the first `before` of these lines were there.
    pub fn process(&mut self, lines: &[Line], before: usize, kept: &Kept) -> Found {
        let (mut found, mut now, mut read_since) = (Found::default(), BTreeSet::new(), BTreeSet::new());
        for (place, line) in lines.iter().enumerate() {
            match line {
                Line::Start(key) => {
                    let is_second = !self.begun.insert(key.clone());
                    let is_wrong = (!now.insert(key) && self.of_process)
                        || self.finished.contains(key)
                        || (self.once && is_second && !may_be_repeated(key));
                    if is_wrong {
                        found.repeated.push(key.clone());
                    } else if self.ended.contains(key) {
                        found.unacknowledged.push(key.clone());
                    }
                }
                Line::End(key) => drop(self.ended.insert(key.clone())),
                Line::Answer(_) | Line::Refuse(_) => {}
                Line::Read(key) => {
                    let read = if place < before { &mut self.read } else { &mut read_since };
                    read.insert(key.clone());
                    self.finished.insert(key.clone());
                }
            }
        }
        let lost = self.read.iter().filter(|key| !kept.outcomes.contains_key(*key));
        found.lost.extend(lost.cloned());
        self.read = read_since;
        self.finished.extend(kept.outcomes.keys().cloned());
        self.unknown.extend(kept.unknown.iter().cloned());
        self.perhaps_unknown.extend(kept.perhaps_unknown.iter().cloned());
        found
    }

    /// The calls whose outcome nobody knows, after all these processes.
    pub fn unknown(&self) -> MayBeUnknown<'_> {
        MayBeUnknown { must: &self.unknown, may: &self.perhaps_unknown }
    }
}

#[cfg(test)]
mod tests {
    use agent_core::Outcome;

    use super::*;

    /// What is found of the last of some processes: what each did (`+` begins, `-` ends, `?` is read), and which calls had a
    /// result on the disk then. First where calls may be made twice, then where not.
    fn check(processes: &[(&str, &[&str])], expected: [&str; 2]) {
        let found = [false, true].map(|once| {
            let (mut seen, mut found) = (Seen::new(once, true), Found::default());
            for (did, on_disk) in processes {
                let line = |word: &str| match word.split_at(1) {
                    ("+", key) => Line::Start(key.to_owned()),
                    ("-", key) => Line::End(key.to_owned()),
                    (_, key) => Line::Read(key.to_owned()),
                };
                let lines: Vec<Line> = did.split_whitespace().map(line).collect();
                let outcome = |&key: &&str| (key.to_owned(), vec![Outcome::output("done")]);
                let outcomes = on_disk.iter().map(outcome).collect();
                found = seen.process(&lines, lines.len(), &Kept { outcomes, ..Kept::default() });
            }
            let Found { repeated, unacknowledged, lost } = found;
            format!("{} {} {}", repeated.join(","), unacknowledged.join(","), lost.join(","))
        });
        assert_eq!(found, expected, "{processes:?}: repeated, unacknowledged, lost");
    }

    #[test]
    fn a_call_that_began_again_is_told_from_one_that_must_not_have() {
        check(&[("+a -a ?a", &["a"])], ["  ", "  "]);
        check(&[("+a", &[]), ("+a -a ?a", &["a"])], ["  ", "a  "]);
        check(&[("+a -a", &[]), ("+a -a ?a", &["a"])], [" a ", "a  "]);
        check(&[("+a -a", &["a"]), ("+a -a", &["a"])], ["a  ", "a  "]);
        // Twice in one process, ended or not, with or without its end on the disk.
        check(&[("+a +a", &[])], ["a  ", "a  "]);
        check(&[("+a -a +a", &[])], ["a  ", "a  "]);
        check(&[("+a -a", &[]), ("+a -a +a", &["a"])], ["a a ", "a,a  "]);
    }

    #[test]
    fn what_is_read_after_it_was_looked_what_is_kept_is_looked_for_the_next_time() {
        let (mut seen, nothing) = (Seen::new(false, false), Kept::default());
        let lines = [Line::Start("a".to_owned()), Line::Read("a".to_owned())];
        assert_eq!(seen.process(&lines, 1, &nothing), Found::default());
        assert_eq!(seen.process(&[], 0, &nothing).lost, ["a"]);
    }

    #[test]
    fn what_a_model_has_read_is_on_the_disk_and_is_not_done_again() {
        check(&[("+a -a ?a", &[])], ["  a", "  a"]);
        check(&[("+a -a ?a", &[]), ("+a", &["a"])], ["a  ", "a  "]);
    }
}
