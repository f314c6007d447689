//! What the drill found.

use std::{io::Write, time::Duration};

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
    wrong_bills: usize,
    leaked_permits: usize,
    unacknowledged_repeats: usize,
    median_recovery_ms: f64,
}

/// What happened in all rounds together.
#[derive(Debug, Default)]
pub struct Report {
    /// What the runs were on.
    pub engine: &'static str,
    /// How many runs came to their end.
    pub rounds: usize,
    /// How often one was stopped.
    pub kills: usize,
    /// Calls that began again although they had finished, or may not, or in the same process.
    pub finished_calls_repeated: usize,
    /// Calls that had ended, and began again because that was not on the disk yet.
    pub unacknowledged_repeats: usize,
    /// Runs that did not come to their end, and processes that had not on the disk what a model had read.
    pub lost_runs: usize,
    /// Runs that came to another end than one that nobody stopped.
    pub wrong_transcripts: usize,
    /// What the record of a run says wrongly of what it has spent.
    pub wrong_bills: usize,
    /// Permits that calls held or waited for after the end of their run.
    pub leaked_permits: usize,
    /// What must not be, each with its round, so that it can be looked at.
    pub findings: Vec<String>,
    /// How long it took from the start of a process until it had its conversation back.
    pub recoveries: Vec<Duration>,
}

impl Report {
    /// Takes in what one process did.
    pub fn take(&mut self, found: &Found) {
        self.unacknowledged_repeats += found.unacknowledged.len();
        self.finished_calls_repeated += found.repeated.len();
        for key in &found.repeated {
            self.find(&format!("call {key} began again"));
        }
        if !found.lost.is_empty() {
            self.lose(&format!("what a model has read is not there: {}", found.lost.join(", ")));
        }
    }

    /// A run, or a part of one, is not there.
    pub fn lose(&mut self, how: &str) {
        self.lost_runs += 1;
        self.find(how);
    }

    /// A run has come to another end.
    pub fn mistake(&mut self, how: &str) {
        self.wrong_transcripts += 1;
        self.find(how);
    }

    /// What is wrong with what a run has spent.
    pub fn misspend(&mut self, wrong: Vec<String>) {
        self.wrong_bills += wrong.len();
        wrong.iter().for_each(|wrong| self.find(wrong));
    }

    /// So many permits are held or waited for, and no call runs any more.
    pub fn leak(&mut self, permits: usize) {
        self.leaked_permits += permits;
        if permits > 0 {
            self.find(&format!("{permits} permits were not given back"));
        }
    }

    fn find(&mut self, what: &str) {
        self.findings.push(format!("round {}: {what}", self.rounds));
    }

    /// As lines for people, or as one for programs.
    pub fn print(&self, as_json: bool, out: &mut impl Write) -> Done {
        let median = median(&self.recoveries).as_secs_f64() * 1e3;
        if as_json {
            let line = Line {
                engine: self.engine,
                rounds: self.rounds,
                kills: self.kills,
                finished_calls_repeated: self.finished_calls_repeated,
                lost_runs: self.lost_runs,
                wrong_transcripts: self.wrong_transcripts,
                wrong_bills: self.wrong_bills,
                leaked_permits: self.leaked_permits,
                unacknowledged_repeats: self.unacknowledged_repeats,
                median_recovery_ms: (median * 10.0).round() / 10.0,
            };
            writeln!(out, "{}", serde_json::to_string(&line).expect("numbers can always be written"))?;
            return Ok(());
        }
        writeln!(out, "{} rounds, {} kills", self.rounds, self.kills)?;
        writeln!(out, "  finished calls repeated     {}", self.finished_calls_repeated)?;
        writeln!(out, "  lost runs                   {}", self.lost_runs)?;
        writeln!(out, "  wrong transcripts           {}", self.wrong_transcripts)?;
        writeln!(out, "  wrong bills                 {}", self.wrong_bills)?;
        writeln!(out, "  leaked permits              {}", self.leaked_permits)?;
        writeln!(out, "  unacknowledged repeats      {}", self.unacknowledged_repeats)?;
        writeln!(out, "  median recovery             {median:.1} ms")?;
        let slowest = self.recoveries.iter().max().copied().unwrap_or_default().as_secs_f64() * 1e3;
        writeln!(out, "  slowest                     {slowest:.1} ms")?;
        Ok(())
    }

