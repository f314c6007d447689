//! Replies in the JSON of the API, complete or as events of a stream.

use std::collections::BTreeMap;

use agent_core::{Block, Delta, Json, Response, StopReason, Usage, model::Piece};
use serde::Serialize;

use crate::event_stream::EventStream;

/// The parts of a reply that are not its content.
#[derive(Clone, Copy)]
pub(super) struct Envelope<'a> {
    pub(super) id: &'a str,
    pub(super) model: &'a str,
    /// The stop sequence to name, if that is why the reply stopped.
    pub(super) stop_sequence: Option<&'a str>,
}

/// A message in the API's JSON: complete, or at the start of a stream.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    id: &'a str,
    r#type: &'static str,
    role: &'static str,
    model: &'a str,
    content: &'a [Block],
    stop_reason: Option<&'a str>,
    stop_sequence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_details: Option<&'a Json>,
    usage: Usage,
    #[serde(flatten)]
    extra: Option<&'a Extra>,
}

/// Fields that the scenario adds and that have no type here.
type Extra = BTreeMap<String, Json>;

impl<'a> Message<'a> {
    pub(super) fn complete(envelope: Envelope<'a>, response: &'a Response) -> Self {
        let Response { content, stop_reason, stop_details, usage, extra, .. } = response;
        let stop = Stop::new(envelope, stop_reason, stop_details.as_ref(), extra);
        let Stop { stop_reason, stop_sequence, stop_details, extra } = stop;
        let extra = Some(extra);
        Self { content, stop_reason, stop_sequence, stop_details, extra, ..Self::start(envelope, *usage) }
    }

    fn start(Envelope { id, model, .. }: Envelope<'a>, usage: Usage) -> Self {
        let (r#type, role, content) = ("message", "assistant", &[]);
        let (stop_reason, stop_sequence, stop_details, extra) = (None, None, None, None);
        Self { id, r#type, role, model, content, stop_reason, stop_sequence, stop_details, usage, extra }
    }
}

/// One event of a stream.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Event<'a> {
    MessageStart { message: Message<'a> },
    Ping,
    ContentBlockStart { index: usize, content_block: &'a Json },
    ContentBlockDelta { index: usize, delta: BlockDelta<'a> },
    ContentBlockStop { index: usize },
    MessageDelta { delta: Stop<'a>, usage: Usage },
    MessageStop,
}

/// An addition to a content block.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum BlockDelta<'a> {
    TextDelta {
        text: &'a str,
    },
    ThinkingDelta {
        thinking: &'a str,
    },
    SignatureDelta {
        signature: &'a str,
    },
    InputJsonDelta {
        partial_json: &'a str,
    },
    CitationsDelta {
        citation: &'a Json,
    },
    #[serde(untagged)]
    Other(&'a Json),
}

/// Why a reply ended.
#[derive(Serialize)]
pub(super) struct Stop<'a> {
    stop_reason: Option<&'a str>,
    stop_sequence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_details: Option<&'a Json>,
    #[serde(flatten)]
    extra: &'a Extra,
}

impl<'a> Stop<'a> {
    fn new(
        envelope: Envelope<'a>,
        reason: &'a StopReason,
        stop_details: Option<&'a Json>,
        extra: &'a Extra,
    ) -> Self {
        let stop_sequence = envelope.stop_sequence.filter(|_| *reason == StopReason::StopSequence);
        Self { stop_reason: Some(reason.as_str()), stop_sequence, stop_details, extra }
    }
}

impl<'a> Event<'a> {
    /// The events for a delta: usually one, two at the start and at the end of a reply.
    pub(super) fn of(delta: &'a Delta, envelope: Envelope<'a>) -> impl Iterator<Item = Self> {
        let (first, second) = match delta {
            Delta::Start { usage: counts, .. } => {
                let mut usage = Usage::default();
                usage.update(counts);
                let message = Message::start(envelope, usage);
                (Some(Self::MessageStart { message }), Some(Self::Ping))
            }
            Delta::Block { index, block } => {
                (Some(Self::ContentBlockStart { index: *index, content_block: block.json() }), None)
            }
            Delta::Piece { index, piece } => {
                let delta = BlockDelta::of(piece);
                (delta.map(|delta| Self::ContentBlockDelta { index: *index, delta }), None)
            }
            Delta::BlockEnd { index } => (Some(Self::ContentBlockStop { index: *index }), None),
            Delta::Stop { stop_reason, stop_details, usage: counts, extra } => {
                let mut usage = Usage::default();
                usage.update(counts);
                let delta = Stop::new(envelope, stop_reason, stop_details.as_ref(), extra);
                (Some(Self::MessageDelta { delta, usage }), Some(Self::MessageStop))
            }
            // A scenario has no other deltas, and the API has no events for them.
            _ => (None, None),
        };
        first.into_iter().chain(second)
    }

    /// Writes the event to a stream.
    pub(super) fn write(&self, to: &mut EventStream) {
        to.push(self.name(), self);
    }

    fn name(&self) -> &'static str {
        match self {
            Self::MessageStart { .. } => "message_start",
            Self::Ping => "ping",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop => "message_stop",
        }
    }
}

impl<'a> BlockDelta<'a> {
    fn of(piece: &'a Piece) -> Option<Self> {
        Some(match piece {
            Piece::Text(text) => Self::TextDelta { text },
            Piece::Thinking(thinking) => Self::ThinkingDelta { thinking },
            Piece::Signature(signature) => Self::SignatureDelta { signature },
            Piece::Input(partial_json) => Self::InputJsonDelta { partial_json },
            Piece::Citation(citation) => Self::CitationsDelta { citation },
            Piece::Other(delta) => Self::Other(delta),
            _ => return None,
        })
    }
}
