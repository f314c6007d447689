//! What the drill found.

use std::time::Duration;

use serde::Serialize;

use crate::Done;

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
    /// Calls that began again although their outcome was on the disk.
    pub(crate) finished_calls_repeated: usize,
    /// Calls that had ended, and began again because that was not on the disk yet.
    pub(crate) unacknowledged_repeats: usize,
    pub(crate) lost_runs: usize,
    pub(crate) wrong_transcripts: usize,
    /// How long it took from the start of a process until it had its conversation back.
    pub(crate) recoveries: Vec<Duration>,
}

impl Report {
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
