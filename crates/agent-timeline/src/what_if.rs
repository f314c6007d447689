//! How much earlier a run would end if something were changed.
//!
//! The model: a turn begins when the turn before it and all of its calls have ended. A call of a
//! delegated task ends when the other conversation ends. So if a call ends earlier, its turn's
//! calls are done earlier only as far as no other of them takes as long.

use std::{collections::HashMap, time::Duration};

use crate::{
    bar::{Bar, BarKind},
    state::State,
};

/// The turns of each conversation with their calls.
pub(crate) struct WhatIf {
    /// By the bar of a run or a delegating call.
    phases: Vec<Vec<Phase>>,
}

/// One turn and its calls. Calls before the first turn of the log have no turn.
#[derive(Default)]
struct Phase {
    turn: Option<usize>,
    calls: Vec<usize>,
}

impl WhatIf {
    pub(crate) fn new(bars: &[Bar]) -> Self {
        let mut phases: Vec<Vec<Phase>> = Vec::new();
        phases.resize_with(bars.len(), Vec::new);
        // By the turn: its place among the turns of its conversation.
        let mut places: HashMap<usize, usize> = HashMap::new();
        for (place, bar) in bars.iter().enumerate() {
            let Some(parent) = bar.parent else { continue };
            let phases = &mut phases[parent];
            if bar.kind == BarKind::Turn {
                places.insert(place, phases.len());
                phases.push(Phase { turn: Some(place), calls: Vec::new() });
                continue;
            }
            let phase = bar.turn.and_then(|turn| places.get(&turn).copied());
            if phase.is_none() && phases.is_empty() {
                phases.push(Phase::default());
            }
            // Calls whose turn is not in the log come first.
            phases[phase.unwrap_or(0)].calls.push(place);
        }
        Self { phases }
    }

    /// How much earlier the runs would end, by the bar of the run. `saved` says by how much a turn
    /// gets shorter, or how much earlier a call ends for reasons of its own.
    pub(crate) fn saved(&self, bars: &[Bar], saved: impl Fn(usize) -> Duration) -> Vec<Duration> {
        let mut by_bar: Vec<Duration> = (0..bars.len()).map(&saved).collect();
        // What is within another bar comes after it.
        for whole in (0..bars.len()).rev() {
            let within: Duration = self.phases[whole].iter().map(|phase| phase.saved(bars, &by_bar)).sum();
            by_bar[whole] += within;
        }
        by_bar
    }

    /// The calls that had to start one after another although nothing in the events says why, with
    /// how much earlier each could have started. Each is a call of a reply with several calls.
    pub(crate) fn one_by_one(&self, bars: &[Bar]) -> HashMap<usize, Duration> {
        let mut late = HashMap::new();
        for phase in self.phases.iter().flatten() {
            let Some(turn) = phase.turn else { continue };
            let mut sorted = phase.calls.clone();
            sorted.sort_by_key(|&call| (bars[call].start, call));
            for pair in sorted.windows(2) {
                let (before, call) = (&bars[pair[0]], &bars[pair[1]]);
                let follows = call.start >= before.end && call.start - before.end <= SOON;
                let has_waited = call.segments.first().is_some_and(|first| first.state.is_wait());
                if follows && !has_waited && before.length() > SOON && call.start > bars[turn].end {
                    late.insert(pair[1], call.start - bars[turn].end);
                }
            }
        }
        late
    }

    /// Notes for each call that waited for a permit or for its turn which call's end let it start.
    pub(crate) fn find_holders(&self, bars: &mut [Bar]) {
        let mut ended: Vec<(Duration, usize)> = bars
            .iter()
            .enumerate()
            .filter(|(_, bar)| bar.kind == BarKind::Call && !bar.is_open)
            .map(|(place, bar)| (bar.end, place))
            .collect();
        ended.sort();
        for place in 0..bars.len() {
            let waits = |state| matches!(state, State::Permit | State::Exclusive);
            let Some(wait) = bars[place].segments.iter().find(|segment| waits(segment.state)) else {
                continue;
            };
            let (start, until) = (wait.start, wait.end);
            let next = ended.partition_point(|(end, _)| *end <= until);
            let holder = ended[..next].iter().rev().map(|(_, holder)| *holder);
            let holder = holder.take(8).find(|&holder| holder != place && bars[holder].end > start);
            bars[place].held_by = holder;
        }
    }
}

/// How soon after the end of one thing another begins that waited for it.
const SOON: Duration = Duration::from_millis(10);

impl Phase {
    /// How much earlier all of it is done.
    fn saved(&self, bars: &[Bar], saved: &[Duration]) -> Duration {
        let starts = self.calls.iter().map(|&call| bars[call].start);
        let first = starts.min().unwrap_or_default();
        let turn_end = self.turn.map_or(first, |turn| bars[turn].end);
        let ends = self.calls.iter().map(|&call| bars[call].end);
        let old = ends.fold(turn_end, Duration::max);
        let new_ends = self.calls.iter().map(|&call| bars[call].end.saturating_sub(saved[call]));
        let new = new_ends.fold(turn_end, Duration::max);
        old - new + self.turn.map_or(Duration::ZERO, |turn| saved[turn])
    }
}
