//! Content blocks: what messages are made of.

mod content;
mod lenient;
mod read;
mod written;

use std::{fmt, sync::Arc};

pub use content::Content;
use read::read;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use written::{Source, Written, written};

use crate::{Json, ToolCall, message::fields::Fields};

/// One content block of a message: its JSON as it came, and a typed view of it.
///
/// A block never changes and its JSON goes out as it came in, so fields and kinds this library
/// does not know survive. Clones share everything.
/// Source: <https://docs.claude.com/en/api/messages>.
#[derive(Clone)]
pub struct Block(Arc<Inner>);

struct Inner {
    json: Json,
    kind: BlockKind,
}

/// The typed view of a [`Block`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum BlockKind {
    /// Words. Citations, if any, are in the block's JSON.
    Text(String),
    /// The model's reasoning, to be sent back unchanged.
    Thinking {
        /// The words; empty when the API omits them.
        thinking: String,
        /// What the API recognises its own thinking by.
        signature: String,
    },
    /// Reasoning the API has encrypted, to be sent back unchanged.
    RedactedThinking,
    /// The model calls a tool.
    ToolUse(Arc<ToolCall>),
    /// What a tool call led to.
    ToolResult {
        /// The id of the call this answers.
        tool_use_id: String,
        /// What the model reads.
        content: Content,
        /// Whether the call failed.
        is_error: bool,
    },
    /// A picture; its source is in the block's JSON.
    Image,
    /// A document; its source is in the block's JSON.
    Document,
    /// A passage of a search, to be cited; it is in the block's JSON.
    SearchResult,
    /// The model calls a tool that runs at the API's.
    ServerToolUse(Arc<ToolCall>),
    /// What such a call led to (web search, code execution, …); the whole is in the block's JSON.
    ServerToolResult {
        /// The id of the call this answers.
        tool_use_id: String,
    },
    /// A block this library has no type for; the text is its `type`.
    Other(String),
}

/// A block whose JSON is not what its `type` promises.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a content block: {0}")]
pub struct InvalidBlock(String);

impl Block {
    /// Reads a block from its JSON, which is kept as it stands.
    ///
    /// Some servers write `null` for what is not there, leave out what is empty, or write ids as numbers. What the API
    /// would not take back is mended: text that is `null` or absent is empty, as is the id of a call; an input is `{}`;
    /// an id of another kind is its JSON as text; other fields that are `null` are left out.
    pub fn from_json(json: Json) -> Result<Self, InvalidBlock> {
        let (kind, mended) = read(&json).map_err(InvalidBlock)?;
        Ok(Self::of(mended.unwrap_or(json), kind))
    }

    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        let json = written(&Written::Text { text: &text });
        Self::of(json, BlockKind::Text(text))
    }

    /// A call of a tool, as a model makes it.
    pub fn tool_use(id: impl Into<String>, name: impl Into<String>, input: impl Into<Json>) -> Self {
        let call = ToolCall { id: id.into(), name: name.into(), input: input.into() };
        let ToolCall { id, name, input } = &call;
        let json = written(&Written::ToolUse { id, name, input });
        Self::of(json, BlockKind::ToolUse(call.into()))
    }

    /// What a call led to. An error without words gets some, since the API refuses it empty.
    pub fn tool_result(tool_use_id: impl Into<String>, content: Content, is_error: bool) -> Self {
        let tool_use_id = tool_use_id.into();
        let content = match content {
            Content::Blocks(blocks) => result_content(blocks),
            text => text,
        };
        let is_silent = is_error && content.is_blank();
        let content = if is_silent { "the tool failed and said nothing".into() } else { content };
        let json = written(&Written::ToolResult { tool_use_id: &tool_use_id, content: &content, is_error });
        Self::of(json, BlockKind::ToolResult { tool_use_id, content, is_error })
    }

    /// An image given as base64; `media_type` as in `image/png`.
    pub fn image(media_type: &str, base64: &str) -> Self {
        let source = Source::Base64 { media_type, data: base64 };
        Self::of(written(&Written::Image { source }), BlockKind::Image)
    }

    /// Whether it is a clone of the other.
    pub(crate) fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The typed view.
    pub fn kind(&self) -> &BlockKind {
        &self.0.kind
    }

    /// The block's JSON as it came, or as it was built.
    pub fn json(&self) -> &Json {
        &self.0.json
    }

    /// The words of a text block.
    pub fn as_text(&self) -> Option<&str> {
        match self.kind() {
            BlockKind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The call of a `tool_use` block.
    pub fn as_tool_use(&self) -> Option<&Arc<ToolCall>> {
        match self.kind() {
            BlockKind::ToolUse(call) => Some(call),
            _ => None,
        }
    }

    /// A text block without a visible character, which the API refuses to read back.
    pub fn is_blank(&self) -> bool {
        self.as_text().is_some_and(|text| text.trim().is_empty())
    }

    /// The same block with this field set, all others as they were: `("cache_control", json!(…))`.
    pub fn with(&self, field: &str, value: impl Into<Json>) -> Result<Self, InvalidBlock> {
        let mut fields = self.fields();
        fields.set(field, &value.into());
        Self::from_json(fields.json())
    }

    /// The JSON of one of its fields.
    pub fn field(&self, name: &str) -> Option<Json> {
        self.fields().get(name).map(|value| value.to_owned().into())
    }

    /// Whether it is a tool's: a call or a result.
    pub fn is_tool_block(&self) -> bool {
        matches!(self.kind(), BlockKind::ToolUse(_) | BlockKind::ToolResult { .. })
    }

    pub(crate) fn is_tool_result(&self) -> bool {
        matches!(self.kind(), BlockKind::ToolResult { .. })
    }

    /// The same call block for this call, everything else in it as it was; any other block as it is.
    pub(crate) fn with_call(&self, call: ToolCall) -> Self {
        let (BlockKind::ToolUse(old) | BlockKind::ServerToolUse(old)) = self.kind() else {
            return self.clone();
        };
        if **old == call {
            return self.clone();
        }
        let mut fields = self.fields();
        fields.replace("id", &old.id, &call.id);
        fields.replace("name", &old.name, &call.name);
        fields.set_json("input", &call.input);
        let json = fields.json();
        let call = Arc::new(call);
        let is_own = self.as_tool_use().is_some();
        Self::of(json, if is_own { BlockKind::ToolUse(call) } else { BlockKind::ServerToolUse(call) })
    }

    /// The same text block with this text, everything else in it as it was.
    pub(crate) fn with_text(&self, text: String) -> Self {
        let mut fields = self.fields();
        fields.set("text", &text);
        Self::of(fields.json(), BlockKind::Text(text))
    }

    /// The same thinking block with these words, everything else in it as it was.
    pub(crate) fn with_thinking(&self, thinking: String, signature: String) -> Self {
        let BlockKind::Thinking { thinking: old, signature: signed } = self.kind() else {
            return self.clone();
        };
        let mut fields = self.fields();
        fields.replace("thinking", old, &thinking);
        fields.replace("signature", signed, &signature);
        Self::of(fields.json(), BlockKind::Thinking { thinking, signature })
    }

    /// The same block with these fields of which its typed view knows nothing.
    pub(crate) fn with_unread(&self, others: Fields<'_>) -> Self {
        let mut fields = self.fields();
        fields.extend(others);
        Self::of(fields.json(), self.kind().clone())
    }

    /// The same text block without white space at its end, everything else in it as it was; any other
    /// block as it is.
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

/// What the API takes in a result: no blank text, and no tool blocks.
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
