//! Content blocks, the parts of a message.

mod content;
mod history_summary;
mod lenient;
mod read;
mod written;

use std::{fmt, sync::Arc};

pub use content::Content;
use read::read;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use written::Written;

use crate::{Json, ToolCall, message::fields::Fields};

/// One content block of a message: its JSON text, and a typed view of it ([`kind`](Self::kind)).
///
/// A block never changes. Its JSON is sent exactly as it was received, so fields and kinds that
/// this library does not know are kept. Clones share everything. The format is that of the Messages
/// API: <https://docs.claude.com/en/api/messages>.
#[derive(Clone)]
pub struct Block(Arc<Inner>);

struct Inner {
    json: Json,
    kind: BlockKind,
}

/// The kind of a [`Block`], with the fields that this library reads.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum BlockKind {
    /// Text. Citations are only in the block's JSON.
    Text(String),
    /// The model's reasoning. It must be sent back unchanged.
    Thinking {
        /// The text of the reasoning. Empty if the API sends only the signature.
        thinking: String,
        /// The API's signature, by which the API recognises thinking that its models wrote. Empty
        /// if the block has no signature.
        signature: String,
    },
    /// Reasoning that the API has encrypted. It must be sent back unchanged.
    RedactedThinking,
    /// A call of a tool of this program.
    ToolUse(Arc<ToolCall>),
    /// The result of a tool call.
    ToolResult {
        /// The id of the call.
        tool_use_id: String,
        /// The content that the model reads.
        content: Content,
        /// Whether the call failed.
        is_error: bool,
    },
    /// A picture. Its source is only in the block's JSON.
    Image,
    /// A document. Its source is only in the block's JSON.
    Document,
    /// A search result that the model can cite. Its fields are only in the block's JSON.
    SearchResult,
    /// A call of a tool that runs on the API's servers, such as web search.
    ServerToolUse(Arc<ToolCall>),
    /// The result of a call that ran on the API's servers. The result itself is only in the block's
    /// JSON.
    ServerToolResult {
        /// The id of the call.
        tool_use_id: String,
    },
    /// A summary of earlier messages; see [`Block::history_summary`].
    HistorySummary {
        /// The summary, as models read it.
        text: String,
        /// The index of the first message that is still sent as it is.
        before: usize,
    },
    /// A block that this library does not know. The string is its `type`.
    Other(String),
}

/// The error for JSON that is not a content block, or lacks a field that its `type` requires.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a content block: {0}")]
pub struct InvalidBlock(String);

impl Block {
    /// Reads a block from its JSON, and keeps that text unchanged.
    ///
    /// Some servers write `null` for absent fields, leave out empty fields, or write ids as
    /// numbers. The API would refuse such a block in a later request, so this is corrected:
    ///
    /// - An absent or `null` text or id of a call becomes `""`.
    /// - An absent or `null` input of a call becomes `{}`.
    /// - An id that is not a string becomes a string.
    /// - Other fields that are `null` are left out.
    pub fn from_json(json: Json) -> Result<Self, InvalidBlock> {
        let (kind, mended) = read(&json).map_err(InvalidBlock)?;
        Ok(Self::of(mended.unwrap_or(json), kind))
    }

