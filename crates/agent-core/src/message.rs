//! Messages: who said what.

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize, Serializer};

use crate::{Block, Content, ToolCall};

/// Who said a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The person, or the tools that ran.
    User,
    /// The model.
    Assistant,
    /// Instructions in the middle of a conversation.
    System,
}

/// One message of a conversation. Clones share the blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Message {
    role: Role,
    #[serde(serialize_with = "in_place")]
    content: Arc<[Block]>,
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
    /// A message of this role; text becomes one text block.
    pub fn new(role: Role, content: impl Into<Content>) -> Self {
        Self { role, content: content.into().into_blocks().into() }
    }

    /// What the user says.
    pub fn user(content: impl Into<Content>) -> Self {
        Self::new(Role::User, content)
    }

    /// What the model said.
    pub fn assistant(content: impl Into<Content>) -> Self {
        Self::new(Role::Assistant, content)
    }

    /// Who said it.
    pub fn role(&self) -> Role {
        self.role
    }

    /// What was said, block by block.
    pub fn content(&self) -> &[Block] {
        &self.content
    }

    /// The words in it, blocks of other kinds left out.
    pub fn text(&self) -> String {
        self.content.iter().filter_map(Block::as_text).collect()
    }

    /// The calls in it, in order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.content.iter().filter_map(Block::as_tool_use)
    }

    /// The message without its blank text blocks, which the API refuses; `None` if nothing is left.
    pub fn without_blanks(&self) -> Option<Cow<'_, Self>> {
        if !self.content.iter().any(Block::is_blank) {
            return (!self.content.is_empty()).then_some(Cow::Borrowed(self));
        }
        let content: Arc<[Block]> = self.content.iter().filter(|block| !block.is_blank()).cloned().collect();
        (!content.is_empty()).then_some(Cow::Owned(Self { role: self.role, content }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_13_blank_text_is_never_sent_back() {
        let blank = Message::assistant(vec![Block::text(" \n"), Block::text("x"), Block::text("")]);
        assert_eq!(blank.without_blanks().unwrap().content(), [Block::text("x")]);
        assert_eq!(Message::assistant(" ").without_blanks(), None);
        assert_eq!(Message::assistant("").without_blanks(), None);
    }

    #[test]
    fn a_message_reads_text_and_blocks() {
        let short: Message = serde_json::from_str(r#"{"role":"user","content":"hi"}"#).unwrap();
        let long = r#"{"role":"user","content":[{"type":"text","text":"hi"}]}"#;
        assert_eq!(short, serde_json::from_str(long).unwrap());
        assert_eq!(serde_json::to_string(&short).unwrap(), long);
    }
}
