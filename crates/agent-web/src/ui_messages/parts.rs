//! The parts of the reply that is being shown.

use std::collections::{BTreeMap, HashSet};

use agent_core::{Block, message::BlockKind, model::Piece};

use crate::ui_message_chunk::UiMessageChunk;

/// The parts of one reply, by the index of their block, and the calls that the front end knows.
#[derive(Debug, Default)]
pub(super) struct Parts {
    open: BTreeMap<usize, Part>,
    calls: HashSet<String>,
    /// Those of the present reply.
    calls_of_reply: Vec<String>,
    /// How many texts and thoughts of the message have begun. It makes their ids.
    count: usize,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Reasoning(String),
    Call(String),
    /// The front end has no part for it.
    Hidden,
}

impl Parts {
    /// A block begins, perhaps with some content. A call is shown with the id `shown`.
    pub(super) fn begin(
        &mut self,
        index: usize,
        block: &Block,
        shown: Option<String>,
        chunks: &mut Vec<UiMessageChunk>,
    ) {
        let (part, content) = match (block.kind(), shown) {
            (BlockKind::Text(text), _) => (Part::Text(self.id()), text.clone()),
            (BlockKind::Thinking { thinking, .. }, _) => (Part::Reasoning(self.id()), thinking.clone()),
            (BlockKind::ToolUse(call), Some(id)) => {
                self.know(&id);
                let (tool_call_id, tool_name) = (id.clone(), call.name.clone());
                chunks.push(UiMessageChunk::ToolInputStart { tool_call_id, tool_name });
                (Part::Call(id), String::new())
            }
            _ => (Part::Hidden, String::new()),
        };
        match &part {
            Part::Text(id) => chunks.push(UiMessageChunk::TextStart { id: id.clone() }),
            Part::Reasoning(id) => chunks.push(UiMessageChunk::ReasoningStart { id: id.clone() }),
            Part::Call(_) | Part::Hidden => {}
        }
        chunks.extend(part.more(&content));
        self.open.insert(index, part);
    }

    /// More content of a block. Text may come without a block before it.
    pub(super) fn grow(&mut self, index: usize, piece: &Piece, chunks: &mut Vec<UiMessageChunk>) {
        if let (Piece::Text(_), false) = (piece, self.open.contains_key(&index)) {
            self.begin(index, &Block::text(""), None, chunks);
        }
        let content = match piece {
            Piece::Text(words) | Piece::Thinking(words) | Piece::Input(words) => words,
            _ => return,
        };
        chunks.extend(self.open.get(&index).and_then(|part| part.more(content)));
    }

    pub(super) fn end(&mut self, index: usize, chunks: &mut Vec<UiMessageChunk>) {
        chunks.extend(self.open.remove(&index).and_then(Part::end));
    }

    pub(super) fn end_all(&mut self, chunks: &mut Vec<UiMessageChunk>) {
        chunks.extend(std::mem::take(&mut self.open).into_values().filter_map(Part::end));
    }

    /// The reply counts no more: the front end forgets its parts.
    pub(super) fn clear(&mut self) {
        self.open.clear();
        for call in self.calls_of_reply.drain(..) {
            self.calls.remove(&call);
        }
    }

    /// The next reply begins. The calls of the earlier ones are still known: one that goes on in the
    /// background has its result later.
    pub(super) fn next(&mut self) {
        self.open.clear();
        self.calls_of_reply.clear();
    }

    /// Whether this call is new to the front end. It then counts as known.
    pub(super) fn know(&mut self, call: &str) -> bool {
        let is_new = self.calls.insert(call.to_owned());
        self.calls_of_reply.extend(is_new.then(|| call.to_owned()));
        is_new
    }

    pub(super) fn knows(&self, call: &str) -> bool {
        self.calls.contains(call)
    }

    fn id(&mut self) -> String {
        self.count += 1;
        self.count.to_string()
    }
}

impl Part {
    /// The chunk for more content. Empty content has none.
    fn more(&self, content: &str) -> Option<UiMessageChunk> {
        if content.is_empty() {
            return None;
        }
        let delta = content.to_owned();
        Some(match self {
            Self::Text(id) => UiMessageChunk::TextDelta { id: id.clone(), delta },
            Self::Reasoning(id) => UiMessageChunk::ReasoningDelta { id: id.clone(), delta },
            Self::Call(id) => {
                UiMessageChunk::ToolInputDelta { tool_call_id: id.clone(), input_text_delta: delta }
            }
            Self::Hidden => return None,
        })
    }

    fn end(self) -> Option<UiMessageChunk> {
        match self {
            Self::Text(id) => Some(UiMessageChunk::TextEnd { id }),
            Self::Reasoning(id) => Some(UiMessageChunk::ReasoningEnd { id }),
            Self::Call(_) | Self::Hidden => None,
        }
    }
}
