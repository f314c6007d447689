//! Blocks of a record that only OpenAI's APIs can read.
//!
//! A record has the blocks of the Messages API, whatever model answered. What has no place in these
//! is kept in blocks of types of its own, which begin with `openai:`. They go back to the API that
//! they came from, and to no other:
//!
//! - `openai:item`, as `{"type":"openai:item","item":{…}}`: an item of a reply of the Responses API
//!   that is neither a message nor a call, as it came. Encrypted reasoning is one.
//! - `openai:text`: what a message of the Responses API says besides its words, which stand right
//!   before it: its phase, and annotations of its text.
//! - `openai:call`, as `{"type":"openai:call","fields":{…}}`: what the call right before it says
//!   besides what every call says.
//! - `openai:message`, as `{"type":"openai:message","fields":{…}}`: other fields of a message of
//!   chat completions.
//!
//! - `openai:origin`: it says who wrote a reply that has none of the others, where a later request
//!   may go on from it.
//!
//! A thinking block with the signature `openai:FIELD@ORIGIN` came in that field of a message of chat
//! completions, and goes back in it.
//!
//! The field `from` of each of these blocks is its origin: the server that wrote it and the API that
//! it speaks, as `origin` says.

use std::{borrow::Cow, collections::BTreeMap};

use agent_core::{Block, Json, message::BlockKind};
use serde::Serialize;
use serde_json::json;

const ITEM: &str = "openai:item";
const TEXT: &str = "openai:text";
const CALL: &str = "openai:call";
const MESSAGE: &str = "openai:message";
const ORIGIN: &str = "openai:origin";

/// The field that says who wrote a block.
const FROM: &str = "from";

/// What stands before the name of a field in a signature, and before all types of ours.
const PREFIX: &str = "openai:";

/// Items that ask the program to do something. Nothing here can do it, so they have no outputs, and
/// the server refuses such an item without one.
const ASKING: [&str; 5] =
    ["custom_tool_call", "computer_call", "local_shell_call", "shell_call", "apply_patch_call"];

/// The type of an item if it asks the program to do something.
pub(super) fn asking(kind: &str) -> Option<&'static str> {
    ASKING.into_iter().find(|asking| *asking == kind)
}

/// Other fields of an object, as they came.
pub(super) type Others = BTreeMap<String, Json>;

/// A block of ours.
#[derive(Debug, PartialEq)]
pub(super) enum Kept {
    /// An item of the Responses API.
    Item(Json),
    /// What the text before it says besides its words.
    Text(Others),
    /// Other fields of the call before it.
    Call(Others),
    /// Other fields of the message.
    Message(Others),
}

impl Kept {
    /// What a block is, if it is one of these.
    pub(super) fn of(block: &Block) -> Option<Self> {
        let BlockKind::Other(kind) = block.kind() else { return None };
        let fields = || block.field("fields").and_then(|fields| fields.parse().ok()).unwrap_or_default();
        match kind.as_str() {
            ITEM => block.field("item").map(Self::Item),
            TEXT => block.json().parse().ok().map(Self::Text),
            CALL => Some(Self::Call(fields())),
            MESSAGE => Some(Self::Message(fields())),
            _ => None,
        }
    }
}

