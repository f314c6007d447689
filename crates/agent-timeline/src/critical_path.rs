//! The chain of turns and calls that decided how long a run took.

use std::time::Duration;

use serde::Serialize;

use crate::{
    bar::{Bar, BarKind},
    milliseconds,
    state::State,
};

/// A step of the [critical path](crate::Timeline::critical_path): a part of a bar, in one state.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The bar: an index into [`Timeline::bars`](crate::Timeline::bars).
    pub bar: usize,
    /// What it did.
    pub state: State,
    /// From when.
    #[serde(rename = "start_ms", with = "milliseconds")]
    pub start: Duration,
    /// Until when.
    #[serde(rename = "end_ms", with = "milliseconds")]
    pub end: Duration,
}

impl Step {
    /// How long it took.
    pub fn length(&self) -> Duration {
        self.end.saturating_sub(self.start)
    }
}

/// Computes the path, from the end of the run backwards.
pub(crate) fn of(bars: &[Bar]) -> Vec<Step> {
    let runs = bars.iter().enumerate().filter(|(_, bar)| bar.kind == BarKind::Run);
    let Some((last, bar)) = runs.max_by_key(|(place, bar)| (bar.end, *place)) else { return Vec::new() };
    let mut walk = Walk { bars, parts: Parts::new(bars), now: bar.end, steps: Vec::new() };
    let mut run = Some(last);
    while let Some(place) = run {
        walk.run(place);
        run = earlier_run(bars, place, walk.now);
    }
    walk.steps.reverse();
    walk.steps
}

/// The run of the same conversation that came before.
fn earlier_run(bars: &[Bar], run: usize, now: Duration) -> Option<usize> {
    let is_earlier =
        |bar: &Bar| bar.kind == BarKind::Run && bar.conversation == bars[run].conversation && bar.end <= now;
    (0..run).rev().find(|&place| is_earlier(&bars[place]))
}

/// The turns and calls of each conversation.
struct Parts {
    /// By the bar of the conversation: its turns and calls, sorted by their ends. What was looked
    /// at is taken off, because the walk never comes back to it.
    /// A call in the background is there twice: when it was detached, and at its end.
    by_end: Vec<Vec<Part>>,
    /// By the bar of the conversation: its turns, in order.
    turns: Vec<Vec<usize>>,
    has_parts: Vec<bool>,
}

/// A turn or a call that something waited for, until a time.
#[derive(Clone, Copy)]
struct Part {
    until: Duration,
    /// Whether it worked at its end. Of two that end at once, the one that worked decided it.
    works: bool,
    bar: usize,
    /// It was detached at this time, and went on.
    goes_on: bool,
}

impl Part {
    fn of(bars: &[Bar], bar: usize, detached: Option<Duration>) -> Self {
        let last = bars[bar].segments.last();
        let works = last.is_none_or(|segment| !segment.state.is_wait());
        Self { until: detached.unwrap_or(bars[bar].end), works, bar, goes_on: detached.is_some() }
    }
}

impl Parts {
    fn new(bars: &[Bar]) -> Self {
        let mut by_end = vec![Vec::new(); bars.len()];
        let mut turns = vec![Vec::new(); bars.len()];
        for (place, bar) in bars.iter().enumerate() {
            let Some(parent) = bar.parent else { continue };
            by_end[parent].push(Part::of(bars, place, None));
            by_end[parent].extend(bar.detached.map(|detached| Part::of(bars, place, Some(detached))));
            if bar.kind == BarKind::Turn {
                turns[parent].push(place);
            }
        }
        for parts in &mut by_end {
            parts.sort_by_key(|part| (part.until, part.works, part.bar));
        }
        let has_parts = by_end.iter().map(|parts: &Vec<Part>| !parts.is_empty()).collect();
        Self { by_end, turns, has_parts }
    }
}

struct Walk<'b> {
    bars: &'b [Bar],
    parts: Parts,
    /// All after this time is done.
    now: Duration,
    /// From the last to the first.
    steps: Vec<Step>,
}

impl Walk<'_> {
    /// Walks back through a run to its start.
    fn run(&mut self, run: usize) {
        // The conversation in which the walk is.
        let mut whole = run;
        // Whether the step after this one was a call, which may have started early.
        let mut was_call = false;
        loop {
            match self.before(whole, was_call) {
                Some(part) if self.parts.has_parts[part.bar] && !part.goes_on => {
                    (whole, was_call) = (part.bar, false);
                    self.now = self.now.min(part.until);
                }
                Some(part) => {
                    self.now = self.now.min(part.until);
                    self.add(part.bar, |_| true);
                    was_call = self.bars[part.bar].kind == BarKind::Call;
                }
                // The beginning of a delegated conversation: what its call did before.
                None if whole != run => {
                    self.add(whole, |state| state != State::Delegated);
                    (whole, was_call) = (self.bars[whole].parent.unwrap_or(run), true);
                }
                None => return,
            }
        }
    }

    /// What the conversation waited for at this time: the turn that was making the call, or else
    /// what had ended last.
    fn before(&mut self, whole: usize, was_call: bool) -> Option<Part> {
        let (bars, now) = (self.bars, self.now);
        if was_call {
            let turns = &self.parts.turns[whole];
            let next = turns.partition_point(|&turn| bars[turn].start < now);
            let turn = next.checked_sub(1).map(|place| turns[place]);
            if let Some(turn) = turn.filter(|&turn| bars[turn].end > now) {
                return Some(Part::of(bars, turn, None));
            }
        }
        let parts = &mut self.parts.by_end[whole];
        while let Some(part) = parts.pop() {
            if part.until <= now {
                return Some(part);
            }
        }
        None
    }

    /// Adds the part of a bar that is before now, in these states.
    fn add(&mut self, place: usize, states: impl Fn(State) -> bool) {
        let bar = &self.bars[place];
        for segment in bar.segments.iter().rev().filter(|segment| states(segment.state)) {
            let end = segment.end.min(self.now);
            if segment.start < end {
                self.steps.push(Step { bar: place, state: segment.state, start: segment.start, end });
            }
        }
        self.now = self.now.min(bar.start);
    }
}
