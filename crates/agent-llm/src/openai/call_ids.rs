//! Ids of calls for servers that take only ids of a certain length.

use std::collections::{HashMap, HashSet};

use agent_core::{Block, Message, Request, message::BlockKind};
use serde_json::Value;

use super::names::hash;

/// Which ids of tool calls a server accepts. The conversation always keeps the ids that the models
/// wrote; other ids are only sent in their place. The same id is always replaced by the same one.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallIds {
    /// What OpenAI's server accepts: at most 40 characters with chat completions and 64 with
    /// Responses, of `a-z`, `A-Z`, `0-9`, `_` and `-`. If the server refuses such an id and asks
    /// for 9 letters and digits, the client sends ids as with [`Nine`](Self::Nine) from then on.
    #[default]
    Any,
    /// Exactly 9 letters and digits. Mistral's server asks for this, and so do chat templates of
    /// some of its models. At `mistral.ai` it is the default.
    Nine,
}

impl CallIds {
    /// Those of a server at this host, unless the program says something else.
    pub(super) fn at(self, host: &str) -> Self {
        let is_mistral = host == "mistral.ai" || host.ends_with(".mistral.ai");
        if is_mistral { Self::Nine } else { self }
    }
}

/// Whether the server says that it takes only ids of 9 letters and digits.
pub(super) fn asks_for_nine(message: &str) -> bool {
    message.contains("must be a-z, A-Z, 0-9, with a length of 9")
}

/// The request with ids of 9 letters and digits; `None` if it has no others.
pub(super) fn with_nine(request: &Request) -> Option<Request> {
    let mut ids = Ids::default();
    let mut messages = request.messages.clone();
    for message in &mut messages {
        ids.rewrite(message);
    }
    ids.has_changed.then(|| {
        let mut request = request.clone();
        request.messages = messages;
        request
    })
}

/// The ids that are sent, by those of the record. They are found in the order of the history, so
/// the same history always gets the same ones, and one that is longer the same and more.
#[derive(Default)]
struct Ids {
    sent: HashMap<String, String>,
    taken: HashSet<String>,
    has_changed: bool,
}

impl Ids {
    fn rewrite(&mut self, message: &mut Message) {
        let mut is_changed = false;
        let mut block = |block: &Block| {
            let (field, id) = match block.kind() {
                BlockKind::ToolUse(call) => ("id", call.id.as_str()),
                BlockKind::ToolResult { tool_use_id, .. } => ("tool_use_id", tool_use_id.as_str()),
                _ => return block.clone(),
            };
            let sent = self.sent(id);
            if sent == id {
                return block.clone();
            }
            is_changed = true;
            block.with(field, Value::from(sent)).expect("an id may be any text")
        };
        let blocks: Vec<Block> = message.content().iter().map(&mut block).collect();
        if is_changed {
            *message = message.with_content(blocks);
            self.has_changed = true;
        }
    }

    /// The id itself if it can be sent, and else what its hash makes. If another id has got that
    /// already, the next hash is taken.
    fn sent(&mut self, id: &str) -> String {
        if let Some(sent) = self.sent.get(id) {
            return sent.clone();
        }
        let own = is_nine(id).then(|| id.to_owned());
        let hashed = (0_u64..).map(|number| nine(hash(id).wrapping_add(number)));
        let mut free = own.into_iter().chain(hashed).filter(|sent| !self.taken.contains(sent));
        let sent = free.next().expect("there are more ids than calls");
        self.taken.insert(sent.clone());
        self.sent.insert(id.to_owned(), sent.clone());
        sent
    }
}

fn is_nine(id: &str) -> bool {
    id.len() == LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

const LENGTH: usize = 9;

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The number, written with letters and digits.
fn nine(mut number: u64) -> String {
    let mut digit = || {
        let digit = LETTERS[usize::try_from(number % 62).expect("it is less than 62")];
        number /= 62;
        char::from(digit)
    };
    std::iter::repeat_with(&mut digit).take(LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent(ids: &[&str]) -> Vec<String> {
        let call = |id: &&str| Block::tool_use(*id, "f", json!({}));
        let result = |id: &&str| Block::tool_result(*id, "2".into(), false);
        let calls: Vec<Block> = ids.iter().map(call).collect();
        let results: Vec<Block> = ids.iter().map(result).collect();
        let request =
            Request::new(vec![Message::user("hi"), Message::assistant(calls), Message::user(results)]);
        let request = with_nine(&request).unwrap_or(request);
        assert_eq!(with_nine(&request), None);
        let called = request.messages[1].tool_calls().map(|call| call.id.clone()).collect::<Vec<_>>();
        let answered = request.messages[2].tool_results().map(|(id, ..)| id.to_owned()).collect::<Vec<_>>();
        assert_eq!(called, answered);
        called
    }

    #[test]
    fn ids_get_9_letters_and_digits_and_stay_what_they_are() {
        assert_eq!(sent(&["aB3dE5gH7"]), ["aB3dE5gH7"]);
        let long = ["call_PTLP8xhu3uwZk4l3nlnrrJha", "toolu_01A", "a", "aB3dE5gH7"];
        let first = sent(&long);
        assert_eq!(first, ["D1WYc4JnA", "5hJXTcYN8", "COUtnvw1b", "aB3dE5gH7"]);
        assert!(first.iter().all(|id| is_nine(id)));
        // What comes later changes nothing.
        let more: Vec<&str> = long.into_iter().chain(["b", "c"]).collect();
        assert_eq!(sent(&more)[..4], first);
    }

    #[test]
    fn two_ids_stay_two_whatever_their_hashes_are() {
        // A model may write what another id becomes.
        let made = sent(&["a"]).remove(0);
        let [first, second] = sent(&["a", &made]).try_into().unwrap();
        assert_eq!(first, made);
        assert!(is_nine(&second) && second != made);
        let [first, second] = sent(&[&made, "a"]).try_into().unwrap();
        assert_eq!(first, made);
        assert!(is_nine(&second) && second != made);
    }

    #[test]
    fn mistrals_server_gets_ids_as_it_takes_them() {
        assert_eq!(CallIds::Any.at("api.mistral.ai"), CallIds::Nine);
        assert_eq!(CallIds::Any.at("codestral.mistral.ai"), CallIds::Nine);
        assert_eq!(CallIds::Any.at("notmistral.ai"), CallIds::Any);
        assert_eq!(CallIds::Nine.at("localhost"), CallIds::Nine);
        let said = "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.";
        assert!(asks_for_nine(said) && !asks_for_nine("The id is too long."));
    }
}
