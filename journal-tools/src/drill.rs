//! The drill: runs are killed at any moment until they come to their end, and nothing that counted is lost or done again.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use agent_core::{End, Told};
use agent_journal::{Entry, Journal, JournalError};
use fastrand::Rng;

use crate::{
    Done,
    kill::{Attempt, attempt},
    log::{Line, lines},
    report::Report,
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
    transcript: String,
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
        report.rounds += 1;
    }
    report.print(json);
    report.verdict()
}

fn undisturbed(tools: &'static str) -> Done<Undisturbed> {
    let mut runs = Vec::new();
    for _ in 0..UNDISTURBED {
        let ring = Ring::new(tools)?;
        let Attempt { succeeded, took, .. } = ring.attempt(None)?;
        match ring.transcript()? {
            Some(transcript) if succeeded => runs.push(Undisturbed { transcript, took }),
            _ => return Err(format!("the run with tools to be called {tools} fails by itself").into()),
        }
    }
    // The quickest: what else the machine does is no part of a run, and after its end there is nothing to kill.
    Ok(runs.into_iter().min_by_key(|run| run.took).expect("there are several"))
}

/// One run, killed at moments uniform over the time that an undisturbed one takes, until it comes to its end.
fn play(ring: &Ring, undisturbed: &Undisturbed, chance: &mut Rng, report: &mut Report) -> Done {
    let (mut finished, mut ended, mut started) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut seen = 0;
    for attempted in 0.. {
        let after = undisturbed.took.mul_f64(chance.f64());
        let made = ring.attempt((attempted < MOST_KILLS).then_some(after))?;
        let lines = lines(&ring.log)?;
        for line in &lines[seen..] {
            match line {
                Line::Start(key)
                    if finished.contains(key) || (ring.is_once() && !started.insert(key.clone())) =>
                {
                    report.finished_calls_repeated += 1;
                }
                Line::Start(key) if ended.contains(key) => report.unacknowledged_repeats += 1,
                Line::Start(_) => {}
                Line::End(key) => drop(ended.insert(key.clone())),
            }
        }
        seen = lines.len();
        finished.extend(ring.finished()?);
        report.recoveries.extend(made.open.filter(|_| attempted > 0));
        if made.killed {
            report.kills += 1;
            continue;
        }
        let transcript = ring.transcript()?.filter(|_| made.succeeded);
        report.lost_runs += usize::from(transcript.is_none());
        let is_right = |transcript: &String| ring.is_right(transcript, &undisturbed.transcript);
        report.wrong_transcripts += usize::from(!transcript.as_ref().is_none_or(is_right));
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

    /// The keys of the calls whose outcome is on the disk.
    fn finished(&self) -> Done<BTreeSet<String>> {
        let entries = match Journal::read(&self.journal).and_then(|journal| journal.entries(SESSION)) {
            Ok(entries) => entries,
            // It was stopped before it began.
            Err(JournalError::NotOpened { .. } | JournalError::UnknownSession { .. }) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let finished = entries.into_iter().filter_map(|(id, entry)| match entry {
            Entry::Told(Told::Recorded { call, .. }) => Some(format!("{id}/{call}")),
            _ => None,
        });
        Ok(finished.collect())
    }

    /// Whether its calls may not be made twice: then one that has begun counts as finished.
    fn is_once(&self) -> bool {
        self.tools == TOOLS[1]
    }

    /// The conversation, if the run has come to its end.
    fn transcript(&self) -> Done<Option<String>> {
        let journal = Journal::read(&self.journal)?;
        let end = journal.session(SESSION)?.and_then(|session| session.end);
        match end {
            Some(End::Answered(_)) => Ok(Some(journal.conversation(SESSION)?.to_string())),
            _ => Ok(None),
        }
    }

    /// Whether it is that of the undisturbed run; where calls may not be made twice, but for those whose outcome is unknown.
    fn is_right(&self, transcript: &str, undisturbed: &str) -> bool {
        let may_differ = |line: &str| self.is_once() && line.contains(" failed: outcome unknown: ");
        let lines = transcript.lines().zip(undisturbed.lines());
        transcript.lines().count() == undisturbed.lines().count()
            && lines.into_iter().all(|(line, was)| line == was || may_differ(line))
    }
}
