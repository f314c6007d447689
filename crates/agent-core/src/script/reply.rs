//! A scripted reply.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Block, BlockKind, Counts, Delta, Json, LlmError, Piece, Response, StopReason, ToolCall, Usage};

/// One reply of a scripted model: its content, and how long it takes. It can be read from JSON:
/// `{"content":[{"type":"text","text":"hi"}],"latency_ms":200}`.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reply {
    /// The content blocks. A call with an empty id gets the id `call_TURN_PLACE`. TURN is the
    /// number of replies that the agent reads in this request, and PLACE is the index of the block
    /// in this reply. Both count from 0, and text blocks count too. If the conversation already has
    /// that id, a number is added.
    pub content: Vec<Block>,
    /// The stop reason. `None` means `tool_use` if the reply has a call, and `end_turn` if not.
    pub stop_reason: Option<StopReason>,
    /// Details that the API adds to the stop reason.
    pub stop_details: Option<Json>,
    /// The tokens that the reply reports.
    pub usage: Usage,
    /// Other fields of the reply; see [`Response::extra`].
    pub extra: BTreeMap<String, Json>,
    /// The pause before the first piece of the reply.
    #[serde(rename = "latency_ms", with = "millis")]
    pub latency: Duration,
    /// The pause before each block of the reply.
    #[serde(rename = "per_block_ms", with = "millis")]
    pub per_block: Duration,
    /// The pause before each piece of a block. A piece is a word, or some characters of a call's
    /// input.
    #[serde(rename = "per_token_ms", with = "millis")]
    pub per_token: Duration,
    /// The error with which the request fails after the latency. `None` means that it succeeds.
    pub error: Option<LlmError>,
}

impl Reply {
    /// Makes a reply of one text, which ends the turn.
    pub fn text(text: impl Into<String>) -> Self {
        Self::default().and_text(text)
    }

    /// Makes a reply with one tool call. To script an input that is not JSON, use
    /// `json!({"INVALID_JSON": "{\"city\": "})`. Then the stream has the text in it, here `{"city":
    /// `, as if the model had written it.
    pub fn call(name: impl Into<String>, input: impl Into<Json>) -> Self {
        Self::default().and_call(name, input)
    }

    /// Makes a reply that is an error.
    pub fn error(error: LlmError) -> Self {
        Self { error: Some(error), ..Self::default() }
    }

    /// Adds a text block.
    pub fn and_text(self, text: impl Into<String>) -> Self {
        self.and_block(Block::text(text))
    }

    /// Adds a tool call.
    pub fn and_call(self, name: impl Into<String>, input: impl Into<Json>) -> Self {
        self.and_block(Block::tool_use("", name, input))
    }

    /// Adds any block.
    pub fn and_block(mut self, block: Block) -> Self {
        self.content.push(block);
        self
    }

    /// Sets the stop reason.
    pub fn stop(mut self, reason: StopReason) -> Self {
        self.stop_reason = Some(reason);
        self
    }

    /// Adds another field to the reply, for example `("container", json!({"id": "…"}))`.
    pub fn extra(mut self, field: impl Into<String>, value: impl Into<Json>) -> Self {
        self.extra.insert(field.into(), value.into());
        self
    }

