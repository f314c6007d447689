//! Estimates how many tokens a request has.

use agent_core::{Block, Content, Message, Request, ToolSpec, message::BlockKind};

/// Bytes of JSON for one token. It is a little less than in English prose, so that the estimate is
/// rather too high.
const BYTES_PER_TOKEN: f64 = 3.5;

/// The tokens of a picture of the usual size, however many bytes it has.
const PICTURE: u64 = 1_600;

/// Bytes of a document's data for one token. It is a guess: a page of a PDF has 1,500 to 3,000
/// tokens, and most pages have less than 100 kB.
const DOCUMENT_BYTES_PER_TOKEN: u64 = 30;

/// Estimates how many tokens of input a request has, from the number of its bytes: one token for
/// 3.5 bytes of JSON. A picture counts as 1,600 tokens, and a document as one token for 30 bytes.
/// The estimate may be wrong by a third, and more in languages other than English.
/// [`Compact`](crate::Compact) corrects it by the usage that the server reports.
pub fn estimate(request: &Request) -> u64 {
    let tool = |tool: &ToolSpec| {
        let schema = tool.input_schema.text().len();
        text_tokens(tool.name.len() + tool.description.len() + schema)
    };
    let system: u64 = request.system.iter().map(block_tokens).sum();
    let tools: u64 = request.tools.iter().map(tool).sum();
    let server_tools: u64 = request.server_tools.iter().map(|tool| text_tokens(tool.text().len())).sum();
    system + tools + server_tools + tokens_of(&request.messages)
}

/// Estimates the tokens of these messages.
pub(crate) fn tokens_of(messages: &[Message]) -> u64 {
    messages.iter().map(message_tokens).sum()
}

fn message_tokens(message: &Message) -> u64 {
    match message.has_media() {
        true => message.content().iter().map(block_tokens).sum(),
        false => text_tokens(message.json_bytes()),
    }
}

fn block_tokens(block: &Block) -> u64 {
    let bytes = block.json().text().len();
    match block.kind() {
        BlockKind::Image => PICTURE,
        BlockKind::Document => (bytes as u64 / DOCUMENT_BYTES_PER_TOKEN).max(PICTURE),
        BlockKind::ToolResult { content: Content::Blocks(blocks), .. } => {
            blocks.iter().map(block_tokens).sum()
        }
        _ => text_tokens(bytes),
    }
}

/// The tokens of a text of so many bytes.
pub(crate) fn text_tokens(bytes: usize) -> u64 {
    (bytes as f64 / BYTES_PER_TOKEN).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(blocks: Vec<Block>, expected: u64) {
        assert_eq!(estimate(&Request::new(vec![Message::user(blocks)])), expected);
    }

    #[test]
    fn bytes_are_counted_but_not_those_of_pictures() {
        let picture = || Block::image("image/png", &"A".repeat(1_000_000));
        // 3,500 letters, and the JSON around them.
        check(vec![Block::text("a".repeat(3_500))], 1_008);
        check(vec![picture()], 1_600);
        check(vec![Block::tool_result("1", Content::Blocks(vec![picture(), picture()]), false)], 3_200);
    }

    #[test]
    fn system_prompt_and_tools_count() {
        let mut request = Request::new(vec![]);
        request.system = vec![Block::text("a".repeat(3_500))];
        request.tools = [ToolSpec::new("f", "b".repeat(700), serde_json::json!({"type": "object"}))].into();
        assert_eq!(estimate(&request), 1_008 + 206);
    }
}
