//! The pieces in which a reply arrives.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    Block, Counts, Json, Response, SharedText, StopReason,
    message::tagged::{kind_first, milliseconds, tagged},
};

/// One piece of a streamed reply. A backend yields them in order, and [`Fold`](crate::model::Fold)
/// collects them into a [`Response`].
///
/// A backend that streams yields `Start`, then for each block a `Block`, its `Piece`s and a
/// `BlockEnd`, and then `Stop`. For text, `Piece` and `Stop` are enough. All other blocks must
/// begin with a `Block`. The `Block` of a call has the call's id and name, and its input unless
/// `Piece`s bring the input. A backend that does not stream yields one `Complete`. It is an error
/// if a piece does not fit its block, or if content follows the `Stop`; see
/// [`DeltaValidator`](crate::model::DeltaValidator).
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
/// A delta is serialized like this: `{"kind": "piece", "value": {"index": 0, "piece": {"kind":
/// "text", "value": "Hi."}}}`.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case", remote = "Self")]
pub enum Delta {
    /// The reply began.
    Start {
        /// The API's id of the reply; `None` if the API gives none.
        id: Option<SharedText>,
        /// The model that writes the reply; `None` if the API does not say.
        model: Option<SharedText>,
        /// The tokens counted so far.
        usage: Box<Counts>,
        /// Other fields of the reply; see [`Response::extra`].
        extra: BTreeMap<String, Json>,
    },
    /// A block began. The pieces that follow fill it.
    Block {
        /// The block's place in the reply, from 0.
        index: usize,
        /// The block as it begins.
        block: Block,
    },
    /// More content of a block.
    Piece {
        /// The block's place in the reply, from 0.
        index: usize,
        /// The new content.
        piece: Piece,
    },
    /// A block ended, also if `max_tokens` cut it.
    BlockEnd {
        /// The block's place in the reply, from 0.
        index: usize,
    },
    /// The reply ended. A stream that ends without a `Stop` broke off.
    Stop {
        /// Why the reply ended.
        stop_reason: StopReason,
        /// Details that the API adds, unchanged.
        stop_details: Option<Json>,
        /// The tokens counted.
        usage: Box<Counts>,
        /// Other fields of the reply; see [`Response::extra`]. They replace fields of the same name
        /// in `Start`.
        extra: BTreeMap<String, Json>,
    },
    /// The whole reply, from a backend that does not stream.
    #[serde(alias = "whole")]
    Complete(Arc<Response>),
    /// The request is made again from the beginning. All pieces before this one no longer count.
    Restarted {
        /// The reason.
        reason: String,
    },
    /// Something that a listener may want to know, such as a retry. It is not part of the reply.
    Notice(Notice),
    /// A delta of a kind that this version does not know, read from JSON that a later version
    /// wrote. Backends never yield it, and it adds nothing to a reply.
    #[serde(skip)]
    Other {
        /// The kind.
        kind: String,
        /// The value, unchanged; `None` if there is none.
        value: Option<Json>,
    },
}

/// New content of a block.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case", remote = "Self")]
pub enum Piece {
    /// Text of a text block.
    Text(String),
    /// Text of a thinking block.
    Thinking(String),
    /// A thinking block's signature.
    Signature(String),
    /// A part of a tool call's input. All parts together are one JSON object.
    Input(String),
    /// A citation of a text block, unchanged.
    Citation(Json),
    /// A delta of the API that this library does not know, unchanged. Also a kind of piece that
    /// this version does not know, read from JSON that a later version wrote: `{"kind": …,
    /// "value": …}`.
    Other(Json),
}

