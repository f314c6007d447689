//! Removes from replies what the API would refuse to take back.

use std::collections::BTreeSet;

use super::{
    Conversation,
    call_ids::{CallIds, IdHash, Numbers},
};
use crate::{Block, BlockKind, Json, ToolCall, message::tool_call::written_input};

/// The most characters in the name of a tool.
const LONGEST_NAME: usize = 128;

/// Up to this many calls, a linear search is faster than a table.
const FEW: usize = 16;

/// Sanitizes the blocks of one reply, in order. It replaces ids that are empty or used before,
/// invalid names, and inputs that are not objects. For the same history it always gives the same
/// result.
#[derive(Clone)]
pub(crate) struct Sanitizer<'a> {
    so_far: &'a CallIds,
    /// The ids of the calls of the reply so far, in order.
    calls: Vec<IdHash>,
    /// The ids after the first few.
    sorted: BTreeSet<IdHash>,
    numbers: Numbers,
}

/// The sanitized blocks of a reply, the ids of its calls, and the numbers that were found for them.
pub(super) struct Sanitized {
    pub(super) content: Vec<Block>,
    pub(super) calls: Vec<IdHash>,
    pub(super) numbers: Numbers,
}

impl Conversation {
    /// Returns the blocks of the next reply as the conversation will record them.
    pub(crate) fn sanitized(&self, content: Vec<Block>) -> Vec<Block> {
        self.sanitize_all(content).content
    }

    pub(super) fn sanitize_all(&self, content: Vec<Block>) -> Sanitized {
        let mut sanitizer = self.sanitizer();
        let content = content.into_iter().map(|block| sanitizer.sanitize(block)).collect();
        Sanitized { content, calls: sanitizer.calls, numbers: sanitizer.numbers }
    }

    /// A sanitizer for the next reply, which takes it block by block.
    pub(crate) fn sanitizer(&self) -> Sanitizer<'_> {
        let (calls, sorted, numbers) = Default::default();
        Sanitizer { so_far: &self.call_ids, calls, sorted, numbers }
    }
}

impl Sanitizer<'_> {
    pub(crate) fn sanitize(&mut self, block: Block) -> Block {
        let Some(call) = block.as_tool_use() else { return without_result(block) };
        let hash = IdHash::of(&call.id);
        let is_fine = is_valid(&call.id) && is_valid_name(&call.name) && is_object(&call.input);
        if is_fine && self.is_free(hash) {
            self.take(hash);
            return block;
        }
        let (id, name) = (self.free_id(&call.id, hash), valid_name(&call.name));
        self.take(IdHash::of(&id));
        block.with_call(ToolCall { id, name, input: object_input(&call.input) })
    }

    fn take(&mut self, id: IdHash) {
        self.calls.push(id);
        if self.calls.len() > FEW {
            self.sorted.insert(id);
        }
    }

    fn is_free(&self, id: IdHash) -> bool {
        let first = &self.calls[..self.calls.len().min(FEW)];
        !first.contains(&id) && !self.sorted.contains(&id) && !self.so_far.has(id)
    }

    fn free_id(&mut self, id: &str, hash: IdHash) -> String {
        let stem = if is_valid(id) { id } else { "call" };
        if stem == id && self.is_free(hash) {
            return id.to_owned();
        }
        let from = self.numbers.get(stem).copied().unwrap_or_else(|| self.so_far.number(stem));
        let mut ids = (from..).map(|number| (number, format!("{stem}_{number}")));
        let (number, id) = ids.find(|(_, id)| self.is_free(IdHash::of(id))).expect("numbers do not run out");
        self.numbers.insert(stem.to_owned(), number);
        id
    }
}

/// Turns a tool result that a model wrote into text. Only user messages may have tool results.
fn without_result(block: Block) -> Block {
    match block.kind() {
        BlockKind::ToolResult { .. } => Block::text(block.json().text()),
        _ => block,
    }
}

pub(super) fn is_valid(id: &str) -> bool {
    // Looked up, because this is asked for each call, several times.
    const WORD: [bool; 256] = {
        let (mut words, mut byte) = ([false; 256], 0);
        while byte < words.len() {
            words[byte] = is_word(byte as u8 as char);
            byte += 1;
        }
        words
    };
    !id.is_empty() && id.bytes().all(|byte| WORD[usize::from(byte)])
}

pub(super) fn is_valid_name(name: &str) -> bool {
    is_valid(name) && name.len() <= LONGEST_NAME
}

fn valid_name(name: &str) -> String {
    let chars = name.chars().take(LONGEST_NAME);
    let name: String = chars.map(|char| if is_word(char) { char } else { '_' }).collect();
    if name.is_empty() { "unnamed".to_owned() } else { name }
}

const fn is_word(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_' || char == '-'
}

pub(super) fn is_object(input: &Json) -> bool {
    input.text().starts_with('{')
}

fn object_input(input: &Json) -> Json {
    if is_object(input) { input.clone() } else { written_input(input.text()) }
}
