//! The pieces a reply arrives in.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Block, Counts, Json, Response, StopReason,
    message::tagged::{milliseconds, tagged},
};

/// One piece of a reply. A backend yields them in order; [`Fold`](crate::model::Fold) makes them a
/// [`Response`].
///
/// A backend that streams yields `Start`, then for each block `Block`, `Piece`s and `BlockEnd`, then
/// `Stop`. Words need only `Piece` and `Stop`; every other block needs its `Block` first, a call with id
/// and name (and its input, unless `Piece`s bring that). One that does not stream yields a single `Complete`. Nothing of a
/// reply follows its `Stop`, and a piece must fit its block: what would be lost is an error, see [`DeltaValidator`](crate::model::DeltaValidator).
///
/// ```
/// use agent_core::{Block, Delta, StopReason, model::{Fold, Piece}};
///
/// let call = Block::tool_use("call_1", "weather", serde_json::json!({}));
/// let mut fold = Fold::default();
/// fold.push(Delta::words(0, "Let me "))?;
/// fold.push(Delta::words(0, "look."))?;
/// fold.push(Delta::Block { index: 1, block: call })?;
/// fold.push(Delta::Piece { index: 1, piece: Piece::Input(r#"{"city": "#.to_owned()) })?;
/// fold.push(Delta::Piece { index: 1, piece: Piece::Input(r#""Oslo"}"#.to_owned()) })?;
/// fold.push(Delta::BlockEnd { index: 1 })?;
/// fold.push(Delta::stop(StopReason::ToolUse))?;
/// assert_eq!(fold.finish()?.tool_calls().next().map(|call| call.input.text()), Some(r#"{"city": "Oslo"}"#));
/// # Ok::<(), agent_core::LlmError>(())
/// ```
///
/// In JSON it is `{"kind": "piece", "value": {"index": 0, "piece": {"kind": "text", "value": "Hi."}}}`.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case", remote = "Self")]
pub enum Delta {
    /// The reply began.
    Start {
        /// The API's id of the reply.
        id: Option<String>,
        /// The model that answers.
        model: Option<String>,
        /// What it cost so far.
        usage: Box<Counts>,
        /// Other fields of it, as in [`Response::extra`].
        extra: BTreeMap<String, Json>,
    },
    /// A block began, to be filled by the pieces that follow.
    Block {
        /// The block's place in the reply, from 0.
        index: usize,
        /// The block so far.
        block: Block,
    },
    /// More of a block.
    Piece {
        /// The block's place in the reply, from 0.
        index: usize,
        /// What is new.
        piece: Piece,
    },
    /// A block ended. One that `max_tokens` cut ends the same way.
    BlockEnd {
        /// The block's place in the reply, from 0.
        index: usize,
    },
    /// Why the reply ended. Without it, it broke off.
    Stop {
        /// Why.
        stop_reason: StopReason,
        /// What the API adds, as it came.
        stop_details: Option<Json>,
        /// What it cost.
        usage: Box<Counts>,
        /// Other fields of the reply, as in [`Response::extra`]; they win over those of its start.
        extra: BTreeMap<String, Json>,
    },
    /// The whole reply at once.
    #[serde(alias = "whole")]
    Complete(Box<Response>),
    /// The request is asked again from scratch: what was yielded before does not count.
    Restarted {
        /// Why.
        reason: String,
    },
    /// Something a listener may want to know; no part of the reply.
    Notice(Notice),
}

/// More of a block.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case", remote = "Self")]
pub enum Piece {
    /// Words of a text block.
    Text(String),
    /// Words of a thinking block.
    Thinking(String),
    /// A thinking block's signature.
    Signature(String),
    /// A part of a tool call's input; the parts together are JSON.
    Input(String),
    /// A citation of a text block, as it came.
    Citation(Json),
    /// A delta this library does not know, as it came.
    Other(Json),
}

/// Something about a request that is worth telling, from a backend or a wrapper around one. In JSON, times are numbers of milliseconds:
/// `wait_ms`, `reset_ms`.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case", remote = "Self")]
pub enum Notice {
    /// A request failed and will be made again.
    Retry {
        /// The failed attempt, from 1.
        attempt: u32,
        /// How long until the next one.
        #[serde(rename = "wait_ms", with = "milliseconds")]
        wait: Duration,
        /// What went wrong.
        reason: String,
    },
    /// A request waits before it is made.
    Wait {
        /// How long, as far as that is known.
        #[serde(rename = "wait_ms", with = "milliseconds")]
        wait: Duration,
        /// Why.
        reason: String,
    },
    /// Parts of the request were left out or cut, since they are more than the server takes. The model reads a note in
    /// their place; the conversation's record has them as they were.
    #[serde(alias = "left_out")]
    Omitted {
        /// Where each stood in the request, and what was done: `messages.2.content.1: a picture of …`.
        parts: Vec<String>,
    },
    /// What the server still takes before it refuses, as a reply's head says.
    RateLimit {
        /// Of what, in the API's words: `requests`, `input-tokens`.
        of: String,
        /// How much it takes at most.
        limit: u64,
        /// How much of that is left.
        remaining: u64,
        /// How long until all of it is there again.
        #[serde(rename = "reset_ms", with = "milliseconds")]
        reset: Duration,
    },
}

tagged!(Delta, Piece, Notice);

impl Delta {
    /// Words of the block at `index`.
    pub fn words(index: usize, text: impl Into<String>) -> Self {
        Self::Piece { index, piece: Piece::Text(text.into()) }
    }

    /// A call with its whole input, as the block at `index`.
    pub fn call(
        index: usize,
        id: impl Into<String>,
        name: impl Into<String>,
        input: impl Into<Json>,
    ) -> Self {
        Self::Block { index, block: Block::tool_use(id, name, input) }
    }

    /// The end of a reply, without counts.
    pub fn stop(stop_reason: StopReason) -> Self {
        let (usage, extra) = (Box::default(), BTreeMap::new());
        Self::Stop { stop_reason, stop_details: None, usage, extra }
    }

    /// The whole reply, of a backend that does not stream.
    pub fn complete(response: Response) -> Self {
        Self::Complete(Box::new(response))
    }

    /// The words this piece adds to what the user reads. To show a reply while it streams, take
    /// [`LiveText`](crate::event::LiveText): it knows which words do not count any more.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Piece { piece: Piece::Text(text), .. } => Some(text.into()),
            Self::Complete(response) => {
                let text: String = response.content.iter().filter_map(Block::as_text).collect();
                (!text.is_empty()).then_some(text.into())
            }
            _ => None,
        }
    }
}
