//! Why a reply ended.

use serde::{Deserialize, Serialize};

/// Why the model stopped. One this library does not know is kept as [`StopReason::Other`].
/// Source: <https://docs.claude.com/en/api/handling-stop-reasons>.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum StopReason {
    /// The model has said what it had to say.
    EndTurn,
    /// One of the request's stop sequences came up.
    StopSequence,
    /// The model waits for the results of its tool calls.
    ToolUse,
    /// A long turn was paused; the same history continues it.
    PauseTurn,
    /// The history was compacted; the same history continues the turn.
    Compaction,
    /// The reply hit `max_tokens` and is cut.
    MaxTokens,
    /// The model declined.
    Refusal,
    /// The context window is full and the reply is cut.
    ContextWindowExceeded,
    /// The run was cancelled while the reply came: what was shown of it is kept
    /// ([`Run::keep_partial_reply`](crate::Run::keep_partial_reply)).
    Cancelled,
    /// Any other, as the API wrote it.
    Other(String),
}

/// What other APIs call the end of a whole reply, and the reason that was left open.
const WHOLE: [&str; 7] = ["null", "stop", "tool_calls", "tool_call", "function_call", "eos", "end"];

impl StopReason {
    /// What stands for a reason that a reply leaves open (`null`).
    pub fn open() -> Self {
        Self::Other("null".to_owned())
    }

    /// Whether the calls of a reply that ended so are made. They are where the reply is known to be whole: also of one that
    /// ends with `end_turn`, with no word, or with another API's word for a whole reply (`stop`, `tool_calls`), as some
    /// servers and backends say beside calls. They are not where it was cut, refused or paused, nor after a word that
    /// nobody here knows: that one may say that the reply was cut.
    pub fn runs_calls(&self) -> bool {
        match self {
            Self::ToolUse | Self::EndTurn | Self::StopSequence => true,
            Self::Other(word) => WHOLE.iter().any(|whole| word.eq_ignore_ascii_case(whole)),
            Self::MaxTokens | Self::ContextWindowExceeded | Self::Cancelled | Self::Refusal => false,
            Self::PauseTurn | Self::Compaction => false,
        }
    }

    /// The API's word for it.
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
