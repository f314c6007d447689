//! Writes tool blocks as text, for requests without tools.

use std::collections::HashMap;

use crate::{Block, BlockKind, Content, Message};

/// Replaces all tool blocks by text. The API refuses tool blocks in a request that offers no tools,
/// so an agent without tools reads other agents' calls and results as text.
pub fn without_tool_blocks(messages: &mut [Message]) {
    let mut names = HashMap::new();
    for message in messages {
        names.extend(message.tool_calls().map(|call| (call.id.clone(), call.name.clone())));
        if message.content().iter().any(Block::is_tool_block) {
            let blocks = message.content().iter().flat_map(|block| as_text(block, &names));
            *message = message.with_content(blocks.collect::<Vec<Block>>());
        }
    }
}

fn as_text(block: &Block, names: &HashMap<String, String>) -> Vec<Block> {
    match block.kind() {
        BlockKind::ToolUse(call) => {
            vec![Block::text(format!("[called {} with {}]", call.name, call.input.text()))]
        }
        BlockKind::ToolResult { tool_use_id, content, is_error } => {
            let name = names.get(tool_use_id).map_or("a tool", String::as_str);
            let verb = if *is_error { "failed" } else { "answered" };
            let words = Block::text(format!("[{name} {verb}: {}]", content.to_text()));
            let Content::Blocks(blocks) = content else { return vec![words] };
            let pictures = blocks.iter().filter(|block| block.as_text().is_none()).cloned();
            std::iter::once(words).chain(pictures).collect()
        }
        _ => vec![block.clone()],
    }
}
