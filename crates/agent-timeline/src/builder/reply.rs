//! The text of a reply, as its pieces arrive.

use std::collections::BTreeMap;

use agent_core::{Delta, message::BlockKind, model::Piece};

use super::texts;
use crate::bar::MAX_TEXT;

/// What a model has written so far, by the place of the block.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply(BTreeMap<usize, Block>);

#[derive(Clone, Debug, Default)]
struct Block {
    /// What it is: nothing for text.
    head: String,
    body: String,
}

impl Reply {
    pub(super) fn add(&mut self, delta: &Delta) {
        match delta {
            Delta::Block { index, block } => {
                let (head, body) = match block.kind() {
                    BlockKind::Thinking { thinking, .. } => ("[thinking] ".to_owned(), thinking.clone()),
                    // The input of a call comes in pieces, unless it is here.
                    BlockKind::ToolUse(call) | BlockKind::ServerToolUse(call) => {
                        let input = Some(call.input.text()).filter(|input| *input != "{}");
                        (format!("calls {} ", call.name), input.unwrap_or_default().to_owned())
                    }
                    _ => (String::new(), texts::of_blocks(std::slice::from_ref(block))),
                };
                self.0.insert(*index, Block { head, body });
            }
            Delta::Piece { index, piece: Piece::Text(text) | Piece::Thinking(text) | Piece::Input(text) } => {
                let body = &mut self.0.entry(*index).or_default().body;
                // What is cut anyway is not kept.
                if body.len() <= 4 * MAX_TEXT {
                    body.push_str(text);
                }
            }
            Delta::Complete(response) => {
                let body = texts::of_blocks(&response.content);
                self.0.insert(0, Block { head: String::new(), body });
            }
            Delta::Restarted { .. } => self.0.clear(),
            _ => {}
        }
    }

    pub(super) fn text(&self) -> String {
        let blocks = self.0.values().map(|block| format!("{}{}", block.head, block.body));
        blocks.collect::<Vec<_>>().join("\n")
    }
}