    /// Makes a text block.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        let json = Written::of("text", text.len()).set("text", &text).json();
        Self::of(json, BlockKind::Text(text))
    }

    /// Makes a `tool_use` block, as a model writes it. `input` is a JSON object.
    pub fn tool_use(id: impl Into<String>, name: impl Into<String>, input: impl Into<Json>) -> Self {
        let (id, name, input) = (id.into(), name.into(), input.into());
        let size = input.text().len();
        let written = Written::of("tool_use", size).set("id", &id).set("name", &name);
        let json = written.set_json("input", &input).json();
        let input = json.last_value(size);
        Self::of(json, BlockKind::ToolUse(ToolCall { id, name, input }.into()))
    }

    /// Makes a `tool_result` block. `is_error` says that the call failed.
    ///
    /// Blank text and tool blocks inside `content` are left out. An error without text gets a
    /// standard text, because the API refuses an empty one.
    pub fn tool_result(tool_use_id: impl Into<String>, content: Content, is_error: bool) -> Self {
        let tool_use_id = tool_use_id.into();
        let content = match content {
            Content::Blocks(blocks) => result_content(blocks),
            text => text,
        };
        let is_silent = is_error && content.is_blank();
        let content = if is_silent { "the tool failed and said nothing".into() } else { content };
        let written = Written::of("tool_result", 64).set("tool_use_id", &tool_use_id).set_content(&content);
        let json = if is_error { written.set("is_error", &true) } else { written }.json();
        Self::of(json, BlockKind::ToolResult { tool_use_id, content, is_error })
    }

    /// Makes a block of an image in base64. `media_type` is a MIME type, such as `image/png`.
    pub fn image(media_type: &str, base64: &str) -> Self {
        let source = Written::of("base64", base64.len()).set("media_type", media_type).set("data", base64);
        let json = Written::of("image", base64.len()).set_json("source", &source.json()).json();
        Self::of(json, BlockKind::Image)
    }

    /// Whether both are clones of one block.
    pub(crate) fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The kind of the block, with the fields that this library reads.
    pub fn kind(&self) -> &BlockKind {
        &self.0.kind
    }

    /// The JSON of the block, as it was received or built.
    pub fn json(&self) -> &Json {
        &self.0.json
    }

    /// The text of a text block; `None` for all other kinds.
    pub fn as_text(&self) -> Option<&str> {
        match self.kind() {
            BlockKind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The call of a `tool_use` block; `None` for all other kinds.
    pub fn as_tool_use(&self) -> Option<&Arc<ToolCall>> {
        match self.kind() {
            BlockKind::ToolUse(call) => Some(call),
            _ => None,
        }
    }

    /// Whether this is a text block with nothing but white space. The API refuses such blocks.
    pub fn is_blank(&self) -> bool {
        self.as_text().is_some_and(|text| text.trim().is_empty())
    }

    /// Returns a copy with one field of its JSON set, for example `("cache_control", json!(…))`.
    /// All other fields stay as they are. The field may be any field of the block's JSON, also one
    /// that this library does not know. Fails if the result is not a valid block.
    pub fn with(&self, field: &str, value: impl Into<Json>) -> Result<Self, InvalidBlock> {
        let mut fields = self.fields();
        fields.set(field, &value.into());
        Self::from_json(fields.json())
    }

    /// The value of one field of the block's JSON; `None` if the block has no such field.
    pub fn field(&self, name: &str) -> Option<Json> {
        self.fields().get(name).map(|value| value.to_owned().into())
    }

    /// Whether this is a call of a tool of this program, or the result of one.
    pub fn is_tool_block(&self) -> bool {
        matches!(self.kind(), BlockKind::ToolUse(_) | BlockKind::ToolResult { .. })
    }

    pub(crate) fn is_tool_result(&self) -> bool {
        matches!(self.kind(), BlockKind::ToolResult { .. })
    }

    /// Returns a copy of a call block with another call. Fields that `call` does not have stay. A
    /// block of another kind is returned unchanged.
    pub(crate) fn with_call(&self, call: ToolCall) -> Self {
        let (BlockKind::ToolUse(old) | BlockKind::ServerToolUse(old)) = self.kind() else {
            return self.clone();
        };
        if **old == call {
            return self.clone();
        }
        let is_only_input = (&old.id, &old.name) == (&call.id, &call.name);
        let only_input = if is_only_input { self.json().with_part(&old.input, &call.input) } else { None };
        let (json, input) = only_input.unwrap_or_else(|| {
            let mut fields = self.fields();
            fields.replace("id", &old.id, &call.id);
            fields.replace("name", &old.name, &call.name);
            fields.set_json("input", &call.input);
            (fields.json(), call.input.clone())
        });
        let call = Arc::new(ToolCall { input, ..call });
        let is_own = self.as_tool_use().is_some();
        Self::of(json, if is_own { BlockKind::ToolUse(call) } else { BlockKind::ServerToolUse(call) })
    }

    /// Returns a copy of a text block with another text. All other fields stay.
    pub(crate) fn with_text(&self, text: String) -> Self {
        let mut fields = self.fields();
        fields.set("text", &text);
        Self::of(fields.json(), BlockKind::Text(text))
    }

    /// Returns a copy of a thinking block with another text and signature. All other fields stay. A
    /// block of another kind is returned unchanged.
    pub(crate) fn with_thinking(&self, thinking: String, signature: String) -> Self {
        let BlockKind::Thinking { thinking: old, signature: signed } = self.kind() else {
            return self.clone();
        };
        let mut fields = self.fields();
        fields.replace("thinking", old, &thinking);
        fields.replace("signature", signed, &signature);
        Self::of(fields.json(), BlockKind::Thinking { thinking, signature })
    }

    /// Returns a copy with more fields in its JSON. They must be fields that [`BlockKind`] does not
    /// show.
    pub(crate) fn with_unread(&self, others: Fields<'_>) -> Self {
        let mut fields = self.fields();
        fields.extend(others);
        Self::of(fields.json(), self.kind().clone())
    }

    /// Returns a copy of a text block without white space at the end. All other fields stay. A
    /// block of another kind is returned unchanged.
    pub(crate) fn without_space_at_end(&self) -> Self {
        match self.as_text().filter(|text| text.ends_with(char::is_whitespace)) {
            Some(text) => self.with_text(text.trim_end().to_owned()),
            None => self.clone(),
        }
    }

    fn of(json: Json, kind: BlockKind) -> Self {
        Self(Arc::new(Inner { json, kind }))
    }

    fn fields(&self) -> Fields<'_> {
        Fields::of(self.json().text()).expect("a block is a JSON object")
    }
}

