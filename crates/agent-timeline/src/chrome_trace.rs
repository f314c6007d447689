//! The timeline as a trace that other viewers read.

use std::time::Duration;

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
    /// overlap. What each turn or call did is nested in it. An arrow leads from each turn to the
    /// calls that it made.
    pub fn to_chrome_trace(&self) -> String {
        let mut events = vec![json!({"ph": "M", "pid": 1, "name": "process_name", "args": {"name": "run"}})];
        for (place, lane) in self.lanes.iter().enumerate() {
            let name = format!("{:indent$}{}", "", lane.label, indent = 2 * lane.depth);
            let of_lane = |what: &str, args: Value| json!({"ph": "M", "pid": 1, "tid": place + 1, "name": what, "args": args});
            events.push(of_lane("thread_name", json!({"name": name})));
            events.push(of_lane("thread_sort_index", json!({"sort_index": place})));
        }
        for (place, bar) in self.bars.iter().enumerate() {
            events.push(slice(bar, &bar.label, args(bar), (bar.start, bar.end)));
            for segment in &bar.segments {
                let times = (segment.start, segment.end);
                events.push(slice(bar, segment.state.words(), json!({}), times));
            }
            events.extend(self.arrow(place, bar).into_iter().flatten());
        }
        json!({"displayTimeUnit": "ms", "traceEvents": events}).to_string()
    }

    /// From the turn that made a call to the call.
    fn arrow(&self, place: usize, bar: &Bar) -> Option<[Value; 2]> {
        let turn = &self.bars[bar.turn?];
        // It begins inside the turn, or else viewers find no slice for it.
        let inside = turn.end.saturating_sub(Duration::from_micros(1)).max(turn.start);
        let from = micros(inside.min(bar.start));
        let flow = |ph: &str, bar: &Bar, ts: f64| json!({"ph": ph, "pid": 1, "tid": bar.lane + 1, "id": place, "cat": "call", "name": "call", "ts": ts});
        let mut end = flow("f", bar, micros(bar.start));
        end["bp"] = json!("e");
        Some([flow("s", turn, from), end])
    }
}

fn slice(bar: &Bar, name: &str, args: Value, (start, end): (Duration, Duration)) -> Value {
    let (ts, dur) = (micros(start), micros(end) - micros(start));
    let kind = match bar.kind {
        BarKind::Run => "run",
        BarKind::Turn => "turn",
        BarKind::Call => "call",
    };
    json!({"ph": "X", "pid": 1, "tid": bar.lane + 1, "cat": kind, "name": name, "ts": ts, "dur": dur, "args": args})
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
