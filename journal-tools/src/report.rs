//! What the drill found.

use std::time::Duration;

use serde::Serialize;

use crate::{Done, seen::Found};

/// The figures on one line, for programs.
#[derive(Serialize)]
struct Line {
    engine: &'static str,
    rounds: usize,
    kills: usize,
    finished_calls_repeated: usize,
    lost_runs: usize,
    wrong_transcripts: usize,
    unacknowledged_repeats: usize,
    median_recovery_ms: f64,
}

/// What happened in all rounds together.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) rounds: usize,
    pub(crate) kills: usize,
    /// Calls that began again although they had finished, or may not, or in the same process.
    pub(crate) finished_calls_repeated: usize,
    /// Calls that had ended, and began again because that was not on the disk yet.
    pub(crate) unacknowledged_repeats: usize,
    /// Runs that did not come to their end, and processes that had not on the disk what a model had read.
    pub(crate) lost_runs: usize,
    /// Runs that came to another end than one that nobody stopped.
    pub(crate) wrong_transcripts: usize,
    /// How long it took from the start of a process until it had its conversation back.
    pub(crate) recoveries: Vec<Duration>,
}

impl Report {
    /// Takes in what one process did.
    pub(crate) fn take(&mut self, found: &Found) {
        self.unacknowledged_repeats += found.unacknowledged.len();
        self.finished_calls_repeated += found.repeated.len();
        for key in &found.repeated {
            self.say(&format!("call {key} began again"));
        }
        if !found.lost.is_empty() {
            self.lose(&format!("what a model has read is not there: {}", found.lost.join(", ")));
        }
    }

    /// A run, or a part of one, is not there.
    pub(crate) fn lose(&mut self, how: &str) {
        self.lost_runs += 1;
        self.say(how);
    }

    /// A run has come to another end.
    pub(crate) fn mistake(&mut self, how: &str) {
        self.wrong_transcripts += 1;
        self.say(how);
    }

    /// What must not be is named with its round, so that it can be looked at.
    fn say(&self, what: &str) {
        eprintln!("round {}: {what}", self.rounds);
    }

    pub(crate) fn print(&self, as_json: bool) {
        let median = median(&self.recoveries).as_secs_f64() * 1e3;
        if as_json {
            let line = Line {
                engine: "journal",
                rounds: self.rounds,
                kills: self.kills,
                finished_calls_repeated: self.finished_calls_repeated,
                lost_runs: self.lost_runs,
                wrong_transcripts: self.wrong_transcripts,
                unacknowledged_repeats: self.unacknowledged_repeats,
                median_recovery_ms: (median * 10.0).round() / 10.0,
            };
            println!("{}", serde_json::to_string(&line).expect("numbers can always be written"));
            return;
        }
        println!("{} rounds, {} kills", self.rounds, self.kills);
        println!("  finished calls repeated     {}", self.finished_calls_repeated);
        println!("  lost runs                   {}", self.lost_runs);
        println!("  wrong transcripts           {}", self.wrong_transcripts);
        println!("  unacknowledged repeats      {}", self.unacknowledged_repeats);
        println!("  median recovery             {median:.1} ms");
    }

    /// Fails if anything was lost or done again.
    pub(crate) fn verdict(&self) -> Done {
        match self.finished_calls_repeated + self.lost_runs + self.wrong_transcripts {
            0 => Ok(()),
            _ => {
                Err("the drill found what must not be: something that counted was lost or done again".into())
            }
        }
    }
}

/// The middle one of some times; zero if there are none.
pub(crate) fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
