//! What to change to make a run faster.

mod changes;
mod shares;

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use crate::{bar::Bar, critical_path::Step, figures::Figures, milliseconds, what_if::WhatIf};

/// One thing to change, in one or two plain sentences.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// What it is about.
    pub kind: AdviceKind,
    /// What happened and what to do.
    pub text: String,
    /// The tool or the agent it is about; `None` if it is about the whole run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How much earlier the run ends at most. It is computed from the events: a turn of a model
    /// begins when all calls of the turn before it have ended, and nothing else changes.
    #[serde(rename = "gain_ms", with = "milliseconds")]
    pub gain: Duration,
    /// The turns and calls it is about: indexes into [`Timeline::bars`](crate::Timeline::bars). The
    /// longest come first; at most 100.
    pub bars: Vec<usize>,
}

/// What [`Advice`] is about. In JSON it is the name in `snake_case`.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AdviceKind {
    /// A tool is not marked `read_only`, so its calls wait for the end of the reply.
    ReadOnly,
    /// Calls waited for permits: a limit of parallel calls was reached.
    Permits,
    /// Calls waited for other calls, with which they take turns.
    TakeTurns,
    /// Calls of one reply ran one after another, and did not have to.
    OneByOne,
    /// Requests waited for the gate or for a rate limit.
    RateLimit,
    /// Requests failed and waited to be made again.
    Retries,
    /// Attempts failed, and their time was lost.
    Failures,
    /// Calls waited for a person.
    People,
    /// Many turns in a row made one call each.
    SmallReplies,
    /// One tool takes most of the time.
    SlowTool,
    /// Models take most of the time before their replies begin.
    FirstToken,
    /// Models take most of the time to think.
    Thinking,
    /// Models take most of the time to write.
    Streaming,
}

impl AdviceKind {
    /// Whether the gain is that of something that takes no time at all, which nothing reaches.
    fn is_bound(self) -> bool {
        matches!(
            self,
            Self::SmallReplies | Self::SlowTool | Self::FirstToken | Self::Thinking | Self::Streaming
        )
    }
}

/// What all advice is made from.
struct Facts<'f> {
    bars: &'f [Bar],
    what_if: &'f WhatIf,
    path: &'f [Step],
    figures: &'f Figures,
    /// The runs that the critical path goes through.
    runs: Vec<usize>,
}

/// The most bars that are named in one piece of advice.
const MOST_BARS: usize = 100;

/// The most tools of which one piece of advice each is considered, those with the most time.
const MOST_TOOLS: usize = 20;

/// The shortest gain, as a share of the whole time, for which there is advice.
const LEAST_PART: u32 = 100;

pub(crate) fn of(bars: &[Bar], what_if: &WhatIf, path: &[Step], figures: &Figures) -> Vec<Advice> {
    let facts = Facts { bars, what_if, path, figures, runs: runs(bars, path) };
    let mut advice = changes::of(&facts);
    advice.extend(shares::of(&facts));
    // Nothing reaches the gain of something that takes no time. What others waited for it counts there,
    // too, but a setting may change that more easily.
    let weight = |advice: &Advice| match advice.kind.is_bound() {
        true => {
            let of_tool = advice.name.as_deref().filter(|_| advice.kind == AdviceKind::SlowTool);
            advice.gain.min(facts.time_on_path(of_tool)) / 2
        }
        false => advice.gain,
    };
    advice.sort_by(|a, b| weight(b).cmp(&weight(a)).then_with(|| a.text.cmp(&b.text)));
    advice
}

/// The runs that the path goes through.
fn runs(bars: &[Bar], path: &[Step]) -> Vec<usize> {
    let mut runs: Vec<usize> = Vec::new();
    for step in path {
        let mut place = step.bar;
        while let Some(parent) = bars[place].parent {
            place = parent;
        }
        if runs.last() != Some(&place) {
            runs.push(place);
        }
    }
    runs
}

impl Facts<'_> {
    /// How much earlier the run ends if calls wait so much less, or start so much earlier.
    fn gain(&self, saved: impl Fn(usize) -> Duration) -> Duration {
        self.sum(self.what_if.saved(self.bars, saved, false))
    }

    /// How much earlier the run ends if turns and calls work so much less. Calls that waited for them
    /// begin earlier.
    fn gain_of_work(&self, saved: impl Fn(usize) -> Duration) -> Duration {
        self.sum(self.what_if.saved(self.bars, saved, true))
    }

    fn sum(&self, saved: Vec<Duration>) -> Duration {
        let sum: Duration = self.runs.iter().map(|&run| saved[run]).sum();
        // Of a log with holes, more may seem possible.
        sum.min(self.figures.wall)
    }

    /// How much of the critical path the calls with this name take; all of it without a name.
    fn time_on_path(&self, name: Option<&str>) -> Duration {
        let steps = self.path.iter().filter(|step| name.is_none_or(|name| self.bars[step.bar].label == name));
        steps.filter(|step| name.is_none() || !step.state.is_wait()).map(Step::length).sum()
    }

    /// Whether so much is worth advice.
    fn counts(&self, gain: Duration) -> bool {
        gain >= Duration::from_millis(1) && gain * LEAST_PART >= self.figures.wall
    }

    /// The names of those with the most time, at most [`MOST_TOOLS`], in order of their names.
    fn most<'n>(&self, times: impl Iterator<Item = (&'n str, Duration)>) -> Vec<&'n str> {
        let mut sums: BTreeMap<&str, Duration> = BTreeMap::new();
        times
            .filter(|(_, time)| !time.is_zero())
            .for_each(|(name, time)| *sums.entry(name).or_default() += time);
        let mut names: Vec<&str> = sums.keys().copied().collect();
        names.sort_by_key(|name| std::cmp::Reverse(sums[name]));
        names.truncate(MOST_TOOLS);
        names.sort_unstable();
        names
    }

    /// The bars for which there is such a time, the longest first, and the sum of all.
    fn with_time(&self, time: impl Fn(&Bar) -> Duration) -> (Vec<usize>, Duration) {
        let times = self.bars.iter().enumerate().map(|(place, bar)| (time(bar), place));
        let mut times: Vec<(Duration, usize)> = times.filter(|(time, _)| !time.is_zero()).collect();
        times.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let sum = times.iter().map(|(time, _)| *time).sum();
        (times.into_iter().take(MOST_BARS).map(|(_, place)| place).collect(), sum)
    }
}

/// A name of a tool or an agent, in a sentence.
fn quoted(name: &str) -> String {
    format!("`{name}`")
}

/// How much earlier the run ends, as the end of a sentence.
fn ends_earlier(gain: Duration) -> String {
    format!("the run ends {} earlier", milliseconds::words(gain))
}
