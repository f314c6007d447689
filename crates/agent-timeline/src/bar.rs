//! One bar of a timeline.

use std::{sync::Arc, time::Duration};

use agent_core::Usage;
use serde::Serialize;

use crate::{milliseconds, state::State};

/// A run, a turn of a model, or a call of a tool, from its start to its end.
///
/// In JSON, times are numbers of milliseconds (`start_ms`), and what is not known is left out.
#[non_exhaustive]
#[derive(Clone, Debug, Serialize)]
pub struct Bar {
    /// The id, by which a page finds the bar again when it is drawn anew. For a call it is the
    /// call's key, `CONVERSATION/CALL_ID`; for a turn, `CONVERSATION#NUMBER`.
    pub id: String,
    /// What it is.
    pub kind: BarKind,
    /// The lane in which it is drawn: an index into [`Timeline::lanes`](crate::Timeline::lanes).
    pub lane: usize,
    /// The run or the delegating call of which it is a part: an index into
    /// [`Timeline::bars`](crate::Timeline::bars). `None` for a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<usize>,
    /// For a call: the turn that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<usize>,
    /// The name on the bar: of the tool, or of the agent that works.
    pub label: String,
    /// For a call: the tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The agent whose run, turn or call it is.
    pub agent: Arc<str>,
    /// The conversation.
    pub conversation: Arc<str>,
    /// When it began to run or to wait. 0 is the start of the run.
    #[serde(rename = "start_ms", with = "milliseconds")]
    pub start: Duration,
    /// When it ended. If no end is known, the end of what it is a part of, or the last moment that is
    /// known.
    #[serde(rename = "end_ms", with = "milliseconds")]
    pub end: Duration,
    /// Whether it has not ended: it still runs, waits for a person, or was killed.
    pub is_open: bool,
    /// Whether it failed.
    pub is_failed: bool,
    /// What it did when, in order. There may be gaps. A run has none.
    pub segments: Vec<Segment>,
    /// For a call: when it could have started if its tool were `read_only`.
    #[serde(rename = "could_start_ms", with = "milliseconds::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub could_start: Option<Duration>,
    /// For a call that went on in the [background](agent_core::ToolSpec::detach_after): since when. Until
    /// then the reply's other calls and the next turn waited for it.
    #[serde(rename = "detached_ms", with = "milliseconds::optional")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detached: Option<Duration>,
    /// For a call that waited for a permit or for its turn: the call whose end let it start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_by: Option<usize>,
    /// What was asked and answered, and what it took.
    #[serde(flatten)]
    pub details: Details,
}

/// What a [`Bar`] is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BarKind {
    /// A run of a conversation, from its first event to its last.
    Run,
    /// One request to a model, with its retries.
    Turn,
    /// A call of a tool. If it delegated, all that the other agent did is within it.
    Call,
}

/// A part of a bar, in one state.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// What it did.
    pub state: State,
    /// From when.
    #[serde(rename = "start_ms", with = "milliseconds")]
    pub start: Duration,
    /// Until when.
    #[serde(rename = "end_ms", with = "milliseconds")]
    pub end: Duration,
}

/// What a bar was about. Texts are cut to [`MAX_TEXT`] characters.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Serialize)]
pub struct Details {
    /// What the model read that was new in this turn, or the input of the call.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub asked: String,
    /// The reply, the result of the call, or the end of the run.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub answered: String,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What else happened: retries, waits, progress. At most [`MAX_NOTES`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The model that replied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The provider of the model, for example `anthropic`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The server that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Tokens and cost of a turn. For a run and a delegated call, of all turns within.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Why the reply ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<String>,
}

/// The most characters that are kept of a text.
pub const MAX_TEXT: usize = 20_000;

/// The most notes that are kept of a bar.
pub const MAX_NOTES: usize = 50;

impl Bar {
    /// A bar that begins.
    pub(crate) fn new(
        kind: BarKind,
        id: String,
        parent: Option<usize>,
        (conversation, agent): (Arc<str>, Arc<str>),
        start: Duration,
    ) -> Self {
        Self {
            id,
            kind,
            lane: 0,
            parent,
            turn: None,
            label: agent.to_string(),
            tool: None,
            agent,
            conversation,
            start,
            end: start,
            is_open: true,
            is_failed: false,
            segments: Vec::new(),
            could_start: None,
            detached: None,
            held_by: None,
            details: Details::default(),
        }
    }

    /// How long it took.
    pub fn length(&self) -> Duration {
        self.end.saturating_sub(self.start)
    }

    /// How long it was in this state.
    pub fn time_in(&self, state: State) -> Duration {
        self.segments.iter().filter(|segment| segment.state == state).map(Segment::length).sum()
    }

    /// Until when the turn after its reply waited for it.
    pub(crate) fn awaited_end(&self) -> Duration {
        self.detached.map_or(self.end, |detached| detached.min(self.end))
    }

    /// When a tool began to work on the call; the start, if none did.
    pub(crate) fn run_start(&self) -> Duration {
        let runs = self.segments.iter().find(|segment| !segment.state.is_wait());
        runs.map_or(self.start, |segment| segment.start)
    }
}

impl Segment {
    /// How long it is.
    pub fn length(&self) -> Duration {
        self.end.saturating_sub(self.start)
    }
}

/// Cuts a text to [`MAX_TEXT`] characters, and says so.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        None => text.to_owned(),
        Some((end, _)) => {
            let more = text[end..].chars().count();
            format!("{}… ({more} characters more)", &text[..end])
        }
    }
}
