//! The figures of a timeline.

use std::{collections::HashMap, time::Duration};

use agent_core::Usage;
use serde::Serialize;

use crate::{
    bar::{Bar, BarKind},
    critical_path::Step,
    milliseconds,
    state::State,
};

/// The figures of all runs of a timeline. In JSON, times are numbers of milliseconds (`wall_ms`).
#[non_exhaustive]
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// How long it took, from the first event to the last.
    #[serde(rename = "wall_ms", with = "milliseconds")]
    pub wall: Duration,
    /// How long it would have taken one thing after another: all turns of models and all work of
    /// tools, with pauses before retries and for rate limits, but without waits for permits, for
    /// other calls and for people.
    #[serde(rename = "sum_ms", with = "milliseconds")]
    pub sum: Duration,
    /// How many times as fast it was: [`sum`](Self::sum) / [`wall`](Self::wall), without the time for
    /// which the whole run waited for a person. 1 if it took no time, or nothing is known to have
    /// worked.
    pub speed_up: f64,
    /// The most calls of tools that ran at the same time. Calls that wait for another agent do not
    /// count.
    pub most_calls: usize,
    /// How many turns of models.
    pub requests: usize,
    /// How many calls of tools.
    pub calls: usize,
    /// How many turns and calls failed.
    pub failed: usize,
    /// The tokens and the cost of all turns.
    pub usage: Usage,
    /// Where the time of the critical path went. The largest share comes first.
    pub shares: Vec<Share>,
}

/// A share of the critical path.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// The state.
    pub state: State,
    /// The tool or the agent that was in this state; `None` for a model or a wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How long.
    #[serde(rename = "time_ms", with = "milliseconds")]
    pub time: Duration,
    /// The share of the whole time, from 0 to 1. What is missing to 1 is time between steps.
    pub part: f64,
}

pub(crate) fn of(bars: &[Bar], path: &[Step], wall: Duration) -> Figures {
    let mut figures = Figures { wall, shares: shares(bars, path, wall), ..Figures::default() };
    for bar in bars {
        match bar.kind {
            BarKind::Run => continue,
            BarKind::Turn => {
                figures.requests += 1;
                figures.usage += bar.details.usage.unwrap_or_default();
            }
            // A call in the background is a conversation whose only call it is.
            BarKind::Call => figures.calls += usize::from(!is_same_call(bars, bar)),
        }
        figures.failed += usize::from(bar.is_failed);
        let is_work =
            |state| !matches!(state, State::Permit | State::Exclusive | State::Person | State::Delegated);
        let work = bar.segments.iter().filter(|segment| is_work(segment.state));
        figures.sum += work.map(|segment| segment.length()).sum();
    }
    let people = path.iter().filter(|step| step.state == State::Person).map(Step::length).sum();
    let active = wall.saturating_sub(people);
    figures.speed_up = match active.is_zero() || figures.sum.is_zero() {
        true => 1.0,
        false => figures.sum.as_secs_f64() / active.as_secs_f64(),
    };
    figures.most_calls = most_calls(bars, |_| true);
    figures
}

/// Whether this is the call of the bar that it is a part of: it has the same id and the same tool.
fn is_same_call(bars: &[Bar], bar: &Bar) -> bool {
    let Some(whole) = bar.parent.map(|parent| &bars[parent]) else { return false };
    let id = |bar: &Bar| bar.id.rsplit_once('/').map(|(_, id)| id.to_owned());
    whole.kind == BarKind::Call && whole.tool == bar.tool && whole.label == bar.label && id(whole) == id(bar)
}

fn shares(bars: &[Bar], path: &[Step], wall: Duration) -> Vec<Share> {
    let mut times: HashMap<(State, Option<&str>), Duration> = HashMap::new();
    for step in path {
        let bar = &bars[step.bar];
        let has_name = matches!(step.state, State::Running | State::Failed | State::Delegated);
        let name = (has_name && bar.kind == BarKind::Call).then_some(bar.label.as_str());
        *times.entry((step.state, name)).or_default() += step.length();
    }
    let part = |time: Duration| time.as_secs_f64() / wall.as_secs_f64().max(f64::MIN_POSITIVE);
    let share = |((state, name), time): ((State, Option<&str>), Duration)| Share {
        state,
        name: name.map(str::to_owned),
        time,
        part: part(time),
    };
    let mut shares: Vec<Share> = times.into_iter().map(share).collect();
    shares.sort_by(|a, b| b.time.cmp(&a.time).then_with(|| (a.state, &a.name).cmp(&(b.state, &b.name))));
    shares
}

/// The most of these calls that ran at the same time.
pub(crate) fn most_calls(bars: &[Bar], counts: impl Fn(&Bar) -> bool) -> usize {
    let calls = bars.iter().filter(|bar| bar.kind == BarKind::Call && counts(bar));
    let runs = calls.flat_map(|bar| &bar.segments);
    let runs = runs.filter(|segment| matches!(segment.state, State::Running | State::Failed));
    // At one moment, ends come before starts.
    let mut changes: Vec<(Duration, i32)> =
        runs.flat_map(|segment| [(segment.start, 1), (segment.end, -1)]).collect();
    changes.sort();
    let (mut now, mut most) = (0_i32, 0);
    for (_, change) in changes {
        now += change;
        most = most.max(now);
    }
    // Calls that took no time are not segments.
    most.unsigned_abs() as usize
}