    /// Fails if anything was lost or done again.
    pub fn verdict(&self) -> Done {
        let wrong = [self.wrong_transcripts, self.wrong_bills, self.leaked_permits];
        match self.finished_calls_repeated + self.lost_runs + wrong.iter().sum::<usize>() {
            0 => Ok(()),
            _ => Err("the drill failed: something that counted was lost or done twice".into()),
        }
    }
}

/// The middle one of some times; zero if there are none.
pub fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn keys(keys: &[&str]) -> Vec<String> {
        keys.iter().map(|&key| key.to_owned()).collect()
    }

    fn print(report: &Report, as_json: bool) -> String {
        let mut out = Vec::new();
        report.print(as_json, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_figures_are_printed_for_people_and_for_programs() {
        let mut report = Report { engine: "journal", rounds: 2, kills: 5, ..Report::default() };
        report.recoveries.extend([9, 7, 12].map(Duration::from_millis));
        report.take(&Found { unacknowledged: keys(&["s/1"]), ..Found::default() });
        assert_snapshot!(print(&report, true), @r#"{"engine":"journal","rounds":2,"kills":5,"finished_calls_repeated":0,"lost_runs":0,"wrong_transcripts":0,"wrong_bills":0,"leaked_permits":0,"unacknowledged_repeats":1,"median_recovery_ms":9.0}"#);
        assert_snapshot!(print(&report, false), @r"
        2 rounds, 5 kills
          finished calls repeated     0
          lost runs                   0
          wrong transcripts           0
          wrong bills                 0
          leaked permits              0
          unacknowledged repeats      1
          median recovery             9.0 ms
          slowest                     12.0 ms
        ");
        assert_snapshot!(print(&Report::default(), true), @r#"{"engine":"","rounds":0,"kills":0,"finished_calls_repeated":0,"lost_runs":0,"wrong_transcripts":0,"wrong_bills":0,"leaked_permits":0,"unacknowledged_repeats":0,"median_recovery_ms":0.0}"#);
    }

    #[test]
    fn what_must_not_be_is_named_with_its_round_and_fails_the_drill() {
        let mut fine = Report { rounds: 1, kills: 9, ..Report::default() };
        fine.take(&Found { unacknowledged: keys(&["s/1", "s/2"]), ..Found::default() });
        fine.verdict().unwrap();
        let wrong: [fn(&mut Report); 6] = [
            |report| report.take(&Found { repeated: keys(&["s/1", "s/2"]), ..Found::default() }),
            |report| report.take(&Found { lost: keys(&["s/1", "s/2"]), ..Found::default() }),
            |report| report.lose("it did not come to its end"),
            |report| report.mistake("its messages are others"),
            |report| report.misspend(vec!["1 request was forgotten".to_owned()]),
            |report| report.leak(3),
        ];
        let mut all = Report::default();
        for (round, go_wrong) in wrong.iter().enumerate() {
            let mut report = Report { rounds: round, ..Report::default() };
            go_wrong(&mut report);
            report.verdict().unwrap_err();
            all.rounds = round;
            go_wrong(&mut all);
        }
        assert_snapshot!(all.findings.join("\n"), @r"
        round 0: call s/1 began again
        round 0: call s/2 began again
        round 1: what a model has read is not there: s/1, s/2
        round 2: it did not come to its end
        round 3: its messages are others
        round 4: 1 request was forgotten
        round 5: 3 permits were not given back
        ");
        assert_snapshot!(print(&all, true), @r#"{"engine":"","rounds":5,"kills":0,"finished_calls_repeated":2,"lost_runs":2,"wrong_transcripts":1,"wrong_bills":1,"leaked_permits":3,"unacknowledged_repeats":0,"median_recovery_ms":0.0}"#);
        assert_snapshot!(all.verdict().unwrap_err(), @"the drill failed: something that counted was lost or done twice");
    }
}
