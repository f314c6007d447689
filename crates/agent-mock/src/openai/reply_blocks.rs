//! The blocks of a scripted reply, in a form that both APIs are written from.

use std::time::Duration;

use agent_core::{Block, Delta, StopReason, message::BlockKind, model::Piece, script::Reply};

/// A reply, block by block.
pub(crate) struct ReplyBlocks {
    /// The pause before the first event.
    pub(crate) latency: Duration,
    pub(crate) blocks: Vec<ReplyBlock>,
    pub(crate) stop_reason: StopReason,
}

/// A block of a reply.
pub(crate) struct ReplyBlock {
    /// The pause before it.
    pub(crate) pause: Duration,
    pub(crate) kind: ReplyBlockKind,
    /// Its text, each piece with the pause before it. The text of a call is its arguments.
    pub(crate) pieces: Vec<(Duration, String)>,
}

pub(crate) enum ReplyBlockKind {
    Text,
    /// Thinking, and its signature.
    Thinking(String),
    Call {
        id: String,
        name: String,
    },
    /// Anything else.
    Other(Block),
}

impl ReplyBlock {
    /// Its whole text.
    pub(crate) fn text(&self) -> String {
        self.pieces.iter().map(|(_, piece)| piece.as_str()).collect()
    }
}

impl ReplyBlocks {
    /// The blocks of a reply at this turn.
    pub(crate) fn of(reply: &Reply, turn: usize) -> Self {
        let mut blocks: Vec<ReplyBlock> = Vec::new();
        for (pause, delta) in reply.deltas(turn) {
            match delta {
                Delta::Block { block, .. } => {
                    blocks.push(ReplyBlock { pause, kind: ReplyBlockKind::of(block), pieces: Vec::new() });
                }
                Delta::Piece { piece, .. } => {
                    if let Some(block) = blocks.last_mut() {
                        block.grow(pause, piece);
                    }
                }
                _ => {}
            }
        }
        Self { latency: reply.latency, blocks, stop_reason: reply.response(turn).stop_reason }
    }
}

impl ReplyBlock {
    fn grow(&mut self, pause: Duration, piece: Piece) {
        match (piece, &mut self.kind) {
            (Piece::Signature(more), ReplyBlockKind::Thinking(signature)) => signature.push_str(&more),
            (Piece::Text(text) | Piece::Thinking(text) | Piece::Input(text), _) => {
                self.pieces.push((pause, text));
            }
            _ => {}
        }
    }
}

impl ReplyBlockKind {
    fn of(block: Block) -> Self {
        match block.kind() {
            BlockKind::Text(_) => Self::Text,
            BlockKind::Thinking { .. } => Self::Thinking(String::new()),
            BlockKind::ToolUse(call) => Self::Call { id: call.id.clone(), name: call.name.clone() },
            _ => Self::Other(block),
        }
    }
}
