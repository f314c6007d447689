//! The timeline as a trace that other viewers read.

use std::{cmp::Reverse, time::Duration};

use serde_json::{Value, json};

use crate::{
    bar::{Bar, BarKind},
    milliseconds,
    timeline::Timeline,
};

impl Timeline {
    /// A trace in Chrome's JSON format, for [Perfetto](https://ui.perfetto.dev) and
    /// `chrome://tracing`.
    ///
    /// Each lane is a thread, because such viewers draw events of one thread wrongly if they
    /// overlap. If bars of one lane do, it is several threads. What each turn or call did is nested in it. An arrow leads from each turn to the
    /// calls that it made.
    pub fn to_chrome_trace(&self) -> String {
        let mut events = vec![json!({"ph": "M", "pid": 1, "name": "process_name", "args": {"name": "run"}})];
        let threads = Threads::new(self);
        for (place, &lane) in threads.lanes.iter().enumerate() {
            let lane = &self.lanes[lane];
            let name = format!("{:indent$}{}", "", lane.label, indent = 2 * lane.depth);
            let of_lane = |what: &str, args: Value| json!({"ph": "M", "pid": 1, "tid": place + 1, "name": what, "args": args});
            events.push(of_lane("thread_name", json!({"name": name})));
            events.push(of_lane("thread_sort_index", json!({"sort_index": place})));
        }
        for (place, bar) in self.bars.iter().enumerate() {
            let thread = threads.of_bars[place];
            events.push(slice(bar, thread, &bar.label, args(bar), (bar.start, bar.end)));
            for segment in &bar.segments {
                let times = (segment.start, segment.end);
                events.push(slice(bar, thread, segment.state.words(), json!({}), times));
            }
            events.extend(self.arrow(place, bar, &threads).into_iter().flatten());
        }
        json!({"displayTimeUnit": "ms", "traceEvents": events}).to_string()
    }

    /// From the turn that made a call to the call.
    fn arrow(&self, place: usize, bar: &Bar, threads: &Threads) -> Option<[Value; 2]> {
        let turn = &self.bars[bar.turn?];
        // It begins inside the turn, or else viewers find no slice for it.
        let inside = turn.end.saturating_sub(Duration::from_micros(1)).max(turn.start);
        let from = micros(inside.min(bar.start));
        let flow = |ph: &str, bar: usize, ts: f64| json!({"ph": ph, "pid": 1, "tid": threads.of_bars[bar] + 1, "id": place, "cat": "call", "name": "call", "ts": ts});
        let mut end = flow("f", place, micros(bar.start));
        end["bp"] = json!("e");
        Some([flow("s", bar.turn?, from), end])
    }
}

/// The threads of the trace. Bars of one thread lie in each other or apart.
struct Threads {
    /// By the bar.
    of_bars: Vec<usize>,
    /// By the thread: its lane.
    lanes: Vec<usize>,
}

impl Threads {
    fn new(timeline: &Timeline) -> Self {
        let bars = &timeline.bars;
        let mut of_lanes: Vec<Vec<usize>> = vec![Vec::new(); timeline.lanes.len()];
        for (place, bar) in bars.iter().enumerate() {
            of_lanes[bar.lane].push(place);
        }
        let (mut of_bars, mut lanes) = (vec![0; bars.len()], Vec::new());
        for (lane, mut places) in of_lanes.into_iter().enumerate() {
            places.sort_by_key(|&place| (bars[place].start, Reverse(bars[place].end), place));
            // By the thread: the bars that are open.
            let mut threads: Vec<Vec<&Bar>> = Vec::new();
            for place in places {
                let bar = &bars[place];
                let fits = |open: &mut Vec<&Bar>| {
                    open.retain(|whole| whole.end > bar.start);
                    open.iter().all(|whole| is_within(bar, whole))
                };
                let thread = threads.iter_mut().position(fits).unwrap_or_else(|| {
                    threads.push(Vec::new());
                    threads.len() - 1
                });
                threads[thread].push(bar);
                of_bars[place] = lanes.len() + thread;
            }
            lanes.extend(vec![lane; threads.len().max(1)]);
        }
        Self { of_bars, lanes }
    }
}

/// Whether a bar lies in another one, and in one of its segments or apart from them.
fn is_within(bar: &Bar, whole: &Bar) -> bool {
    let cuts = |start: Duration, end: Duration| start < bar.end && bar.start < end;
    let holds = |start: Duration, end: Duration| start <= bar.start && bar.end <= end;
    let mut segments = whole.segments.iter();
    holds(whole.start, whole.end)
        && segments.all(|one| !cuts(one.start, one.end) || holds(one.start, one.end))
}

fn slice(bar: &Bar, thread: usize, name: &str, args: Value, (start, end): (Duration, Duration)) -> Value {
    let (ts, dur) = (micros(start), micros(end) - micros(start));
    let kind = match bar.kind {
        BarKind::Run => "run",
        BarKind::Turn => "turn",
        BarKind::Call => "call",
    };
    json!({"ph": "X", "pid": 1, "tid": thread + 1, "cat": kind, "name": name, "ts": ts, "dur": dur, "args": args})
}

/// What a viewer shows of a bar.
fn args(bar: &Bar) -> Value {
    let mut args = serde_json::to_value(&bar.details).expect("all keys are strings");
    args["id"] = json!(bar.id);
    args
}

/// Microseconds, the unit of the format.
fn micros(time: Duration) -> f64 {
    milliseconds::of(time) * 1e3
}