    /// Sets the tokens that the reply reports.
    pub fn usage(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    /// Sets the pause before the first piece of the reply.
    pub fn after(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Sets the pause before each block of the reply.
    pub fn per_block(mut self, pause: Duration) -> Self {
        self.per_block = pause;
        self
    }

    /// Sets the pause before each piece of a block, such as a word.
    pub fn per_token(mut self, pause: Duration) -> Self {
        self.per_token = pause;
        self
    }

    /// The time that the whole reply takes.
    pub fn duration(&self) -> Duration {
        self.deltas(0).iter().map(|(pause, _)| *pause).sum()
    }

    /// The reply as one [`Response`]. `turn` is the number in the ids of its calls; see
    /// [`content`](Self::content).
    pub fn response(&self, turn: usize) -> Response {
        let mut content = self.content.clone();
        for (place, block) in content.iter_mut().enumerate() {
            if let Some(call) = block.as_tool_use().filter(|call| call.id.is_empty()) {
                *block = block.with_call(ToolCall { id: format!("call_{turn}_{place}"), ..(**call).clone() });
            }
        }
        let has_call = content.iter().any(|block| block.as_tool_use().is_some());
        let by_content = if has_call { StopReason::ToolUse } else { StopReason::EndTurn };
        let stop_reason = self.stop_reason.clone().unwrap_or(by_content);
        let (stop_details, extra) = (self.stop_details.clone(), self.extra.clone());
        Response { stop_details, extra, ..Response::new(content, stop_reason).with_usage(self.usage) }
    }

    /// The reply as a stream of pieces, each with the pause before it. `turn` is the number in the
    /// ids of its calls; see [`content`](Self::content).
    pub fn deltas(&self, turn: usize) -> Vec<(Duration, Delta)> {
        let response = self.response(turn);
        let usage = Counts { input_tokens: Some(self.usage.input_tokens), ..Counts::default() };
        let start = Delta::Start { id: None, model: None, usage: usage.into(), extra: BTreeMap::new() };
        let mut deltas = vec![(self.latency, start)];
        for (index, block) in response.content.iter().enumerate() {
            let (begun, pieces) = take_apart(block);
            deltas.push((self.per_block, Delta::Block { index, block: begun }));
            let pieces = pieces.into_iter().map(|piece| (self.per_token, Delta::Piece { index, piece }));
            deltas.extend(pieces);
            deltas.push((Duration::ZERO, Delta::BlockEnd { index }));
        }
        let usage = Box::new(self.usage.into());
        let Response { stop_reason, stop_details, extra, .. } = response;
        let stop = Delta::Stop { stop_reason, stop_details, usage, extra };
        deltas.push((Duration::ZERO, stop));
        deltas
    }
}

/// Splits a block into its beginning and the pieces that fill it.
fn take_apart(block: &Block) -> (Block, Vec<Piece>) {
    let words = |text: &str, piece: fn(String) -> Piece| -> Vec<Piece> {
        text.split_inclusive(' ').map(|word| piece(word.to_owned())).collect()
    };
    match block.kind() {
        BlockKind::Text(text) => (block.with_text(String::new()), words(text, Piece::Text)),
        BlockKind::Thinking { thinking, signature } => {
            let mut pieces = words(thinking, Piece::Thinking);
            pieces.push(Piece::Signature(signature.clone()));
            (block.with_thinking(String::new(), String::new()), pieces)
        }
        BlockKind::ToolUse(call) => {
            let letters: Vec<char> = call.as_written().chars().collect();
            let parts = letters.chunks(16).map(|part| Piece::Input(part.iter().collect()));
            let empty = ToolCall { input: serde_json::json!({}).into(), ..(**call).clone() };
            (block.with_call(empty), parts.collect())
        }
        _ => (block.clone(), Vec::new()),
    }
}

/// Durations as whole milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(duration.as_millis().try_into().unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fold;

    #[test]
    fn the_pieces_of_a_reply_fold_into_the_reply() {
        let blocks = [
            r#"{"type":"thinking","thinking":"first, add","signature":"c2ln"}"#,
            r#"{"type":"text","text":"one two","citations":[{"cited_text":"1"}]}"#,
            r#"{"type":"tool_use","id":"a","name":"f","input":{"x":1},"caller":{"type":"direct"}}"#,
            r#"{"type":"tool_use","id":"b","name":"f","input":{"INVALID_JSON":"{\"x\": "}}"#,
            r#"{"type":"holo","z":1}"#,
        ];
        let content: Vec<Block> = blocks.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        let reply = Reply { content, ..Reply::default() };
        let mut fold = Fold::default();
        for (_, delta) in reply.deltas(0) {
            fold.push(delta).unwrap();
        }
        assert_eq!(fold.finish().unwrap(), reply.response(0));
    }

    #[test]
    fn an_input_that_is_no_json_comes_word_for_word() {
        let reply = Reply::call("f", serde_json::json!({"INVALID_JSON": "{\"x\": "}));
        let input = |(_, delta)| match delta {
            Delta::Piece { piece: Piece::Input(text), .. } => Some(text),
            _ => None,
        };
        assert_eq!(reply.deltas(0).into_iter().find_map(input).unwrap(), "{\"x\": ");
    }
}
