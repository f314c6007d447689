//! Content of the agents' messages as content of the protocol.

use agent_core::{Block, Content};
use rmcp::model::ContentBlock;
use serde::Deserialize;

/// Converts the result of a call. A block that MCP does not know becomes its JSON, as text, so that
/// nothing is dropped.
pub(crate) fn to_mcp(content: &Content) -> Vec<ContentBlock> {
    match content {
        Content::Text(text) => vec![ContentBlock::text(text.clone())],
        Content::Blocks(blocks) => blocks.iter().map(block).collect(),
    }
}

/// The blocks of the Messages API that have another shape than those of MCP.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Known {
    Image { source: Source },
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Source {
    Base64 { media_type: String, data: String },
}

fn block(block: &Block) -> ContentBlock {
    if let Some(text) = block.as_text() {
        return ContentBlock::text(text);
    }
    if let Ok(Known::Image { source: Source::Base64 { media_type, data } }) = block.json().parse() {
        return ContentBlock::image(data, media_type);
    }
    // A tool may write blocks of MCP itself: audio, resources, links.
    let as_it_is = block.json().parse::<ContentBlock>();
    as_it_is.unwrap_or_else(|_| ContentBlock::text(block.json().text()))
}

#[cfg(test)]
mod tests {
    use agent_core::Json;
    use serde_json::{Value, json};

    use super::*;

    fn check(given: Value, expected: Value) {
        let content = Content::Blocks(vec![Block::from_json(Json::from(given)).unwrap()]);
        assert_eq!(serde_json::to_value(to_mcp(&content)).unwrap(), json!([expected]));
    }

    #[test]
    fn blocks_become_those_of_the_protocol_and_none_is_lost() {
        check(json!({"type": "text", "text": "Hi."}), json!({"type": "text", "text": "Hi."}));
        check(
            json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}),
            json!({"type": "image", "data": "aGk=", "mimeType": "image/png"}),
        );
        let audio = json!({"type": "audio", "data": "aGk=", "mimeType": "audio/wav"});
        check(audio.clone(), audio);
        let resource =
            json!({"type": "resource", "resource": {"uri": "a://b", "mimeType": "text/plain", "text": "c"}});
        check(resource.clone(), resource);
        let url = json!({"type": "image", "source": {"type": "url", "url": "https://a/b.png"}});
        check(url.clone(), json!({"type": "text", "text": url.to_string()}));
    }
}
