//! How much earlier a run would end if something were changed.
//!
//! The model: a turn begins when the turn before it and all of its calls have ended. A call of a
//! delegated task ends when the other conversation ends. So if a call ends earlier, its turn's
//! calls are done earlier only as far as no other of them takes as long. A call that began to run
//! as soon as another one had ended waited for it: for its permit, its turn or its result.

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
    /// Calls of earlier turns that went on in the background, whose end the next turn waited for.
    late: Vec<usize>,
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
                phases.push(Phase { turn: Some(place), ..Phase::default() });
                continue;
            }
            let phase = bar.turn.and_then(|turn| places.get(&turn).copied());
            if phase.is_none() && phases.is_empty() {
                phases.push(Phase::default());
            }
            // Calls whose turn is not in the log come first.
            phases[phase.unwrap_or(0)].calls.push(place);
        }
        phases.iter_mut().for_each(|phases| find_late(phases, bars));
        Self { phases }
    }

    /// How much earlier the runs would end, by the bar of the run. `saved` says by how much a turn
    /// gets shorter, or how much earlier a call ends for reasons of its own. `in_chains` says whether
    /// calls that waited for others begin earlier if those end earlier: not if it is the wait that is
    /// saved.
    pub(crate) fn saved(
        &self,
        bars: &[Bar],
        saved: impl Fn(usize) -> Duration,
        in_chains: bool,
    ) -> Vec<Duration> {
        let mut by_bar: Vec<Duration> = (0..bars.len()).map(&saved).collect();
        // What is within another bar comes after it.
        for whole in (0..bars.len()).rev() {
            let within: Duration =
                self.phases[whole].iter().map(|phase| phase.saved(bars, &by_bar, in_chains)).sum();
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
                if before.detached.is_some() {
                    continue;
                }
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

/// Finds the phases that waited for calls in the background: all else in them ended before.
fn find_late(phases: &mut [Phase], bars: &[Bar]) {
    let detached = phases.iter().flat_map(|phase| &phase.calls).copied();
    let detached: Vec<usize> = detached.filter(|&call| bars[call].detached.is_some()).collect();
    for call in detached {
        let end = bars[call].end;
        let started = |phase: &Phase| phase.turn.is_none_or(|turn| bars[turn].start < end);
        let Some(phase) = phases.iter_mut().rev().find(|phase| started(phase)) else { continue };
        if phase.others_end(bars) + SOON < end {
            phase.late.push(call);
        }
    }
}

impl Phase {
    /// When its turn and its calls had ended, as far as the next turn waited for them.
    fn others_end(&self, bars: &[Bar]) -> Duration {
        let turn = self.turn.map(|turn| bars[turn].end).unwrap_or_default();
        self.calls.iter().map(|&call| bars[call].awaited_end()).fold(turn, Duration::max)
    }

    /// How much earlier all of it is done.
    fn saved(&self, bars: &[Bar], saved: &[Duration], in_chains: bool) -> Duration {
        let starts = self.calls.iter().map(|&call| bars[call].start);
        let first = starts.min().unwrap_or_default();
        let turn_end = self.turn.map_or(first, |turn| bars[turn].end);
        let late = self.late.iter().map(|&call| bars[call].end);
        let old = late.fold(self.others_end(bars), Duration::max).max(turn_end);
        let late = self.late.iter().map(|&call| bars[call].end.saturating_sub(saved[call]));
        let calls = match in_chains {
            true => self.new_end(bars, saved, turn_end),
            false => {
                let ends = self.calls.iter().map(|&call| sooner(&bars[call], saved[call]));
                ends.max().unwrap_or_default()
            }
        };
        let new = late.fold(turn_end, Duration::max).max(calls);
        old.saturating_sub(new) + self.turn.map_or(Duration::ZERO, |turn| saved[turn])
    }

    /// When all of its calls would have ended. `turn_end` is the end of its turn, from which on calls
    /// wait for each other.
    fn new_end(&self, bars: &[Bar], saved: &[Duration], turn_end: Duration) -> Duration {
        let mut by_start: Vec<&Bar> = Vec::new();
        let mut order = self.calls.clone();
        order.sort_by_key(|&call| (bars[call].run_start(), bars[call].end));
        by_start.extend(order.iter().map(|&call| &bars[call]));
        let mut by_end: Vec<(Duration, usize)> =
            by_start.iter().enumerate().map(|(place, bar)| (bar.end, place)).collect();
        by_end.sort();
        let mut ended = by_end.into_iter().peekable();
        let (mut new_ends, mut all) = (Vec::new(), Duration::ZERO);
        // The end of the last call before, as it was, and the last of the new ends.
        let (mut last, mut new_last) = (None, Duration::ZERO);
        for (place, bar) in by_start.iter().enumerate() {
            let begins = bar.run_start();
            while let Some((end, before)) = ended.next_if(|(end, before)| *end <= begins && *before < place) {
                (last, new_last) = (Some(end), new_last.max(new_ends[before]));
            }
            let waited = last.filter(|&last| begins > turn_end && begins - last <= SOON);
            let sooner = waited.map_or(Duration::ZERO, |_| begins.saturating_sub(new_last.max(turn_end)));
            let new_end = bar.end.saturating_sub(saved[order[place]]).saturating_sub(sooner);
            new_ends.push(new_end);
            all = all.max(new_end.min(bar.awaited_end()));
        }
        all
    }
}

/// Until when something waits for a call that ends so much earlier.
fn sooner(bar: &Bar, saved: Duration) -> Duration {
    bar.end.saturating_sub(saved).min(bar.awaited_end())
}
