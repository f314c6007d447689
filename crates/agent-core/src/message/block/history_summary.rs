//! The block with which a reply says that a summary is sent instead of earlier messages.

use super::{Block, BlockKind, written::Written};

impl Block {
    /// Makes a block that holds a summary of earlier messages. A reply with only this block and the
    /// stop reason [`Compaction`](crate::StopReason::Compaction) shortens what is sent from then on:
    /// models read `text`, as a message of the user, instead of the messages before index `before`
    /// in [`Conversation::messages`](crate::Conversation::messages). The record keeps these
    /// messages. Then the model is asked again.
    ///
    /// It is for wrappers around [`Llm`](crate::Llm), which find the indexes in
    /// [`Request::places`](crate::model::RequestParts::places). The block itself is never sent.
    pub fn history_summary(text: impl Into<String>, before: usize) -> Self {
        let text = text.into();
        let written = Written::of("history_summary", text.len());
        let json = written.set("text", &text).set("before", &before).json();
        Self::of(json, BlockKind::HistorySummary { text, before })
    }
}
