//! How long a block is.

use agent_core::Block;

/// In bytes of the JSON it is sent as, among others.
pub(super) fn length(block: &Block) -> usize {
    block.json().text().len() + 1
}
