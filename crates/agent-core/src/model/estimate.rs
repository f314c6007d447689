//! Estimates how many tokens a request has.

use crate::{Block, BlockKind, Content, Message, Request, ToolSpec};

/// A token is seldom less than this many bytes of JSON, in any language.
const BYTES_PER_TOKEN: u64 = 2;

/// What a picture counts. The API scales larger ones down.
const PICTURE_BYTES: u64 = 10_000;

/// Documents are mostly pictures and fonts.
const DOCUMENT_BYTES_PER_TOKEN: u64 = 10;

impl Request {
    /// Estimates the input tokens of the request, on the high side: a token for each two bytes of
    /// the JSON of its messages, system prompt and tools, 5,000 for a picture, and one for each ten
    /// bytes of a document. Texts have about half as many.
    pub fn estimated_input_tokens(&self) -> u64 {
        let system: u64 = self.system.iter().map(block_bytes).sum();
        let messages: u64 = self.messages.iter().map(message_bytes).sum();
        let tools: u64 = self.tools.iter().map(tool_bytes).sum();
        let others = self.server_tools.iter().chain(&self.answer_schema);
        let others: u64 = others.map(|json| json.text().len() as u64).sum();
        let all = system.saturating_add(messages).saturating_add(tools).saturating_add(others);
        tokens_in(all)
    }
}

/// The tokens of this many bytes of text, on the high side.
pub(super) fn tokens_in(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

fn message_bytes(message: &Message) -> u64 {
    match message.has_media() {
        false => message.json_bytes() as u64,
        true => message.content().iter().map(block_bytes).sum(),
    }
}

fn block_bytes(block: &Block) -> u64 {
    let bytes = block.json().text().len() as u64;
    match block.kind() {
        BlockKind::Image => PICTURE_BYTES,
        BlockKind::Document => bytes.div_ceil(DOCUMENT_BYTES_PER_TOKEN).saturating_mul(BYTES_PER_TOKEN),
        BlockKind::ToolResult { content: Content::Blocks(blocks), .. } => {
            blocks.iter().map(block_bytes).sum()
        }
        _ => bytes,
    }
}

fn tool_bytes(tool: &ToolSpec) -> u64 {
    let extra: usize = tool.extra.iter().map(|(name, value)| name.len() + value.text().len()).sum();
    (tool.name.len() + tool.description.len() + tool.input_schema.text().len() + extra) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: impl Into<Content>, expected: u64) {
        assert_eq!(Request::new(vec![Message::user(content)]).estimated_input_tokens(), expected);
    }

    #[test]
    fn tokens_are_estimated_on_the_high_side() {
        check("It rains.", 18);
        check(vec![Block::image("image/png", &"A".repeat(1_000_000))], 5_000);
        let picture = Content::Blocks(vec![Block::image("image/png", &"A".repeat(1_000_000))]);
        check(vec![Block::tool_result("a", picture, false)], 5_000);
        assert_eq!(Request::new(Vec::new()).estimated_input_tokens(), 0);
    }
}
