//! The table's rows: what is measured, and what it should come to.

use crate::client::Sample;

/// A measurement that gives one row or some.
pub(crate) struct Part {
    /// What the client does.
    pub(crate) job: &'static str,
    /// Conversations a measurement, and with `--quick`.
    pub(crate) conversations: [usize; 2],
    /// Whether the floor does the same.
    pub(crate) beside_floor: bool,
    /// Whether the runtimes have one worker, as in a container with one CPU.
    pub(crate) on_one_worker: bool,
    pub(crate) rows: &'static [Row],
}

/// A figure.
pub(crate) struct Row {
    pub(crate) key: &'static str,
    pub(crate) goal: Goal,
    /// What it is, for people.
    pub(crate) what: &'static str,
    /// From a measurement of ours and one of the floor, made one after the other.
    pub(crate) figure: fn(&Sample, &Sample) -> f64,
}

/// What a figure should be.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
    Said,
}

use Goal::{AtLeast, AtMost, Said};

/// All that is measured over sockets, in order.
pub(crate) const PARTS: &[Part] = &[
    alone(
        "fan_async",
        &[row("fan_async", AtMost(1.03), "16 async tools of 100 ms: wall / 100 ms", |o, _| o.wall / 0.1)],
    ),
    alone(
        "fan_blocking",
        &[row("fan_blocking", AtMost(1.03), "16 blocking tools of 100 ms: wall / 100 ms", |o, _| {
            o.wall / 0.1
        })],
    ),
    alone(
        "fan_cpu",
        &[row("fan_cpu", AtMost(1.06), "2 tools of 100 ms of CPU: wall / 100 ms", |o, _| o.wall / 0.1)],
    ),
    alone(
        "eager",
        &[row("eager", AtMost(1.02), "last result of a streamed reply / 1,100 ms", |o, _| o.last / 1.1)],
    ),
    alone(
        "delegate",
        &[row("delegate", AtMost(1.03), "8 agents as tools: wall / 500 ms", |o, _| o.wall / 0.5)],
    ),
    beside(
        "turns",
        [200, 3],
        &[row("turn_cpu", AtMost(1.15), "client CPU a turn, unary / floor", |o, f| o.cpu / f.cpu)],
    ),
    beside(
        "turns_stream",
        [200, 3],
        &[row("turn_cpu_stream", AtMost(1.15), "client CPU a turn, streamed / floor", |o, f| o.cpu / f.cpu)],
    ),
    on_one_worker(beside(
        "turns",
        [200, 3],
        &[row("one_worker_cpu", Said, "turn_cpu on a runtime of one worker", |o, f| o.cpu / f.cpu)],
    )),
    on_one_worker(beside(
        "turns_stream",
        [200, 3],
        &[row("one_worker_cpu_stream", Said, "turn_cpu_stream on a runtime of one worker", |o, f| {
            o.cpu / f.cpu
        })],
    )),
    beside(
        "chat_turns",
        [200, 3],
        &[row("chat_cpu", AtMost(1.4), "turn_cpu over chat completions", |o, f| o.cpu / f.cpu)],
    ),
    beside(
        "chat_turns_stream",
        [200, 3],
        &[row("chat_cpu_stream", AtMost(1.4), "turn_cpu_stream over chat completions", |o, f| o.cpu / f.cpu)],
    ),
    beside(
        "responses_turns",
        [200, 3],
        &[row("responses_cpu", AtMost(1.4), "turn_cpu over the Responses API", |o, f| o.cpu / f.cpu)],
    ),
    beside(
        "responses_turns_stream",
        [200, 3],
        &[row("responses_cpu_stream", AtMost(1.4), "turn_cpu_stream over the Responses API", |o, f| {
            o.cpu / f.cpu
        })],
    ),
    beside(
        "crowd",
        [640, 64],
        &[row("turns_per_s", AtLeast(1.0), "turns a second of 64 conversations at once / floor", |o, f| {
            f.wall / o.wall
        })],
    ),
    beside(
        "many",
        [5_000, 200],
        &[
            row("many_wall", AtMost(1.1), "5,000 conversations x 4 turns of 500 ms: wall / floor", |o, f| {
                o.wall / f.wall
            }),
            row("many_kb", AtMost(0.9), "there: peak memory above start / floor", |o, f| o.kb / f.kb),
        ],
    ),
    Part {
        job: "many_h2",
        conversations: [5_000, 200],
        beside_floor: false,
        on_one_worker: false,
        rows: &[
            row(
                "many_h2_wall",
                AtMost(1.3),
                "5,000 conversations x 4 turns of 500 ms over HTTP/2: wall / 2 s",
                |o, _| o.wall / 2.0,
            ),
            row("many_h2_kb", AtMost(60.0), "there: peak memory above start, KB a conversation", |o, _| {
                o.kb / (o.turns / 4) as f64
            }),
        ],
    },
    beside(
        "long",
        [3, 1],
        &[
            row("long_cpu", AtMost(0.45), "200 turns of 2 KB results: client CPU / floor", |o, f| {
                o.cpu / f.cpu
            }),
            row("long_growth", AtMost(2.5), "there: CPU of turns 181 to 200 / turns 11 to 30", |o, _| {
                o.growth
            }),
        ],
    ),
    beside(
        "long_threads",
        [3, 1],
        &[row(
            "long_threads_cpu",
            AtMost(0.12),
            "the same with message threads: client CPU / floor without",
            |o, f| o.cpu / f.cpu,
        )],
    ),
];

/// From the process's start to its first request.
pub(crate) const START: Row =
    row("start", AtMost(2.0), "process start to first request / floor", |o, f| o.wall / f.wall);

/// The keys of all rows, in order.
pub(crate) fn keys() -> impl Iterator<Item = &'static str> {
    let parts = PARTS.iter().flat_map(|part| part.rows).map(|row| row.key);
    parts.chain([START.key]).chain(MACHINE.iter().map(|(key, _)| *key))
}

/// What the loop costs without a server; the program `machine` says it.
pub(crate) const MACHINE: [(&str, &str); 3] = [
    ("loop_ns", "the loop alone, a turn of 4 instant tools: ns of CPU"),
    ("loop_allocs", "the same: allocations"),
    ("hop_ns", "a call on the blocking pool instead of in place: ns of CPU more"),
];

const fn row(key: &'static str, goal: Goal, what: &'static str, figure: fn(&Sample, &Sample) -> f64) -> Row {
    Row { key, goal, what, figure }
}

const fn alone(job: &'static str, rows: &'static [Row]) -> Part {
    Part { job, conversations: [1, 1], beside_floor: false, on_one_worker: false, rows }
}

const fn beside(job: &'static str, conversations: [usize; 2], rows: &'static [Row]) -> Part {
    Part { job, conversations, beside_floor: true, on_one_worker: false, rows }
}

const fn on_one_worker(part: Part) -> Part {
    Part { on_one_worker: true, ..part }
}

impl Goal {
    /// Whether a figure meets it; `None` if there is nothing to meet.
    pub(crate) fn is_met(self, figure: f64) -> Option<bool> {
        match self {
            AtMost(most) => Some(figure <= most),
            AtLeast(least) => Some(figure >= least),
            Said => None,
        }
    }

    /// In words.
    pub(crate) fn words(self) -> String {
        match self {
            AtMost(most) => format!("<= {most}"),
            AtLeast(least) => format!(">= {least}"),
            Said => String::new(),
        }
    }
}
