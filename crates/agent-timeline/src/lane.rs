//! The lanes of a timeline, and which bar is in which.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap},
    time::Duration,
};

use serde::Serialize;

use crate::bar::{Bar, BarKind};

/// A row of the picture: the turns of an agent, or calls of one tool that do not overlap. Lanes are
/// in the order in which they are drawn. The lanes of an agent's calls follow its own.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lane {
    /// The name of the agent or the tool.
    pub label: String,
    /// The lane of the agent that makes these calls: an index into
    /// [`Timeline::lanes`](crate::Timeline::lanes). `None` for a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<usize>,
    /// The number of lanes above it that it is nested in.
    pub depth: usize,
    /// Whether it is the lane of an agent, with its turns.
    pub is_agent: bool,
}

/// A lane whose calls have no lanes yet, with the runs and delegating calls in it.
struct Open {
    lane: Lane,
    /// Bars that are drawn in it. Of these, runs and delegating calls have more lanes below.
    bars: Vec<usize>,
}

/// Gives each bar its lane, and returns the lanes. `length` is that of the whole picture.
pub(crate) fn assign(bars: &mut [Bar], length: Duration) -> Vec<Lane> {
    let mut within: Vec<Vec<usize>> = vec![Vec::new(); bars.len()];
    for (place, bar) in bars.iter().enumerate() {
        if let Some(parent) = bar.parent {
            within[parent].push(place);
        }
    }
    // Bars that are shorter than this can't be told apart side by side.
    let short = length / 300;
    let mut lanes = Vec::new();
    let mut open: Vec<Open> = roots(bars);
    open.reverse();
    while let Some(Open { lane, bars: own }) = open.pop() {
        let (place, depth) = (lanes.len(), lane.depth + 1);
        lanes.push(lane);
        let mut calls = Vec::new();
        for &bar in &own {
            bars[bar].lane = place;
            for &part in &within[bar] {
                match bars[part].kind {
                    BarKind::Call => calls.push(part),
                    _ => bars[part].lane = place,
                }
            }
        }
        open.extend(packed(bars, &within, calls, short, |label, is_agent| Lane {
            label,
            parent: Some(place),
            depth,
            is_agent,
        }));
    }
    lanes
}

/// A lane for each conversation of a user. Its runs are one after another.
fn roots(bars: &[Bar]) -> Vec<Open> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut roots: Vec<Open> = Vec::new();
    for (place, bar) in bars.iter().enumerate().filter(|(_, bar)| bar.parent.is_none()) {
        let root = *places.entry(&bar.conversation).or_insert_with(|| {
            let lane = Lane { label: String::new(), parent: None, depth: 0, is_agent: true };
            roots.push(Open { lane, bars: Vec::new() });
            roots.len() - 1
        });
        roots[root].lane.label.clone_from(&bar.label);
        roots[root].bars.push(place);
    }
    roots
}

/// Puts calls with one label into as few lanes as possible, such that no two overlap. The lanes are
/// in reverse order, as a stack needs them.
fn packed(
    bars: &[Bar],
    within: &[Vec<usize>],
    mut calls: Vec<usize>,
    short: Duration,
    lane: impl Fn(String, bool) -> Lane,
) -> Vec<Open> {
    calls.sort_by_key(|&call| (bars[call].start, call));
    let mut groups: BTreeMap<(&str, bool), Vec<usize>> = BTreeMap::new();
    for &call in &calls {
        let key = (bars[call].label.as_str(), !within[call].is_empty());
        groups.entry(key).or_default().push(call);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, calls)| (bars[calls[0]].start, calls[0]));
    let mut open = Vec::new();
    for ((label, is_agent), calls) in groups {
        let first = open.len();
        let mut busy: BinaryHeap<Reverse<(Duration, usize)>> = BinaryHeap::new();
        let mut free: BTreeSet<usize> = BTreeSet::new();
        for call in calls {
            let (start, end) = (bars[call].start, bars[call].end.max(bars[call].start + short));
            while let Some(&Reverse((until, place))) = busy.peek().filter(|busy| busy.0.0 <= start) {
                debug_assert!(until <= start);
                busy.pop();
                free.insert(place);
            }
            let place = free.pop_first().unwrap_or_else(|| {
                open.push(Open { lane: lane(label.to_owned(), is_agent), bars: Vec::new() });
                open.len() - 1
            });
            open[place].bars.push(call);
            busy.push(Reverse((end, place)));
        }
        debug_assert!(first < open.len());
    }
    open.reverse();
    open
}
