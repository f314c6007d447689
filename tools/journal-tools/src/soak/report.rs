//! What the soak found.

use std::{io::Write, time::Duration};

use agent_core::{
    Conversation,
    budget::{Budget, Spent, Usd},
    conversation::OmissionReason,
};
use drill::{Done, median};
use serde::Serialize;

/// The fewest summaries for so many turns: a window holds about a dozen.
const TURNS_OF_SUMMARY: u32 = 40;

/// What has happened.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    turns: u32,
    pub(crate) kills: u32,
    summaries: usize,
    /// Whether the answer is the right one.
    right_answer: bool,
    finished_calls_repeated: usize,
    /// Histories that a model can't read, or in which something is missing or there twice.
    invalid_histories: usize,
    /// What the record says wrongly of what was spent.
    wrong_bills: usize,
    /// Requests that models answered, and those that were under way at a kill.
    answered_requests: u64,
    lost_requests: usize,
    spent: Spent,
    budget: Budget,
    #[serde(rename = "median_recovery_ms", serialize_with = "as_median")]
    pub(crate) recoveries: Vec<Duration>,
    /// What is wrong.
    #[serde(skip)]
    pub(crate) findings: Vec<String>,
}

fn as_median<S: serde::Serializer>(times: &[Duration], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((median(times).as_secs_f64() * 1e4).round() / 10.0)
}

impl Report {
    /// Nothing yet.
    pub(crate) fn new(turns: u32) -> Self {
        Self { turns, ..Self::default() }
    }

    /// These calls began again although they had finished.
    pub(crate) fn repeated(&mut self, keys: &[String]) {
        self.finished_calls_repeated += keys.len();
        self.findings.extend(keys.iter().map(|key| format!("call {key} began again")));
    }

    /// What was wrong with histories.
    pub(crate) fn invalid(&mut self, why: &[String]) {
        self.invalid_histories += why.len();
        self.findings.extend_from_slice(why);
    }

    /// What is wrong with what was spent.
    pub(crate) fn misspent(&mut self, wrong: &[String]) {
        self.wrong_bills += wrong.len();
        self.findings.extend_from_slice(wrong);
    }

    /// Notes that something is wrong, unless this holds.
    pub(crate) fn must(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.findings.push(otherwise());
        }
    }

    /// How the conversation ended, if it did.
    pub(crate) fn answer(&mut self, answered: Option<&Conversation>, right: &str) {
        let text = answered.map(Conversation::text).unwrap_or_default();
        self.right_answer = text == right;
        self.must(text == right, || format!("it answers {text:?}, not {right:?}"));
        let omissions = answered.map(Conversation::omissions).unwrap_or_default();
        self.summaries = omissions.iter().filter(|part| part.why == OmissionReason::Compacted).count();
        let (summaries, fewest) = (self.summaries, (self.turns / TURNS_OF_SUMMARY) as usize);
        self.must(summaries >= fewest, || format!("{summaries} summaries are fewer than {fewest}"));
    }

    /// What was spent in the end.
    pub(crate) fn spent(&mut self, spent: &Spent, answered: &Spent, lost: usize, budget: &Budget) {
        (self.spent, self.answered_requests, self.lost_requests) = (*spent, answered.requests, lost);
        self.budget = budget.clone();
    }

    /// As lines for people, or as one for programs.
    pub(crate) fn print(&self, as_json: bool, out: &mut impl Write) -> Done {
        if as_json {
            writeln!(out, "{}", serde_json::to_string(self)?)?;
            return Ok(());
        }
        let (spent, budget) = (&self.spent, &self.budget);
        let most = |limit: Option<u64>| limit.unwrap_or_default();
        writeln!(out, "{} turns, {} kills, {} summaries", self.turns, self.kills, self.summaries)?;
        writeln!(out, "  right answer                {}", self.right_answer)?;
        writeln!(out, "  finished calls repeated     {}", self.finished_calls_repeated)?;
        writeln!(out, "  invalid histories           {}", self.invalid_histories)?;
        writeln!(out, "  wrong bills                 {}", self.wrong_bills)?;
        writeln!(out, "  requests answered, lost     {}, {}", self.answered_requests, self.lost_requests)?;
        writeln!(out, "  requests, and budget        {} of {}", spent.requests, most(budget.requests))?;
        let tokens = spent.input_tokens + spent.output_tokens;
        writeln!(out, "  tokens, and budget          {tokens} of {}", most(budget.tokens))?;
        writeln!(out, "  cost, and budget            {} of {}", spent.cost, budget.usd.unwrap_or(Usd::ZERO))?;
        writeln!(
            out,
            "  median recovery             {:.1} ms",
            median(&self.recoveries).as_secs_f64() * 1e3
        )?;
        Ok(())
    }

    /// Fails if anything is wrong.
    pub(crate) fn verdict(&self) -> Done {
        match self.findings.len() {
            0 => Ok(()),
            _ => Err("the soak failed: something was lost, done twice, invalid or over the budget".into()),
        }
    }
}
