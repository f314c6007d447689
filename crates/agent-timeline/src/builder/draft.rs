//! A bar that is not complete yet.

use std::time::Duration;

use super::reply::Reply;
use crate::{
    bar::{Bar, MAX_NOTES, Segment, cut},
    milliseconds,
    state::State,
};

/// A bar, and the state in which it is now.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) bar: Bar,
    /// The number of its run.
    pub(super) run: usize,
    /// The state and since when; `None` if nothing is known to happen.
    now: Option<(State, Duration)>,
    /// When the present attempt began.
    attempt: Duration,
    /// Whether a piece of the reply has arrived.
    pub(super) has_pieces: bool,
    pub(super) reply: Reply,
    /// It has failed, unless another agent goes on.
    pub(super) may_go_on: bool,
}

impl Draft {
    pub(super) fn new(bar: Bar, run: usize) -> Self {
        let attempt = bar.start;
        Self { bar, run, now: None, attempt, has_pieces: false, reply: Reply::default(), may_go_on: false }
    }

    pub(super) fn state(&self) -> Option<State> {
        self.now.map(|(state, _)| state)
    }

    /// From now on it is in this state.
    pub(super) fn enter(&mut self, state: State, at: Duration) {
        if self.state() != Some(state) {
            self.leave(at);
            self.now = Some((state, at));
        }
    }

    fn leave(&mut self, at: Duration) {
        if let Some((state, start)) = self.now.take() {
            push(&mut self.bar.segments, Segment { state, start, end: at });
        }
    }

    /// It has ended.
    pub(super) fn end(&mut self, at: Duration) {
        self.leave(at);
        (self.bar.end, self.bar.is_open) = (at, false);
    }

    /// It goes on, after all.
    pub(super) fn reopen(&mut self) {
        if std::mem::take(&mut self.may_go_on) {
            (self.bar.is_open, self.bar.is_failed, self.bar.details.error) = (true, false, None);
        }
    }

    /// A new attempt begins.
    pub(super) fn begin_attempt(&mut self, at: Duration) {
        self.attempt = at;
    }

    /// It is a call that begins now, with this input.
    pub(super) fn begin(&mut self, input: &str, at: Duration) {
        self.enter(State::Running, at);
        self.begin_attempt(at);
        self.ask(input);
    }

    /// What was done in the present attempt was lost.
    pub(super) fn lose_attempt(&mut self, at: Duration) {
        self.leave(at);
        let attempt = self.attempt;
        for segment in self.bar.segments.iter_mut().filter(|segment| segment.start >= attempt) {
            if segment.state.is_model() || segment.state == State::Running {
                segment.state = State::Failed;
            }
        }
        let segments = std::mem::take(&mut self.bar.segments);
        segments.into_iter().for_each(|segment| push(&mut self.bar.segments, segment));
    }

    /// The first piece came this long after the start. It has no effect if a piece was seen.
    pub(super) fn split_at_first_piece(&mut self, after: Duration) {
        let first = self.bar.start + after;
        if let Some((State::FirstToken, since)) = self.now {
            if first >= since && !self.has_pieces {
                push(&mut self.bar.segments, Segment { state: State::FirstToken, start: since, end: first });
                self.now = Some((State::Streaming, first));
            }
        }
    }

    pub(super) fn note(&mut self, at: Duration, text: &str) {
        if self.bar.details.notes.len() < MAX_NOTES {
            self.bar.details.notes.push(format!("{}: {}", milliseconds::words(at), cut(text)));
        }
    }

    pub(super) fn ask(&mut self, text: &str) {
        self.bar.details.asked = cut(text);
    }

    pub(super) fn answer(&mut self, text: &str) {
        self.bar.details.answered = cut(text);
    }

    pub(super) fn fail(&mut self, error: &str) {
        self.bar.is_failed = true;
        self.bar.details.error = Some(cut(error));
    }

    /// The last moment at which it is known to have done something.
    fn last(&self) -> Duration {
        let segment = self.bar.segments.last().map_or(self.bar.start, |segment| segment.end);
        self.now.map_or(segment, |(_, since)| since).max(segment)
    }

    /// The bar as it is. `last` is the time of the last event of its run.
    pub(super) fn bar_at(&self, last: Duration) -> Bar {
        if !self.bar.is_open {
            return self.bar.clone();
        }
        let mut draft = self.clone();
        if draft.has_pieces {
            draft.answer(&self.reply.text());
        }
        draft.end(last.max(self.last()));
        draft.bar.is_open = true;
        draft.bar
    }
}

/// Adds a segment, unless it is empty. It is joined with one before it in the same state.
fn push(segments: &mut Vec<Segment>, segment: Segment) {
    match segments.last_mut() {
        _ if segment.end <= segment.start => {}
        Some(last) if last.state == segment.state && last.end == segment.start => last.end = segment.end,
        _ => segments.push(segment),
    }
}
