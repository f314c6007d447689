//! The items of a reply.

use agent_core::{StopReason, message::BlockKind};
use serde_json::{Value, json};

use super::id;
use crate::{
    json::list,
    openai::reply_blocks::{ReplyBlock, ReplyBlockKind, ReplyBlocks},
    wire::Said,
};

/// A reply as items.
pub(super) struct Output<'a> {
    pub(super) said: Said<'a>,
    pub(super) reply: ReplyBlocks,
    pub(super) end: End,
}

/// How a reply ends.
pub(super) enum End {
    Completed,
    /// It is cut, for this reason.
    Incomplete(String),
    Failed,
}

impl<'a> Output<'a> {
    pub(super) fn of(said: Said<'a>) -> Self {
        let reply = ReplyBlocks::of(said.reply, said.request.turn);
        let has_text = reply.blocks.iter().any(|block| matches!(block.kind, ReplyBlockKind::Text));
        let end = match &reply.stop_reason {
            StopReason::EndTurn | StopReason::StopSequence | StopReason::ToolUse => End::Completed,
            // What the model says then is in an item of its own.
            StopReason::Refusal if has_text => End::Completed,
            StopReason::Refusal => End::Incomplete("content_filter".to_owned()),
            StopReason::MaxTokens | StopReason::ContextWindowExceeded => {
                End::Incomplete("max_output_tokens".to_owned())
            }
            StopReason::Other(word) if word == "failed" => End::Failed,
            other => End::Incomplete(other.as_str().to_owned()),
        };
        Self { said, reply, end }
    }

    /// The items, as they are when the reply has ended.
    pub(super) fn items(&self) -> Vec<Value> {
        (0..self.reply.blocks.len()).map(|place| self.item(place)).collect()
    }

    /// The item at this place when it has ended. Only the last one can be cut.
    pub(super) fn item(&self, place: usize) -> Value {
        let block = &self.reply.blocks[place];
        let is_last = place + 1 == self.reply.blocks.len();
        let is_cut = is_last && !matches!(self.end, End::Completed);
        self.item_with(place, &block.text(), if is_cut { "incomplete" } else { "completed" })
    }

    /// The item at this place when it begins.
    pub(super) fn begun_item(&self, place: usize) -> Value {
        let mut item = self.item_with(place, "", "in_progress");
        if item["content"].is_array() {
            item["content"] = json!([]);
        }
        item
    }

    fn item_with(&self, place: usize, text: &str, status: &str) -> Value {
        let block = &self.reply.blocks[place];
        let id = self.item_id(place);
        match &block.kind {
            ReplyBlockKind::Text => json!({
                "type": "message", "id": id, "status": status, "role": "assistant", "content": [self.part(text)],
            }),
            ReplyBlockKind::Call { id: call_id, name } => json!({
                "type": "function_call", "id": id, "status": status, "call_id": call_id, "name": name,
                "arguments": text,
            }),
            ReplyBlockKind::Thinking(signature) => {
                let summary = json!([{"type": "summary_text", "text": text}]);
                self.reasoning(&id, if text.is_empty() { json!([]) } else { summary }, signature)
            }
            ReplyBlockKind::Other(block) => match block.kind() {
                BlockKind::RedactedThinking => {
                    let data = block.field("data").and_then(|data| data.parse::<String>().ok());
                    self.reasoning(&id, json!([]), &data.unwrap_or_default())
                }
                _ => block.json().parse().unwrap_or_default(),
            },
        }
    }

    /// The item of reasoning. It can be sent back only if the request asks for its encrypted form.
    fn reasoning(&self, id: &str, summary: Value, encrypted: &str) -> Value {
        let mut item = json!({"type": "reasoning", "id": id, "summary": summary});
        let included = list(&self.said.request.body["include"]);
        if included.iter().any(|name| name == "reasoning.encrypted_content") {
            let made_up = || format!("encrypted-{id}");
            item["encrypted_content"] =
                json!(if encrypted.is_empty() { made_up() } else { encrypted.to_owned() });
        }
        item
    }

    /// The part of a message with this text. A reply that is refused says why.
    pub(super) fn part(&self, text: &str) -> Value {
        match self.refuses() {
            true => json!({"type": "refusal", "refusal": text}),
            false => json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []}),
        }
    }

    pub(super) fn refuses(&self) -> bool {
        self.reply.stop_reason == StopReason::Refusal
    }

    /// The id of the item at this place.
    pub(super) fn item_id(&self, place: usize) -> String {
        let prefix = match &self.reply.blocks[place].kind {
            ReplyBlockKind::Text => "msg",
            ReplyBlockKind::Call { .. } => "fc",
            ReplyBlockKind::Thinking(_) => "rs",
            ReplyBlockKind::Other(block) => match block.kind() {
                BlockKind::RedactedThinking => "rs",
                _ => return given_id(block),
            },
        };
        format!("{prefix}_mock_{}_{place}", self.said.number)
    }

    /// The id of the reply.
    pub(super) fn id(&self) -> String {
        id(self.said)
    }

    pub(super) fn blocks(&self) -> &[ReplyBlock] {
        &self.reply.blocks
    }
}

fn given_id(block: &agent_core::Block) -> String {
    block.field("id").and_then(|id| id.parse().ok()).unwrap_or_default()
}
