//! Messages, their content blocks, and the JSON text in which they are kept.

pub(crate) mod block;
pub(crate) mod fields;
pub(crate) mod json;
pub(crate) mod safe_text;
pub(crate) mod shared_text;
pub(crate) mod surrogates;
pub(crate) mod tagged;
pub(crate) mod tool_call;
pub(crate) mod truncate;
pub(crate) mod valid_history;
pub(crate) mod without_tool_blocks;

pub use block::{Block, BlockKind, Content, InvalidBlock};
pub use json::{InvalidJson, Json};
pub use safe_text::{safe_line, safe_lines};
pub use shared_text::SharedText;
pub use tool_call::ToolCall;
pub use valid_history::valid_history;
pub use without_tool_blocks::without_tool_blocks;

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize, Serializer};

/// Who said a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The user. Results of tool calls are also sent in this role.
    User,
    /// The model.
    Assistant,
    /// The program: instructions in the middle of a conversation.
    System,
}

/// One message of a conversation. Clones share the blocks.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Message {
    role: Role,
    #[serde(serialize_with = "in_place")]
    content: Arc<[Block]>,
    /// Each request asks these three, so they are computed once: whether all blocks can be sent,
    /// whether there are pictures or documents, and the length in bytes.
    #[serde(skip)]
    is_sendable: bool,
    #[serde(skip)]
    has_media: bool,
    #[serde(skip)]
    json_bytes: usize,
    /// Set by the machine alone, so nobody can forge it. The record says which messages have it.
    #[serde(skip)]
    background_result: Option<Arc<BackgroundResult>>,
}

/// The call whose result a message tells, and whether it has failed.
#[derive(Clone, Debug)]
pub(crate) struct BackgroundResult {
    pub(crate) call: Arc<ToolCall>,
    pub(crate) is_error: bool,
}

/// Messages that share their blocks are equal; only others are compared block by block.
impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.ptr_eq(other) || (self.role == other.role && self.content == other.content)
    }
}

fn in_place<S: Serializer>(content: &Arc<[Block]>, serializer: S) -> Result<S::Ok, S::Error> {
    content[..].serialize(serializer)
}

#[derive(Deserialize)]
struct Written {
    role: Role,
    #[serde(default)]
    content: Content,
}

impl From<Written> for Message {
    fn from(Written { role, content }: Written) -> Self {
        Self::new(role, content)
    }
}

impl Message {
    /// Makes a message in this role. A text becomes one text block.
    pub fn new(role: Role, content: impl Into<Content>) -> Self {
        Self::of(role, content.into().into_blocks().into())
    }

    fn of(role: Role, content: Arc<[Block]>) -> Self {
        let ends_well = content.last().is_some_and(|block| !is_thinking(block));
        let is_sendable = ends_well && content.iter().all(can_be_sent);
        let has_media = content.iter().any(is_or_holds_media);
        let json_bytes = content.iter().map(|block| block.json().text().len() + 1).sum();
        Self { role, content, is_sendable, has_media, json_bytes, background_result: None }
    }

    /// Makes the same message with other content, for wrappers that change what is sent. A message
    /// that tells a [background result](Self::is_background_result) still does.
    pub fn with_content(&self, content: impl Into<Content>) -> Self {
        Self { background_result: self.background_result.clone(), ..Self::new(self.role, content) }
    }

    /// Makes a message of the user.
    pub fn user(content: impl Into<Content>) -> Self {
        Self::new(Role::User, content)
    }

    /// Makes a message of the model.
    pub fn assistant(content: impl Into<Content>) -> Self {
        Self::new(Role::Assistant, content)
    }

    /// Whether both are clones of one message.
    pub(crate) fn ptr_eq(&self, other: &Self) -> bool {
        self.role == other.role && Arc::ptr_eq(&self.content, &other.content)
    }

    /// Whether a clone of the message is kept elsewhere. A cache that finds something by a message
    /// needs it only as long as this is so.
    pub fn has_clones(&self) -> bool {
        Arc::strong_count(&self.content) > 1
    }

    /// The same message, which tells this result of a call that went on in the background.
    pub(crate) fn into_background_result(mut self, result: BackgroundResult) -> Self {
        self.background_result = Some(result.into());
        self
    }

    /// Whether the message tells the result of a call that went on [in the
    /// background](crate::ToolSpec::detach_after). Its role is the user's, but the words are a
    /// tool's. A message that was made anew from its blocks does not know it any more; one that was
    /// made [with other content](Self::with_content) does.
    pub fn is_background_result(&self) -> bool {
        self.background_result.is_some()
    }

    /// The result of a call that went on in the background, if the message tells one: the call, the
    /// content, and whether the call failed.
    pub fn background_result(&self) -> Option<(&Arc<ToolCall>, Content, bool)> {
        let BackgroundResult { call, is_error } = &**self.background_result.as_ref()?;
        // The first line is the head. A wrapper may have added something at the end.
        let first = self.content().first().and_then(Block::as_text).and_then(|text| text.split_once('\n'));
        let content = match (first, self.content().get(1..).unwrap_or_default()) {
            (first, []) => first.map_or("", |(_, text)| text).into(),
            (None, rest) => rest.to_vec().into(),
            (Some((_, text)), rest) => [&[Block::text(text)], rest].concat().into(),
        };
        Some((call, content, *is_error))
    }

    /// Who said the message.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The content blocks, in order.
    pub fn content(&self) -> &[Block] {
        &self.content
    }

