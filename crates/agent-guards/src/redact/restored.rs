//! Replies with the values in the place of their placeholders.

use std::{collections::BTreeMap, sync::Arc};

use agent_core::{Block, Delta, Response, message::BlockKind, model::Piece};

use super::{
    json_strings::{Which, changed},
    placeholders::{LONGEST, Placeholders},
    sent::{with_input, with_json},
};

/// Restores a reply piece by piece.
pub(super) struct Restored {
    placeholders: Placeholders,
    /// Whether texts are JSON.
    json_answer: bool,
    /// By the indexes of the blocks: text that may be the beginning of a placeholder.
    begun: BTreeMap<usize, Begun>,
}

struct Begun {
    text: String,
    is_input: bool,
}

impl Restored {
    pub(super) fn new(placeholders: Placeholders, json_answer: bool) -> Self {
        Self { placeholders, json_answer, begun: BTreeMap::new() }
    }

    /// What to hand on for a piece.
    pub(super) fn take(&mut self, delta: Delta) -> Vec<Delta> {
        match delta {
            // The record has other words than the server.
            Delta::Start { model, usage, extra, .. } => vec![Delta::Start { id: None, model, usage, extra }],
            Delta::Block { index, block } => self.begin(index, block),
            Delta::Piece { index, piece: Piece::Text(text) } => self.add(index, &text, false),
            Delta::Piece { index, piece: Piece::Input(text) } => self.add(index, &text, true),
            Delta::Piece { index, piece: Piece::Citation(citation) } => {
                let restored = self.json(citation.text(), Which::Values);
                let citation =
                    restored.and_then(|text| agent_core::Json::read(text).ok()).unwrap_or(citation);
                vec![Delta::Piece { index, piece: Piece::Citation(citation) }]
            }
            Delta::BlockEnd { index } => {
                self.rest(index).into_iter().chain([Delta::BlockEnd { index }]).collect()
            }
            Delta::Stop { .. } => self.end().into_iter().chain([delta]).collect(),
            Delta::Complete(reply) => vec![Delta::complete(self.reply(Arc::unwrap_or_clone(reply)))],
            Delta::Restarted { .. } => {
                self.begun.clear();
                vec![delta]
            }
            other => vec![other],
        }
    }

    /// What is left when the reply ends.
    pub(super) fn end(&mut self) -> Vec<Delta> {
        let indexes: Vec<usize> = self.begun.keys().copied().collect();
        indexes.into_iter().filter_map(|index| self.rest(index)).collect()
    }

    fn begin(&mut self, index: usize, block: Block) -> Vec<Delta> {
        let Some(text) = block.as_text() else {
            return vec![Delta::Block { index, block: self.block(&block) }];
        };
        // More text may follow, so the end of this may be the beginning of a placeholder.
        let text = text.to_owned();
        let empty = block.with("text", serde_json::json!("")).expect("it is still a text block");
        let mut pieces = vec![Delta::Block { index, block: empty }];
        pieces.extend(self.add(index, &text, false));
        pieces
    }

    fn add(&mut self, index: usize, text: &str, is_input: bool) -> Vec<Delta> {
        let begun = self.begun.entry(index).or_insert(Begun { text: String::new(), is_input });
        begun.text.push_str(text);
        let rest = begun.text.split_off(end_of_certain(&begun.text));
        let certain = std::mem::replace(&mut begun.text, rest);
        self.piece(index, certain, is_input).into_iter().collect()
    }

    fn rest(&mut self, index: usize) -> Option<Delta> {
        let Begun { text, is_input } = self.begun.remove(&index)?;
        self.piece(index, text, is_input)
    }

    fn piece(&self, index: usize, text: String, is_input: bool) -> Option<Delta> {
        let text = self.placeholders.restore(&text, is_input || self.json_answer).unwrap_or(text);
        let piece = if is_input { Piece::Input(text.clone()) } else { Piece::Text(text.clone()) };
        (!text.is_empty()).then_some(Delta::Piece { index, piece })
    }

    fn reply(&self, mut reply: Response) -> Response {
        reply.content = reply.content.iter().map(|block| self.block(block)).collect();
        reply.id = None;
        reply
    }

    /// A whole block.
    fn block(&self, block: &Block) -> Block {
        match block.kind() {
            BlockKind::Thinking { .. } | BlockKind::RedactedThinking => block.clone(),
            BlockKind::ToolUse(call) | BlockKind::ServerToolUse(call) => {
                with_input(block, self.json(call.input.text(), Which::Everything))
            }
            BlockKind::Text(text) if self.json_answer => match self.placeholders.restore(text, true) {
                Some(text) => block.with("text", serde_json::json!(text)).expect("it is still a text block"),
                None => block.clone(),
            },
            _ => with_json(block, self.json(block.json().text(), Which::Values)),
        }
    }

    fn json(&self, json: &str, which: Which) -> Option<String> {
        changed(json, which, |_, text| self.placeholders.restore(text, false))
    }
}

/// Where the part of a text ends that is certain: what follows may be the beginning of a placeholder.
fn end_of_certain(text: &str) -> usize {
    let Some(place) = text.rfind('[') else { return text.len() };
    let is_part = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let rest = &text[place + 1..];
    if rest.len() < LONGEST && rest.bytes().all(is_part) { place } else { text.len() }
}
