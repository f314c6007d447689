//! What a server's results are for a model.

use agent_core::{Block, Content, Json, Outcome};
use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use serde_json::Value;

/// The pictures that model APIs take.
const PICTURES: [&str; 4] = ["image/gif", "image/jpeg", "image/png", "image/webp"];

/// The outcome of a call from the result of the server.
pub(super) fn outcome(result: CallToolResult) -> Outcome {
    let is_error = result.is_error == Some(true);
    let mut blocks: Vec<Block> = result.content.iter().map(block).collect();
    if let Some(value) = &result.structured_content {
        // A server should say the same as text, for clients that know nothing else.
        let is_said = |block: &Block| {
            block.as_text().and_then(|text| serde_json::from_str::<Value>(text).ok()).as_ref() == Some(value)
        };
        if !blocks.iter().any(is_said) {
            blocks.push(Block::text(value.to_string()));
        }
    }
    let content = content(blocks);
    if is_error { Outcome::Error(content) } else { Outcome::Output(content) }
}

/// The outcome of a call whose result this version does not know as a whole. What is known of it is
/// shown as usual, and the rest as its JSON.
pub(super) fn unknown(result: &Value) -> Outcome {
    let Some(all) = result.get("content").and_then(Value::as_array) else {
        return Outcome::error(format!("the call was made, but its answer is no result of a call: {result}"));
    };
    let one = |json: &Value| match serde_json::from_value::<ContentBlock>(json.clone()) {
        Ok(known) => block(&known),
        Err(_) => Block::text(json.to_string()),
    };
    let structured = result.get("structuredContent").filter(|value| !value.is_null());
    let blocks = all.iter().map(one).chain(structured.map(|value| Block::text(value.to_string())));
    let content = content(blocks.collect());
    if result.get("isError") == Some(&Value::Bool(true)) {
        Outcome::Error(content)
    } else {
        Outcome::Output(content)
    }
}

/// Text alone is text.
pub(super) fn content(blocks: Vec<Block>) -> Content {
    match &*blocks {
        [] => Content::from(""),
        [block] => match block.as_text() {
            Some(text) => Content::from(text.to_owned()),
            None => Content::Blocks(blocks),
        },
        _ => Content::Blocks(blocks),
    }
}

/// A block of the server as a block for the model. What models don't take is named in words: what
/// it is, and how large.
pub(super) fn block(block: &ContentBlock) -> Block {
    match block {
        ContentBlock::Text(text) => Block::text(&text.text),
        ContentBlock::Image(image) => blob(&image.mime_type, &image.data, None),
        ContentBlock::Audio(audio) => blob(&audio.mime_type, &audio.data, None),
        ContentBlock::Resource(embedded) => resource(&embedded.resource),
        ContentBlock::ResourceLink(link) => {
            let mut words = format!("resource {} ({})", link.uri, link.name);
            for more in [&link.mime_type, &link.description].into_iter().flatten() {
                words.push_str(&format!(", {more}"));
            }
            Block::text(words)
        }
        // What a later revision adds: its JSON says what it is.
        other => Block::text(serde_json::to_string(other).unwrap_or_default()),
    }
}

/// A resource as a block for the model, with its address if it is text.
pub(super) fn resource(contents: &ResourceContents) -> Block {
    match contents {
        ResourceContents::TextResourceContents { uri, text, .. } => {
            Block::text(format!("resource {uri}:\n{text}"))
        }
        ResourceContents::BlobResourceContents { uri, mime_type, blob: data, .. } => {
            blob(mime_type.as_deref().unwrap_or("application/octet-stream"), data, Some(uri))
        }
        other => Block::text(serde_json::to_string(other).unwrap_or_default()),
    }
}

fn blob(media_type: &str, base64: &str, uri: Option<&str>) -> Block {
    if PICTURES.contains(&media_type) {
        return Block::image(media_type, base64);
    }
    if media_type == "application/pdf" {
        let source = serde_json::json!({"type": "base64", "media_type": media_type, "data": base64});
        let document = serde_json::json!({"type": "document", "source": source});
        return Block::from_json(Json::from(document)).expect("it has the fields of a document");
    }
    let from = uri.map(|uri| format!(" from {uri}")).unwrap_or_default();
    let bytes = base64.trim_end_matches('=').len() * 3 / 4;
    Block::text(format!("[{bytes} bytes of {media_type}{from}, which the model can't be shown]"))
}

#[cfg(test)]
mod tests {
    use agent_core::Outcome;
    use serde_json::{Value, json};

    use super::outcome;

    fn check(result: Value) -> String {
        match outcome(serde_json::from_value(result).unwrap()) {
            Outcome::Output(content) => serde_json::to_string(&content).unwrap(),
            Outcome::Error(content) => format!("error {}", serde_json::to_string(&content).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn results_become_what_a_model_reads() {
        let said = [
            json!({"content": [{"type": "text", "text": "hi"}]}),
            json!({"content": []}),
            json!({"content": [{"type": "text", "text": "no"}], "isError": true}),
            json!({"content": [{"type": "image", "data": "aGk=", "mimeType": "image/png"}]}),
            json!({"content": [{"type": "image", "data": "aGk=", "mimeType": "image/tiff"}]}),
            json!({"content": [{"type": "audio", "data": "aGk=", "mimeType": "audio/wav"}]}),
            json!({"content": [{"type": "resource", "resource": {"uri": "file:///a", "text": "A"}}]}),
            json!({"content": [{"type": "resource", "resource": {"uri": "file:///a", "blob": "aGk=", "mimeType": "application/pdf"}}]}),
            json!({"content": [{"type": "resource_link", "uri": "file:///a", "name": "a", "mimeType": "text/plain"}]}),
            json!({"content": [{"type": "text", "text": "{\"a\": 1}"}], "structuredContent": {"a": 1}}),
            json!({"content": [{"type": "text", "text": "other"}], "structuredContent": {"a": 1}}),
        ];
        insta::assert_snapshot!(said.map(check).join("\n"));
    }
}
