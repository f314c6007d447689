//! Replies as they are recorded: without what some models and backends write and the API refuses to
//! read back.

use std::collections::BTreeSet;

use super::{
    Conversation,
    call_ids::{CallIds, IdHash, Numbers},
};
use crate::{Block, BlockKind, Json, ToolCall, message::tool_call::written_input};

/// How many characters the name of a tool may have.
const LONGEST_NAME: usize = 128;

/// Up to so many calls it is faster to look at each than to have a table.
const FEW: usize = 16;

/// Sanitizes the blocks of one reply, in order: ids that are empty, or the same every turn, names
/// with other characters, inputs that are no object. It does so always in the same way for the same
/// history.
pub(crate) struct Sanitizer<'a> {
    so_far: &'a CallIds,
    /// The ids of the reply's calls so far, in order.
    calls: Vec<IdHash>,
    /// Those behind the first few.
    sorted: BTreeSet<IdHash>,
    numbers: Numbers,
}

/// The blocks of a reply as they are recorded, the ids of its calls, and the numbers that were
/// found for them.
pub(super) struct Sanitized {
    pub(super) content: Vec<Block>,
    pub(super) calls: Vec<IdHash>,
    pub(super) numbers: Numbers,
}

impl Conversation {
    /// What the conversation will record of the reply that comes next.
    pub(crate) fn sanitized(&self, content: Vec<Block>) -> Vec<Block> {
        self.sanitize_all(content).content
    }

    pub(super) fn sanitize_all(&self, content: Vec<Block>) -> Sanitized {
        let mut sanitizer = self.sanitizer();
        let content = content.into_iter().map(|block| sanitizer.sanitize(block)).collect();
        Sanitized { content, calls: sanitizer.calls, numbers: sanitizer.numbers }
    }

    /// The same block by block.
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

/// Results stand in what is said to a model. One that a model writes is kept as its words.
fn without_result(block: Block) -> Block {
    match block.kind() {
        BlockKind::ToolResult { .. } => Block::text(block.json().text()),
        _ => block,
    }
}

fn is_valid(id: &str) -> bool {
    !id.is_empty() && id.chars().all(is_word)
}

fn is_valid_name(name: &str) -> bool {
    is_valid(name) && name.len() <= LONGEST_NAME
}

fn valid_name(name: &str) -> String {
    let chars = name.chars().take(LONGEST_NAME);
    let name: String = chars.map(|char| if is_word(char) { char } else { '_' }).collect();
    if name.is_empty() { "unnamed".to_owned() } else { name }
}

fn is_word(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_' || char == '-'
}

fn is_object(input: &Json) -> bool {
    input.text().starts_with('{')
}

fn object_input(input: &Json) -> Json {
    if is_object(input) { input.clone() } else { written_input(input.text()) }
}