/// An item as it came.
pub(super) fn item(item: &Json) -> Block {
    built(&Built { r#type: ITEM, item: Some(item), fields: None })
}

/// Other fields of a call; `None` if there are none.
pub(super) fn call(fields: &Others) -> Option<Block> {
    (!fields.is_empty()).then(|| built(&Built { r#type: CALL, item: None, fields: Some(fields) }))
}

/// Other fields of a message; `None` if there are none.
pub(super) fn message(fields: &Others) -> Option<Block> {
    (!fields.is_empty()).then(|| built(&Built { r#type: MESSAGE, item: None, fields: Some(fields) }))
}

/// What a text says besides its words; `None` if that is nothing.
pub(super) fn text(mut fields: Others) -> Option<Block> {
    fields.retain(|_, value| !says_nothing(value.text()));
    if fields.is_empty() {
        return None;
    }
    fields.insert("type".to_owned(), json!(TEXT).into());
    Some(built(&fields))
}

/// Thinking that begins, without words so far, which came in this field of a message.
pub(super) fn thinking(field: &str) -> Block {
    built(&json!({"type": "thinking", "thinking": "", "signature": format!("{PREFIX}{field}")}))
}

/// Thinking that begins and goes back to nobody: it is shown, and what goes back stands behind it.
pub(super) fn summary() -> Block {
    built(&json!({"type": "thinking", "thinking": "", "signature": ""}))
}

/// The field that thinking came in, by its signature; `None` if another API wrote it.
pub(super) fn field_of(signature: &str) -> Option<&str> {
    let field = signature.strip_prefix(PREFIX)?;
    Some(field.split_once('@').map_or(field, |(field, _)| field))
}

/// A block that only says who wrote the reply.
pub(super) fn mark(origin: &str) -> Block {
    built(&json!({"type": ORIGIN, FROM: origin}))
}

/// Who wrote a block, if it is one of ours and says so.
pub(super) fn from(block: &Block) -> Option<Cow<'_, str>> {
    match block.kind() {
        BlockKind::Other(kind) if kind.starts_with(PREFIX) => {
            block.field(FROM)?.parse::<String>().ok().map(Cow::Owned)
        }
        BlockKind::Thinking { signature, .. } => {
            signature.strip_prefix(PREFIX)?.split_once('@').map(|(_, origin)| origin.into())
        }
        _ => None,
    }
}

/// The block, which says who wrote it; `None` if it is none of ours.
pub(super) fn signed(block: &Block, origin: &str) -> Option<Block> {
    let (field, value) = match block.kind() {
        BlockKind::Other(kind) if kind.starts_with(PREFIX) => (FROM, origin.to_owned()),
        BlockKind::Thinking { signature, .. } => {
            ("signature", format!("{PREFIX}{}@{origin}", field_of(signature)?))
        }
        _ => return None,
    };
    Some(block.with(field, json!(value)).expect("a text is a value of these fields"))
}

/// Whether a field is there only for its name.
pub(super) fn says_nothing(value: &str) -> bool {
    matches!(value, "null" | "[]" | "{}" | "\"\"")
}

#[derive(Serialize)]
struct Built<'a> {
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<&'a Others>,
}

fn built<T: Serialize>(block: &T) -> Block {
    let json = Json::of(block).expect("texts and JSON can always be written");
    Block::from_json(json).expect("it has a type, and the fields that its type needs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_again_as_it_came() {
        let others = || Others::from([("z".to_owned(), Json::read(r#"{"b":1, "a":[ 2 ]}"#).unwrap())]);
        let json = Json::read(r#"{"type":"reasoning", "z":1}"#).unwrap();
        assert_eq!(Kept::of(&item(&json)), Some(Kept::Item(json)));
        assert_eq!(Kept::of(&call(&others()).unwrap()), Some(Kept::Call(others())));
        assert_eq!(Kept::of(&message(&others()).unwrap()), Some(Kept::Message(others())));
        let Some(Kept::Text(fields)) = Kept::of(&text(others()).unwrap()) else { panic!() };
        assert_eq!(fields["z"], others()["z"]);
        assert_eq!(text(Others::from([("annotations".to_owned(), json!([]).into())])), None);
        assert_eq!((call(&Others::new()), message(&Others::new())), (None, None));
        assert_eq!(Kept::of(&Block::text("hi")), None);
        assert_eq!(field_of("openai:reasoning"), Some("reasoning"));
        assert_eq!(field_of("openai:reasoning@a.test/x"), Some("reasoning"));
        assert_eq!(field_of("c2ln"), None);
    }
}
