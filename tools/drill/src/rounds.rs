//! The rounds of a drill, on any engine.

use std::time::Duration;

use fastrand::Rng;
use options::Rounds;
use program::{Out, println};

use crate::{
    Done,
    bill::{Bill, budget},
    kept::Kept,
    log::Line,
    report::Report,
    seen::Seen,
};

/// So often a run may be stopped before something else must be wrong with it.
pub(crate) const MOST_KILLS: usize = 200;

/// How many runs that nobody stops there are, to compare with.
const UNDISTURBED: usize = 5;

/// The tools of a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tools {
    /// Their calls may be made twice.
    Repeatable,
    /// They may not.
    Once,
}

impl Tools {
    /// Their name on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Repeatable => "repeatable",
            Self::Once => "once",
        }
    }

    /// Those of this name.
    ///
    /// # Errors
    ///
    /// If there are none.
    pub fn of(word: &str) -> Done<Self> {
        let named = [Self::Repeatable, Self::Once].into_iter().find(|tools| tools.word() == word);
        named.ok_or_else(|| "it should be repeatable or once".into())
    }
}

/// Where one run takes place.
pub trait Ring {
    /// Whether it is the tools' process that is killed: then no call begins twice in one.
    const OF_PROCESS: bool;

    /// Lets the run go on, and kills what carries it after so long, if it has not come to its end by then.
    fn attempt(&mut self, after: Option<Duration>) -> Done<Attempt>;

    /// What tools and models said so far.
    fn lines(&self) -> Done<Vec<Line>>;

    /// What is kept of the run.
    fn kept(&mut self) -> Done<Kept>;
}

/// How what carries a run came to its end.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// By SIGKILL; else by itself.
    pub killed: bool,
    /// Whether it said that all went well.
    pub succeeded: bool,
    /// How long it took until it went on with the run.
    pub open: Option<Duration>,
    /// How long it went on.
    pub took: Duration,
}

/// What the command line says.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    rounds: usize,
    seed: u64,
    json: bool,
}

/// A run that nobody stopped.
struct Undisturbed {
    kept: Kept,
    took: Duration,
}

impl Options {
    /// What was asked for; so many rounds if that says nothing of them.
    #[must_use]
    pub fn new(asked: &Rounds, rounds: usize) -> Self {
        let seed = asked.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
        Self { rounds: asked.rounds.unwrap_or(rounds), seed, json: asked.json }
    }
}

/// Plays the rounds, each team's in turn, and reports; fails if anything was lost or done again.
pub fn run<R: Ring>(engine: &'static str, options: &Options, mut ring: impl FnMut(Tools) -> Done<R>) -> Done {
    println!("seed {}", options.seed);
    let both = [Tools::Repeatable, Tools::Once];
    let undisturbed = [undisturbed(both[0], &mut ring)?, undisturbed(both[1], &mut ring)?];
    let mut report = Report { engine, ..Report::default() };
    for round in 0..options.rounds {
        let team = round % both.len();
        // Each round by itself: the same seed and round, the same moments.
        let mut chance = Rng::with_seed(options.seed.wrapping_add(round as u64));
        play(both[team], &mut ring(both[team])?, &undisturbed[team], &mut chance, &mut report)?;
        report.findings.drain(..).for_each(|found| eprintln!("{found}"));
        report.rounds += 1;
    }
    report.print(options.json, &mut Out)?;
    report.verdict()
}

fn undisturbed<R: Ring>(tools: Tools, ring: &mut impl FnMut(Tools) -> Done<R>) -> Done<Undisturbed> {
    let mut runs = Vec::new();
    for _ in 0..UNDISTURBED {
        let mut ring = ring(tools)?;
        let Attempt { succeeded, took, .. } = ring.attempt(None)?;
        let kept = ring.kept()?;
        if !succeeded || kept.answered.is_none() {
            return Err(format!("a run failed although nothing was killed; tools: {tools:?}").into());
        }
        runs.push(Undisturbed { kept, took });
    }
    // The quickest: what else the machine does is no part of a run, and after its end there is nothing to kill.
    Ok(runs.into_iter().min_by_key(|run| run.took).expect("there are several"))
}

/// One run, killed at moments uniform over the time that an undisturbed one takes, until it comes to its end.
fn play<R: Ring>(
    tools: Tools,
    ring: &mut R,
    undisturbed: &Undisturbed,
    chance: &mut Rng,
    report: &mut Report,
) -> Done {
    let (mut seen, mut known) = (Seen::new(tools == Tools::Once, R::OF_PROCESS), 0);
    let mut bill = Bill::new(budget());
    for attempted in 0.. {
        let after = undisturbed.took.mul_f64(chance.f64());
        let made = ring.attempt((attempted < MOST_KILLS).then_some(after))?;
        // What is not the process that was killed may go on meanwhile.
        let (before, kept, lines) = (ring.lines()?.len(), ring.kept(), ring.lines()?);
        let Ok(kept) = kept.inspect_err(|error| report.lose(&error.to_string())) else { return Ok(()) };
        report.take(&seen.process(&lines[known..], before - known, &kept));
        report.misspend(bill.process(&lines[known..], kept.paid.as_ref()));
        known = lines.len();
        report.recoveries.extend(made.open.filter(|_| attempted > 0));
        if made.killed {
            report.kills += 1;
            continue;
        }
        match kept.differs(&undisturbed.kept, &seen.unknown()) {
            _ if !made.succeeded || kept.answered.is_none() => report.lose("it did not come to its end"),
            Some(how) => report.mistake(&how),
            None => {}
        }
        report.leak(kept.permits);
        return Ok(());
    }
    Ok(())
}
