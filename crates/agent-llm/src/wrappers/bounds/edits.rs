//! Other blocks in the places of those of a request.

use std::{collections::BTreeMap, fmt};

use agent_core::{Block, Content, Json, Request, Role, message::BlockKind};

/// Where a block stands: in a message, or in the result of a tool there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    pub(crate) message: usize,
    pub(crate) block: usize,
    pub(crate) inner: Option<usize>,
}

/// As the API has it in its errors.
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "messages.{}.content.{}", self.message, self.block)?;
        self.inner.map_or(Ok(()), |inner| write!(f, ".content.{inner}"))
    }
}

/// What users and tools said, block by block; a result before what is in it.
pub(crate) fn given(request: &Request) -> impl Iterator<Item = (At, &Block)> {
    let messages =
        request.messages.iter().enumerate().filter(|(_, message)| message.role() != Role::Assistant);
    messages.flat_map(|(message, said)| {
        said.content().iter().enumerate().flat_map(move |(block, of)| {
            let at = At { message, block, inner: None };
            let inner = match of.kind() {
                BlockKind::ToolResult { content: Content::Blocks(blocks), .. } => &blocks[..],
                _ => &[],
            };
            let inner =
                inner.iter().enumerate().map(move |(place, of)| (At { inner: Some(place), ..at }, of));
            std::iter::once((at, of)).chain(inner)
        })
    })
}

/// The blocks that take the place of others, and what to say of each.
#[derive(Default)]
pub(crate) struct Edits {
    blocks: BTreeMap<At, Block>,
    pub(crate) said: Vec<String>,
}

impl Edits {
    /// A note stands in the place of this block.
    pub(crate) fn leave_out(&mut self, at: At, what: &str) {
        self.put(at, Block::text(format!("[left out: {what}]")), what);
    }

    /// This block takes the place of the one there.
    pub(crate) fn put(&mut self, at: At, block: Block, what: &str) {
        self.blocks.insert(at, block);
        self.said.push(format!("{at}: {what}"));
    }

    /// The request with all of them.
    pub(crate) fn apply(&self, mut request: Request) -> Request {
        if self.blocks.is_empty() {
            return request;
        }
        // Those within results come last, so that they go into the results that are put.
        let (inner, outer): (Vec<_>, Vec<_>) = self.blocks.iter().partition(|(at, _)| at.inner.is_some());
        for (at, block) in outer.into_iter().chain(inner) {
            let message = &request.messages[at.message];
            let mut blocks = message.content().to_vec();
            let old = &blocks[at.block];
            blocks[at.block] = at.inner.map_or_else(|| block.clone(), |place| within(old, place, block));
            request.messages[at.message] = message.with_content(blocks);
        }
        request
    }
}

/// The result with another block in this place of it.
fn within(result: &Block, place: usize, block: &Block) -> Block {
    let BlockKind::ToolResult { content: Content::Blocks(blocks), .. } = result.kind() else {
        return result.clone();
    };
    let mut blocks = blocks.clone();
    blocks[place] = block.clone();
    let blocks = Json::of(&blocks).expect("blocks are JSON");
    result.with("content", blocks).expect("a result may hold any blocks")
}
