//! What each agent did when.

use std::{collections::HashMap, time::Duration};

use agent_core::{Event, EventKind};

/// The agents of a run, in the order they began, each with what it did.
pub(super) struct Lanes {
    pub(super) lanes: Vec<Lane>,
    /// The work of all agents but the first.
    pub(super) work: Span,
}

/// One agent.
pub(super) struct Lane {
    pub(super) agent: String,
    /// From its first event to its last.
    pub(super) span: Span,
    /// Its model's replies.
    pub(super) replies: Vec<Span>,
    /// The calls of its tools, but not those that another agent did.
    pub(super) calls: Vec<Span>,
}

/// From when to when.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) start: Duration,
    pub(super) end: Duration,
}

impl Span {
    pub(super) fn overlaps(self, other: Span) -> bool {
        self.start < other.end && other.start < self.end
    }

    pub(super) fn length(self) -> Duration {
        self.end - self.start
    }
}

impl Lanes {
    /// The lanes of a run in which each agent has one conversation.
    pub(super) fn new(events: &[Event]) -> Self {
        let mut lanes: Vec<Lane> = Vec::new();
        // What has started, by conversation and call; a reply has no call.
        let mut open: HashMap<(&str, &str), Duration> = HashMap::new();
        for event in events {
            let (at, path) = (event.at, event.conversation.as_ref());
            let place = lanes.iter().position(|lane| lane.agent == *event.agent).unwrap_or_else(|| {
                lanes.push(Lane::new(&event.agent, at));
                lanes.len() - 1
            });
            let lane = &mut lanes[place];
            lane.span.end = at;
            let ended = |start: Option<Duration>| start.map(|start| Span { start, end: at });
            match &event.kind {
                EventKind::TurnStarted { .. } => drop(open.insert((path, ""), at)),
                EventKind::TurnEnded { .. } => lane.replies.extend(ended(open.remove(&(path, "")))),
                EventKind::CallStarted { id, .. } => drop(open.insert((path, id), at)),
                EventKind::Delegated { id, .. } => drop(open.remove(&(path, id))),
                EventKind::CallEnded { id, .. } => lane.calls.extend(ended(open.remove(&(path, id)))),
                _ => {}
            }
        }
        let others = || lanes.iter().skip(1).map(|lane| lane.span);
        let start = others().map(|span| span.start).min().unwrap_or_default();
        let end = others().map(|span| span.end).max().unwrap_or_default();
        Self { work: Span { start, end }, lanes }
    }
}

impl Lanes {
    /// When the first agent had done.
    pub(super) fn end(&self) -> Duration {
        self.lanes.first().map(|lane| lane.span.end).unwrap_or_default()
    }
}

impl Lane {
    fn new(agent: &str, at: Duration) -> Self {
        let span = Span { start: at, end: at };
        Self { agent: agent.to_owned(), span, replies: Vec::new(), calls: Vec::new() }
    }

    /// When neither its model wrote nor a tool of its own was called.
    pub(super) fn gaps(&self) -> Vec<Span> {
        let mut busy: Vec<Span> = self.replies.iter().chain(&self.calls).copied().collect();
        busy.sort_by_key(|span| span.start);
        let mut gaps = Vec::new();
        let mut done = self.span.start;
        for Span { start, end } in busy {
            gaps.extend((start > done).then_some(Span { start: done, end: start }));
            done = done.max(end);
        }
        gaps
    }
}
