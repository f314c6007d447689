//! Names of tools and ids of calls, as OpenAI's APIs take them.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use agent_core::{Block, Delta, Request, Response};

/// How many characters the name of a tool may have.
/// Source: `FunctionDefinition.name` of the official clients.
const LONGEST_NAME: usize = 64;

/// The name of a tool, as it is sent: 1 to 64 of the characters `a-z`, `A-Z`, `0-9`, `_` and `-`.
pub(super) fn sent_name(name: &str) -> Cow<'_, str> {
    sent(name, LONGEST_NAME)
}

/// The id of a call, as it is sent: of the same characters, at most `longest` of them.
pub(super) fn sent_id(id: &str, longest: usize) -> Cow<'_, str> {
    sent(id, longest)
}

/// A text that does not keep the rule is cut and gets its hash, so that two texts stay two. The
/// same text always becomes the same, so that a call and its result still agree, and prompts stay
/// in caches.
fn sent(text: &str, longest: usize) -> Cow<'_, str> {
    if !text.is_empty() && text.len() <= longest && text.bytes().all(is_word) {
        return Cow::Borrowed(text);
    }
    let hash = format!("{:016x}", hash(text));
    let begin = text.chars().take(longest - hash.len() - 1);
    let mut sent: String = begin.map(|char| if is_word_char(char) { char } else { '_' }).collect();
    if !sent.is_empty() {
        sent.push('_');
    }
    sent.push_str(&hash);
    Cow::Owned(sent)
}

/// FNV-1a: the same in every process and every version, unlike the hashes of the standard library.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn is_word(byte: u8) -> bool {
    IS_WORD[usize::from(byte)]
}

/// Which bytes may be sent. Each id and each name of a history is looked at in each request.
const IS_WORD: [bool; 256] = {
    let mut is_word = [false; 256];
    let mut byte = 0;
    while byte < u8::MAX {
        is_word[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        byte += 1;
    }
    is_word
};

fn is_word_char(char: char) -> bool {
    u8::try_from(char).is_ok_and(is_word)
}

/// The tools of a request that are sent under another name, by that name. As a rule there are none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Renamed(BTreeMap<String, String>);

impl Renamed {
    pub(crate) fn of(request: &Request) -> Self {
        let renamed = |name: &str| match sent_name(name) {
            Cow::Borrowed(_) => None,
            Cow::Owned(sent) => Some((sent, name.to_owned())),
        };
        Self(request.tools.iter().filter_map(|tool| renamed(&tool.name)).collect())
    }

    /// The piece of a reply with the tools' own names.
    pub(crate) fn restore(&self, delta: Delta) -> Delta {
        match delta {
            delta if self.0.is_empty() => delta,
            Delta::Block { index, block } => Delta::Block { index, block: self.restored(block) },
            Delta::Complete(reply) => Delta::complete(self.restored_reply(Arc::unwrap_or_clone(reply))),
            other => other,
        }
    }

    fn restored_reply(&self, mut reply: Response) -> Response {
        reply.content = reply.content.into_iter().map(|block| self.restored(block)).collect();
        reply
    }

    fn restored(&self, block: Block) -> Block {
        match block.as_tool_use().and_then(|call| Some((call, self.0.get(&call.name)?))) {
            Some((call, name)) => Block::tool_use(&*call.id, name, call.input.clone()),
            None => block,
        }
    }
}

#[cfg(test)]
mod tests {
    use agent_core::{Message, ToolSpec};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_api_takes_is_sent_as_it_is_and_the_rest_gets_a_hash() {
        let check = |text: &str, begin: &str| {
            let sent = sent(text, 40);
            assert_eq!(sent, format!("{begin}{:016x}", hash(text)));
            assert!(sent.len() <= 40, "{sent}");
        };
        for fine in ["call_1-a".to_owned(), "x".repeat(40)] {
            assert_eq!(sent(&fine, 40), fine);
        }
        check(&"x".repeat(41), &format!("{}_", "x".repeat(23)));
        check("functions.f:0", "functions_f_0_");
        check("", "");
        check("é🦀", "___");
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
        assert_ne!(sent("a.b", 40), sent("a:b", 40));
    }

    #[test]
    fn a_tool_is_called_by_its_own_name_whatever_name_was_sent() {
        let name = "n".repeat(100);
        let mut request = Request::new(vec![Message::user("hi")]);
        request.tools = [&name, "short"].map(|name| ToolSpec::new(name, "", json!({}))).into();
        let renamed = Renamed::of(&request);
        let call = |name: &str| Delta::call(0, "a", name, json!({"x": 1}));
        assert_eq!(renamed.restore(call(&sent_name(&name))), call(&name));
        assert_eq!(renamed.restore(call("short")), call("short"));
        assert_eq!(renamed.restore(call("unknown")), call("unknown"));
        let reply = |name: &str| {
            let call = Block::tool_use("a", name, json!({}));
            Delta::complete(Response::new(vec![call], agent_core::StopReason::ToolUse))
        };
        assert_eq!(renamed.restore(reply(&sent_name(&name))), reply(&name));
    }
}
