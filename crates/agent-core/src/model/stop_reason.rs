//! The reasons why a reply ended.

use serde::{Deserialize, Serialize};

/// Why the model stopped. A reason that this library does not know is [`StopReason::Other`].
/// Source: <https://docs.claude.com/en/api/handling-stop-reasons>.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum StopReason {
    /// The model has finished its answer.
    EndTurn,
    /// The model wrote one of the request's stop sequences.
    StopSequence,
    /// The model waits for the results of its tool calls.
    ToolUse,
    /// The API paused a long reply. A run sends the history again, so that the model continues.
    PauseTurn,
    /// The API compacted the history. A run sends the history again, so that the model continues.
    Compaction,
    /// The reply hit `max_tokens` and is cut.
    MaxTokens,
    /// The model refused to answer.
    Refusal,
    /// The context window is full and the reply is cut.
    ContextWindowExceeded,
    /// The run was cancelled while the reply streamed, and the text shown so far is kept
    /// ([`Run::keep_partial_reply`](crate::Run::keep_partial_reply)).
    Cancelled,
    /// Any other reason, as the API wrote it.
    Other(String),
}

/// Other APIs' words for the end of a complete reply, and the word for an open reason.
const WHOLE: [&str; 7] = ["null", "stop", "tool_calls", "tool_call", "function_call", "eos", "end"];

impl StopReason {
    /// The reason of a reply that gives no reason (`null`).
    pub fn open() -> Self {
        Self::Other("null".to_owned())
    }

    /// Whether the tool calls of a reply with this stop reason are made.
    ///
    /// They are made if the reply is known to be complete: `tool_use`, `end_turn`, `stop_sequence`,
    /// no reason, or another API's word for a complete reply (`stop`, `tool_calls`). They are not
    /// made if the reply was cut, refused or paused, or if the reason is unknown: an unknown reason
    /// may mean that the reply was cut.
    pub fn runs_calls(&self) -> bool {
        match self {
            Self::ToolUse | Self::EndTurn | Self::StopSequence => true,
            Self::Other(word) => WHOLE.iter().any(|whole| word.eq_ignore_ascii_case(whole)),
            Self::MaxTokens | Self::ContextWindowExceeded | Self::Cancelled | Self::Refusal => false,
            Self::PauseTurn | Self::Compaction => false,
        }
    }

    /// The API's word for this reason, for example `end_turn`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::EndTurn => "end_turn",
            Self::StopSequence => "stop_sequence",
            Self::ToolUse => "tool_use",
            Self::PauseTurn => "pause_turn",
            Self::Compaction => "compaction",
            Self::MaxTokens => "max_tokens",
            Self::Refusal => "refusal",
            Self::ContextWindowExceeded => "model_context_window_exceeded",
            Self::Cancelled => "cancelled",
            Self::Other(word) => word,
        }
    }
}

impl From<String> for StopReason {
    fn from(word: String) -> Self {
        match word.as_str() {
            "end_turn" => Self::EndTurn,
            "stop_sequence" => Self::StopSequence,
            "tool_use" => Self::ToolUse,
            "pause_turn" => Self::PauseTurn,
            "compaction" => Self::Compaction,
            "max_tokens" => Self::MaxTokens,
            "refusal" => Self::Refusal,
            "model_context_window_exceeded" => Self::ContextWindowExceeded,
            "cancelled" => Self::Cancelled,
            _ => Self::Other(word),
        }
    }
}

impl From<StopReason> for String {
    fn from(reason: StopReason) -> Self {
        reason.as_str().to_owned()
    }
}
