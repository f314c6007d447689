//! The soak: one conversation of many turns, with summaries and a budget, whose process is killed again and again.

mod pages;
mod reader;
mod report;
mod run;

use std::{path::PathBuf, time::Duration};

use drill::{Attempt, Bill, Done, Kept, Line, Seen, lines};
use fastrand::Rng;
use options::Soak;
use program::{Out, println};

use crate::{
    kept::kept,
    kill::{Moment, attempt},
};
use report::Report;
pub(crate) use run::{ASKED, Read, read};

const SESSION: &str = "book";

/// How long a model takes to answer, and the longest time from a request to the kill after it.
const TURN: Duration = Duration::from_millis(5);

/// The conversation, as the processes so far have left it.
struct Played<'a> {
    asked: &'a Soak,
    folder: tempfile::TempDir,
    kept: Kept,
    /// How many lines of the log were looked at.
    known: usize,
    seen: Seen,
    bill: Bill,
    report: Report,
}

/// Kills the conversation as often as the options say, lets it end, and reports. Fails if anything is wrong.
pub(crate) fn run(asked: &Soak) -> Done {
    let seed = asked.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!("seed {seed}");
    let mut chance = Rng::with_seed(seed);
    let mut played = Played::new(asked)?;
    let mut open = TURN;
    let mut is_killed = true;
    while is_killed && played.report.kills < asked.kills {
        let made = played.attempt(played.moment(open, &mut chance))?;
        is_killed = made.killed;
        played.report.kills += u32::from(is_killed);
        open = made.open.unwrap_or(open);
    }
    if is_killed {
        played.attempt(Moment::Never)?;
    }
    played.end()?;
    let report = played.report;
    report.findings.iter().for_each(|found| eprintln!("{found}"));
    report.print(asked.json, &mut Out)?;
    report.verdict()
}

impl<'a> Played<'a> {
    fn new(asked: &'a Soak) -> Done<Self> {
        Ok(Self {
            asked,
            folder: tempfile::tempdir()?,
            kept: Kept::default(),
            known: 0,
            seen: Seen::new(false, true),
            bill: Bill::new(reader::budget(asked.turns, asked.kills)),
            report: Report::new(asked.turns),
        })
    }

    /// A file of it.
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// When the next process is killed: while it opens the journal, or after some requests. They are as many as let the last
    /// kill come in the last quarter of the turns, since a process may go on for some turns until the kill reaches it.
    fn moment(&self, open: Duration, chance: &mut Rng) -> Moment {
        let turns = (self.asked.turns * 3 / 4) as usize;
        let turns = turns.saturating_sub(self.kept.outcomes.len());
        let kills = (self.asked.kills - self.report.kills) as usize;
        if turns < kills || chance.u8(..4) == 0 {
            return Moment::After(open.mul_f64(chance.f64()));
        }
        let most = (2 * turns / kills).saturating_sub(1).max(1);
        Moment::Asked(chance.usize(1..=most), TURN.mul_f64(chance.f64()))
    }

    /// Lets the conversation go on until this moment, and looks what was done.
    fn attempt(&mut self, moment: Moment) -> Done<Attempt> {
        let [journal, log] = ["journal", "log"].map(|name| self.path(name).to_string_lossy().into_owned());
        let [turns, kills] = [self.asked.turns, self.asked.kills].map(|number| number.to_string());
        let made = attempt(&["read", &journal, &log, SESSION, &turns, &kills], moment)?;
        let lines = lines(&self.path("log"))?;
        let new = &lines[self.known..];
        self.kept = kept(&self.path("journal"), SESSION)?;
        let found = self.seen.process(new, new.len(), &self.kept);
        self.report.repeated(&found.repeated);
        self.report
            .invalid(&found.lost.iter().map(|key| format!("call {key} is not there")).collect::<Vec<_>>());
        let refused = new.iter().filter_map(|line| match line {
            Line::Refuse(why) => Some(why.clone()),
            _ => None,
        });
        self.report.invalid(&refused.collect::<Vec<_>>());
        self.report.misspent(&self.bill.process(new, self.kept.paid.as_ref()));
        self.known = lines.len();
        self.report.recoveries.extend(made.open);
        Ok(made)
    }

    /// What has come of it.
    fn end(&mut self) -> Done {
        let right = reader::answer(self.asked.turns);
        self.report.answer(self.kept.answered.as_ref(), &right);
        let all = self.asked.kills;
        self.report.must(self.report.kills == all, || format!("it ended before it was killed {all} times"));
        let spent = self.kept.paid.as_ref().map(|paid| paid.spent).unwrap_or_default();
        self.report.spent(
            &spent,
            &self.bill.answered(),
            self.bill.lost(),
            &reader::budget(self.asked.turns, all),
        );
        Ok(())
    }
}
