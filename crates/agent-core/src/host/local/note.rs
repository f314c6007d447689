//! Notes about budgets for the model.

use crate::{Block, Request, Role};

/// What the model reads when this is its last answer.
pub(super) const LAST_ANSWER: &str =
    "The budget is used up, and there are no tools any more. Give your final answer now, from what you have.";

/// Adds a note for the model to the end of the request. Only this request has it.
pub(super) fn add_note(request: &mut Request, note: &str) {
    let note = Block::text(format!("[Note: {note}]"));
    match request.messages.last_mut() {
        Some(last) if last.role() == Role::User => {
            let blocks = last.content().iter().cloned().chain([note]);
            *last = last.with_content(blocks.collect::<Vec<Block>>());
        }
        _ => request.system.push(note),
    }
}