/// Removes what the API refuses inside a result: blank text and tool blocks.
fn result_content(mut blocks: Vec<Block>) -> Content {
    blocks.retain(|block| !block.is_blank() && !block.is_tool_block());
    if blocks.is_empty() { Content::default() } else { Content::Blocks(blocks) }
}

impl PartialEq for Block {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.json() == other.json()
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.json().fmt(f)
    }
}

impl Serialize for Block {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Block {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(Json::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_back(text: &str) -> Block {
        let block: Block = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&block).unwrap(), text);
        block
    }

    #[test]
    fn invariant_6_a_blocks_json_goes_out_as_it_came_in() {
        for text in [
            r#"{"text":"hi","citations":[{"z":1,"a":2}],"type":"text"}"#,
            r#"{"type":"thinking","thinking":"","signature":"c2ln"}"#,
            r#"{"type":"redacted_thinking","data":"xx"}"#,
            r#"{"type":"tool_use","id":"a","name":"f","input":{"n":12345678901234567890123},"caller":{"type":"direct"}}"#,
            r#"{"type":"holo_deck","depth":{"b":1,"a":[ 2 ]}}"#,
        ] {
            read_back(text);
        }
    }

    #[test]
    fn fault_25_half_a_character_in_a_block_does_not_cost_the_block() {
        let block: Block = serde_json::from_str(r#"{"type":"text","text":"a\ud83e","z":1}"#).unwrap();
        assert_eq!(block.as_text(), Some("a\u{fffd}"));
        assert_eq!(block.json().text(), r#"{"type":"text","text":"a\ufffd","z":1}"#);
    }

    #[test]
    fn a_known_type_of_a_wrong_shape_is_an_error_not_other() {
        let error = serde_json::from_str::<Block>(r#"{"type":"text","text":7}"#).unwrap_err();
        assert!(error.to_string().contains(r#"type "text", at /text"#), "{error}");
        assert!(serde_json::from_str::<Block>(r#"{"text":"untyped"}"#).is_err());
    }

    #[test]
    fn field_57_null_is_absent_and_what_is_absent_is_empty() {
        let check = |text: &str, mended: &str| {
            let block: Block = serde_json::from_str(text).unwrap();
            assert_eq!(block.json().text(), mended);
            assert_eq!(read_back(mended).kind(), block.kind());
        };
        check(r#"{"type":"text","text":null,"z":null}"#, r#"{"type":"text","text":"","z":null}"#);
        check(r#"{"type":"text"}"#, r#"{"type":"text","text":""}"#);
        check(
            r#"{"type":"thinking","thinking":null,"signature":null}"#,
            r#"{"type":"thinking","thinking":""}"#,
        );
        let call = |id: &str| format!(r#"{{"type":"tool_use","id":{id},"name":"f","input":{{}}}}"#);
        check(r#"{"type":"tool_use","id":"a","name":"f"}"#, &call(r#""a""#));
        check(r#"{"type":"tool_use","id":null,"name":"f","input":null}"#, &call(r#""""#));
        check(r#"{"type":"tool_use","id":7,"name":"f","input":{}}"#, &call(r#""7""#));
        check(r#"{"type":"tool_use","id":{"a":1},"name":"f","input":{}}"#, &call(r#""{\"a\":1}""#));
        check(
            r#"{"type":"mcp_tool_use","id":7,"name":"f"}"#,
            r#"{"type":"mcp_tool_use","id":"7","name":"f","input":{}}"#,
        );
        check(
            r#"{"type":"tool_result","tool_use_id":7,"content":null,"is_error":null}"#,
            r#"{"type":"tool_result","tool_use_id":"7"}"#,
        );
        for text in [
            r#"{"type":null}"#,
            r#"{"type":"tool_use","id":"a","name":null,"input":{}}"#,
            r#"{"type":"server_tool_use","id":null,"name":"f"}"#,
            r#"{"type":"tool_result","tool_use_id":null}"#,
        ] {
            let error = serde_json::from_str::<Block>(text).unwrap_err().to_string();
            assert!(error.starts_with("not a content block: "), "{error}");
        }
    }

    #[test]
    fn tool_results_are_read_with_text_blocks_or_nothing() {
        let check = |text: &str, words: &str| match read_back(text).kind() {
            BlockKind::ToolResult { content, .. } => assert_eq!(content.to_text(), words),
            other => panic!("{other:?}"),
        };
        check(r#"{"type":"tool_result","tool_use_id":"a","content":"x"}"#, "x");
        check(r#"{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"y"}]}"#, "y");
        check(r#"{"type":"tool_result","tool_use_id":"a"}"#, "");
    }

    #[test]
    fn fault_7_a_failed_call_with_an_empty_message_keeps_its_id_and_says_something() {
        let block = Block::tool_result("id-7", "  ".into(), true);
        insta::assert_snapshot!(block.json().text(), @r#"{"type":"tool_result","tool_use_id":"id-7","content":"the tool failed and said nothing","is_error":true}"#);
    }
}
