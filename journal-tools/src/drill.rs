//! The drill: runs are killed at any moment until they come to their end, and nothing that counted is lost or done again.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use fastrand::Rng;

use crate::{
    Done,
    kept::Kept,
    kill::{Attempt, attempt},
    log::lines,
    report::Report,
    seen::Seen,
};

const SESSION: &str = "trip";

/// The two teams: one whose calls may be made twice, one whose calls may not.
const TOOLS: [&str; 2] = ["repeatable", "once"];

/// So often a run may be stopped before something else must be wrong with it.
const MOST_KILLS: usize = 200;

/// How many runs that nobody stops there are, to compare with.
const UNDISTURBED: usize = 5;

/// A run that nobody stopped.
struct Undisturbed {
    kept: Kept,
    took: Duration,
}

/// Where one run takes place.
struct Ring {
    _folder: tempfile::TempDir,
    journal: PathBuf,
    log: PathBuf,
    tools: &'static str,
}

/// Plays so many rounds, each team's in turn, and reports; fails if anything was lost or done again.
pub(crate) fn run(options: &[&str]) -> Done {
    let (mut rounds, mut seed, mut json) = (200, fastrand::u64(..1_000_000), false);
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match *option {
            "--json" => json = true,
            "--seed" => seed = options.next().ok_or("--seed needs a number")?.parse()?,
            number => rounds = number.parse().map_err(|_| format!("there is no option {number}"))?,
        }
    }
    println!("seed {seed}");
    let undisturbed = [undisturbed(TOOLS[0])?, undisturbed(TOOLS[1])?];
    let mut report = Report::default();
    for round in 0..rounds {
        let team = round % TOOLS.len();
        // Each round by itself: the same seed and round, the same moments.
        let mut chance = Rng::with_seed(seed.wrapping_add(round as u64));
        play(&Ring::new(TOOLS[team])?, &undisturbed[team], &mut chance, &mut report)?;
        report.findings.drain(..).for_each(|found| eprintln!("{found}"));
        report.rounds += 1;
    }
    report.print(json, &mut io::stdout())?;
    report.verdict()
}

fn undisturbed(tools: &'static str) -> Done<Undisturbed> {
    let mut runs = Vec::new();
    for _ in 0..UNDISTURBED {
        let ring = Ring::new(tools)?;
        let Attempt { succeeded, took, .. } = ring.attempt(None)?;
        let kept = ring.kept()?;
        if !succeeded || kept.answered.is_none() {
            return Err(format!("the run with tools to be called {tools} fails by itself").into());
        }
        runs.push(Undisturbed { kept, took });
    }
    // The quickest: what else the machine does is no part of a run, and after its end there is nothing to kill.
    Ok(runs.into_iter().min_by_key(|run| run.took).expect("there are several"))
}

/// One run, killed at moments uniform over the time that an undisturbed one takes, until it comes to its end.
fn play(ring: &Ring, undisturbed: &Undisturbed, chance: &mut Rng, report: &mut Report) -> Done {
    let (mut seen, mut known) = (Seen::new(ring.is_once()), 0);
    for attempted in 0.. {
        let after = undisturbed.took.mul_f64(chance.f64());
        let made = ring.attempt((attempted < MOST_KILLS).then_some(after))?;
        let (lines, kept) = (lines(&ring.log)?, ring.kept());
        let Ok(kept) = kept.inspect_err(|error| report.lose(&error.to_string())) else { return Ok(()) };
        report.take(&seen.process(&lines[known..], &kept));
        known = lines.len();
        report.recoveries.extend(made.open.filter(|_| attempted > 0));
        if made.killed {
            report.kills += 1;
            continue;
        }
        match kept.differs(&undisturbed.kept, &seen.unknown) {
            _ if !made.succeeded || kept.answered.is_none() => report.lose("it did not come to its end"),
            Some(how) => report.mistake(&how),
            None => {}
        }
        return Ok(());
    }
    Ok(())
}

impl Ring {
    fn new(tools: &'static str) -> Done<Self> {
        let folder = tempfile::tempdir()?;
        let (journal, log) = (folder.path().join("journal"), folder.path().join("log"));
        Ok(Self { _folder: folder, journal, log, tools })
    }

    fn attempt(&self, after: Option<Duration>) -> Done<Attempt> {
        let path = |path: &Path| path.to_string_lossy().into_owned();
        attempt(&["run", &path(&self.journal), &path(&self.log), SESSION, self.tools], after)
    }

    /// What is on the disk.
    fn kept(&self) -> Done<Kept> {
        Kept::of(&self.journal, SESSION)
    }

    /// Whether its calls may not be made twice.
    fn is_once(&self) -> bool {
        self.tools == TOOLS[1]
    }
}