/// A message of a backend, or of a wrapper around one, about a request: the request waits, is
/// retried, was shortened, or was changed by a guard. In JSON, times are numbers of milliseconds
/// (`wait_ms`, `reset_ms`).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case", remote = "Self")]
pub enum Notice {
    /// A request failed and will be made again.
    Retry {
        /// The number of the failed attempt, from 1.
        attempt: u32,
        /// The time until the next attempt.
        #[serde(rename = "wait_ms", with = "milliseconds")]
        wait: Duration,
        /// What went wrong.
        reason: String,
    },
    /// A request waits before it is made, for example in a rate limiter.
    Wait {
        /// How long the request waits, as far as that is known.
        #[serde(rename = "wait_ms", with = "milliseconds")]
        wait: Duration,
        /// The reason.
        reason: String,
    },
    /// Parts of the request were left out or cut, because the server does not accept requests of
    /// that size. The model reads a note in their place. The record of the conversation keeps them.
    #[serde(alias = "left_out")]
    Omitted {
        /// One line for each part: the place of the part in the request, and what was done.
        /// Example: `messages.2.content.1: a picture of …`.
        parts: Vec<String>,
    },
    /// A summary is sent instead of earlier messages from now on. The record keeps them. See
    /// [`Block::history_summary`].
    Compacted {
        /// How many messages of the request the summary replaces.
        messages: usize,
        /// How many tokens the request had, counted or estimated.
        tokens: u64,
        /// How many tokens the summary has, estimated.
        summary_tokens: u64,
    },
    /// The history is too long, and there is no summary of it. The request is sent unchanged.
    NotCompacted {
        /// The reason.
        reason: String,
    },
    /// The tokens of the request could not be counted, and are only estimated.
    Estimated {
        /// The reason.
        reason: String,
    },
    /// How much the server still accepts before it refuses requests. It comes from the headers of a
    /// response.
    RateLimit {
        /// What is limited, as the API names it, for example `requests` or `input-tokens`.
        of: SharedText,
        /// The limit.
        limit: u64,
        /// How much of the limit is left.
        remaining: u64,
        /// The time until the full limit is available again.
        #[serde(rename = "reset_ms", with = "milliseconds")]
        reset: Duration,
    },
    /// A guard changed what the model reads or what is recorded of its reply.
    Guard {
        /// The guard's name.
        guard: String,
        /// What the guard did, without the text that it changed. Example: `replaced the reply's
        /// text`.
        did: String,
    },
    /// A [budget](crate::budget) is nearly used up. The model reads it, too.
    Budget {
        /// Which budget, and how much of it is spent.
        message: String,
    },
    /// A client sends the request to the server now. It comes again for each attempt. What the
    /// request has waited for before, a rate limiter or the time until a retry, is over.
    Sent {
        /// Who offers the API, as the conventions of OpenTelemetry name it: `anthropic`, `openai`,
        /// `aws.bedrock`.
        provider: SharedText,
        /// The model that is asked for.
        model: SharedText,
        /// The server's host, and its port if that is not the usual one; `None` if it is not known.
        server: Option<SharedText>,
    },
    /// A notice of a kind that this version does not know, read from JSON that a later version
    /// wrote.
    #[serde(skip)]
    Other {
        /// The kind.
        kind: String,
        /// The value, unchanged; `None` if there is none.
        value: Option<Json>,
    },
}

tagged!(Delta, Notice);

impl Serialize for Piece {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Piece {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        kind_first(
            deserializer,
            |inner| Self::deserialize(inner),
            |kind_only| Self::deserialize(kind_only),
            |kind, value| Self::Other(serde_json::json!({"kind": kind, "value": value}).into()),
        )
    }
}

impl Delta {
    /// A piece of text for the block at `index`.
    pub fn words(index: usize, text: impl Into<String>) -> Self {
        Self::Piece { index, piece: Piece::Text(text.into()) }
    }

    /// A whole tool call, with its input, as the block at `index`.
    pub fn call(
        index: usize,
        id: impl Into<String>,
        name: impl Into<String>,
        input: impl Into<Json>,
    ) -> Self {
        Self::Block { index, block: Block::tool_use(id, name, input) }
    }

    /// The end of a reply, without token counts.
    pub fn stop(stop_reason: StopReason) -> Self {
        let (usage, extra) = (Box::default(), BTreeMap::new());
        Self::Stop { stop_reason, stop_details: None, usage, extra }
    }

    /// The whole reply, from a backend that does not stream.
    pub fn complete(response: Response) -> Self {
        Self::Complete(Arc::new(response))
    }

    /// The text that this delta adds for the user to read; `None` if it adds no text. To show a
    /// reply while it streams, use [`LiveText`](crate::event::LiveText), which also withdraws text
    /// of attempts that broke off.
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
