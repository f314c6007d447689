//! Mending what some models and backends write and the API refuses to read back.

use std::{collections::HashSet, sync::Arc};

use super::{
    Conversation,
    call_ids::{ById, CallIds, Numbers},
};
use crate::{Block, Json, Kind, ToolCall, tool_call::written_input};

/// How many characters the name of a tool may have.
const LONGEST_NAME: usize = 128;

/// Up to so many calls it is faster to look at each than to have a table.
const FEW: usize = 16;

/// Mends the blocks of one reply, in order: ids that are empty, or the same every turn, names with other characters,
/// inputs that are no object. It does so always in the same way for the same history.
pub(crate) struct Mender<'a> {
    so_far: &'a CallIds,
    /// The calls of the reply so far: the first ones, and all others.
    first: Vec<Arc<ToolCall>>,
    others: HashSet<ById>,
    numbers: Numbers,
}

impl Conversation {
    /// What the conversation will record of the reply that comes next.
    pub(crate) fn mended(&self, content: Vec<Block>) -> Vec<Block> {
        self.mend_all(content).0
    }

    pub(super) fn mend_all(&self, content: Vec<Block>) -> (Vec<Block>, Numbers) {
        let mut mender = self.mender();
        let mended = content.into_iter().map(|block| mender.mend(block)).collect();
        (mended, mender.numbers)
    }

    /// The same block by block.
    pub(crate) fn mender(&self) -> Mender<'_> {
        let (first, others, numbers) = Default::default();
        Mender { so_far: &self.call_ids, first, others, numbers }
    }
}

impl Mender<'_> {
    pub(crate) fn mend(&mut self, block: Block) -> Block {
        let Some(call) = block.as_tool_use() else { return without_result(block) };
        let is_fine = is_valid(&call.id) && is_valid_name(&call.name) && is_object(&call.input);
        let block = match is_fine && self.is_free(&call.id) {
            true => block,
            false => {
                let (id, name) = (self.free_id(&call.id), valid_name(&call.name));
                block.with_call(ToolCall { id, name, input: object_input(&call.input) })
            }
        };
        let calls = block.as_tool_use().cloned();
        match self.first.len() {
            ..FEW => self.first.extend(calls),
            _ => self.others.extend(calls.map(ById)),
        }
        block
    }

    fn is_free(&self, id: &str) -> bool {
        self.first.iter().all(|call| call.id != id) && !self.others.contains(id) && !self.so_far.has(id)
    }

    fn free_id(&mut self, id: &str) -> String {
        let stem = if is_valid(id) { id } else { "call" };
        if stem == id && self.is_free(id) {
            return id.to_owned();
        }
        let from = self.numbers.get(stem).copied().unwrap_or_else(|| self.so_far.number(stem));
        let mut ids = (from..).map(|number| (number, format!("{stem}_{number}")));
        let (number, id) = ids.find(|(_, id)| self.is_free(id)).expect("numbers do not run out");
        self.numbers.insert(stem.to_owned(), number);
        id
    }
}

/// Results stand in what is said to a model. One that a model writes is kept as its words.
fn without_result(block: Block) -> Block {
    match block.kind() {
        Kind::ToolResult { .. } => Block::text(block.json().text()),
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