    /// The length of the blocks as JSON, in bytes, with one byte per block for a comma. Use it to
    /// estimate how long a request is.
    pub fn json_bytes(&self) -> usize {
        self.json_bytes
    }

    /// Whether the message has pictures or documents, also inside tool results. The answer is
    /// computed once per message. Use it to skip messages without media when you limit media.
    pub fn has_media(&self) -> bool {
        self.has_media
    }

    /// The text of the message. Blocks that are not text are left out.
    pub fn text(&self) -> String {
        self.content.iter().filter_map(Block::as_text).collect()
    }

    /// The tool calls of the message, in order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &Arc<ToolCall>> {
        self.content.iter().filter_map(Block::as_tool_use)
    }

    /// The tool results of the message, in order. Each is the id of its call, the content, and
    /// whether the call failed.
    pub fn tool_results(&self) -> impl Iterator<Item = (&str, &Content, bool)> {
        self.content.iter().filter_map(|block| match block.kind() {
            BlockKind::ToolResult { tool_use_id, content, is_error } => {
                Some((tool_use_id.as_str(), content, *is_error))
            }
            _ => None,
        })
    }

    /// The message without the parts that the API refuses, or `None` if nothing is left.
    ///
    /// It leaves out blank text, thinking without a signature (it was cut off), thinking at the end,
    /// and blocks that only this library knows ([`Block::history_summary`]). Source: <https://docs.claude.com/en/docs/build-with-claude/extended-thinking>.
    pub fn sendable(&self) -> Option<Cow<'_, Self>> {
        if self.is_sendable {
            return Some(Cow::Borrowed(self));
        }
        let mut content: Vec<Block> =
            self.content.iter().filter(|block| can_be_sent(block)).cloned().collect();
        while content.last().is_some_and(is_thinking) {
            content.pop();
        }
        (!content.is_empty()).then(|| Cow::Owned(self.with_content(content)))
    }

    /// The message without the results of calls. `None` if it has nothing else.
    pub(crate) fn without_results(&self) -> Option<Self> {
        let is_result = |block: &&Block| block.is_tool_result();
        match self.content.iter().filter(is_result).count() {
            0 => Some(self.clone()),
            all if all == self.content.len() => None,
            _ => {
                let content = self.content.iter().filter(|block| !is_result(block));
                Some(self.with_content(content.cloned().collect::<Vec<Block>>()))
            }
        }
    }

    /// The message as it can stand last in a request. If the model is to continue its own reply,
    /// the API refuses white space at the end of that reply.
    pub(crate) fn without_space_at_end(&self) -> Self {
        match self.content.split_last() {
            Some((last, before)) if self.role == Role::Assistant => {
                let content = before.iter().cloned().chain([last.without_space_at_end()]);
                Self::of(self.role, content.collect())
            }
            _ => self.clone(),
        }
    }
}

fn can_be_sent(block: &Block) -> bool {
    match block.kind() {
        BlockKind::Thinking { signature, .. } => !signature.is_empty(),
        BlockKind::HistorySummary { .. } => false,
        _ => !block.is_blank(),
    }
}

fn is_or_holds_media(block: &Block) -> bool {
    let is_media = |block: &Block| matches!(block.kind(), BlockKind::Image | BlockKind::Document);
    match block.kind() {
        BlockKind::ToolResult { content: Content::Blocks(blocks), .. } => blocks.iter().any(is_media),
        _ => is_media(block),
    }
}

fn is_thinking(block: &Block) -> bool {
    matches!(block.kind(), BlockKind::Thinking { .. } | BlockKind::RedactedThinking)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_13_blank_text_is_never_sent_back() {
        let blank = Message::assistant(vec![Block::text(" \n"), Block::text("x"), Block::text("")]);
        assert_eq!(blank.sendable().unwrap().content(), [Block::text("x")]);
        assert_eq!(Message::assistant(" ").sendable(), None);
        assert_eq!(Message::assistant("").sendable(), None);
    }

    #[test]
    fn fault_35_thinking_without_a_signature_or_at_the_end_is_not_sent_back() {
        let check = |blocks: &str, expected: Option<&str>| {
            let blocks: Vec<Block> = serde_json::from_str(blocks).unwrap();
            let message = Message::assistant(blocks);
            let sent = message.sendable().map(|sent| serde_json::to_string(sent.content()).unwrap());
            assert_eq!(sent.as_deref(), expected);
        };
        let signed = r#"{"type":"thinking","thinking":"","signature":"c2ln"}"#;
        let unsigned = r#"{"type":"thinking","thinking":"hm","signature":""}"#;
        let (blank, words) = (r#"{"type":"text","text":""}"#, r#"{"type":"text","text":"x"}"#);
        check(&format!("[{signed},{words}]"), Some(&format!("[{signed},{words}]")));
        check(&format!("[{unsigned},{words}]"), Some(&format!("[{words}]")));
        check(&format!("[{words},{signed},{blank}]"), Some(&format!("[{words}]")));
        check(&format!("[{unsigned}]"), None);
    }

    #[test]
    fn a_message_reads_text_and_blocks() {
        let short: Message = serde_json::from_str(r#"{"role":"user","content":"hi"}"#).unwrap();
        let long = r#"{"role":"user","content":[{"type":"text","text":"hi"}]}"#;
        assert_eq!(short, serde_json::from_str(long).unwrap());
        assert_eq!(serde_json::to_string(&short).unwrap(), long);
    }
}
