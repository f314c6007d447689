//! What a request asks: the part of it by which its recording is found.

use std::{collections::HashMap, hash::Hasher};

use agent_core::{Json, Message, Request, ToolSpec};
use fnv::FnvHasher;

use super::{clean::Clean, tree::Tree};

/// Data longer than this is replaced by its length and a hash.
const LONGEST_DATA: usize = 1_024;

const ANSWER_SCHEMA: &str = "answer_schema";

/// What a request asks, without what differs from run to run.
pub(super) fn question(request: &Request, clean: &Clean) -> Tree {
    let messages = request.messages.iter().map(message).collect();
    let extra = request.extra.iter().map(|(name, value)| (name.clone(), json(value)));
    let mut fields = vec![
        ("agent", Tree::Text(request.agent.to_string())),
        ("max_tokens", Tree::Other(request.max_tokens.to_string())),
        ("system", Tree::List(request.system.iter().map(|block| json(block.json())).collect())),
        ("messages", Tree::List(messages)),
        ("tools", Tree::List(request.tools.iter().map(tool).collect())),
        ("server_tools", Tree::List(request.server_tools.iter().map(json).collect())),
        ("extra", Tree::object(extra)),
    ];
    fields.extend(request.answer_schema.as_ref().map(|schema| (ANSWER_SCHEMA, json(schema))));
    fields.retain(|(_, value)| !value.is_empty());
    comparable(object(fields), clean)
}

/// Whether a question asks for an answer of this schema as the format of the reply. `None` if it
/// does not ask for one, not even through a tool.
pub(super) fn has_answer_schema(question: &Tree, schema: &Json, clean: &Clean) -> Option<bool> {
    let mut schema = json(schema);
    schema.change_texts(&|text| clean.normalized(text));
    if question.get(ANSWER_SCHEMA) == Some(&schema) {
        return Some(true);
    }
    let Some(Tree::List(tools)) = question.get("tools") else { return None };
    tools.iter().any(|tool| tool.get("input_schema") == Some(&schema)).then_some(false)
}

/// What a recorded request asks. Somebody may have edited it, and what is scrubbed may have changed
/// since.
pub(super) fn recorded_question(recorded: &Json, clean: &Clean) -> Tree {
    comparable(json(recorded), clean)
}

fn json(json: &Json) -> Tree {
    Tree::read(json.text())
}

fn object<'n>(fields: impl IntoIterator<Item = (&'n str, Tree)>) -> Tree {
    Tree::object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)))
}

fn message(message: &Message) -> Tree {
    let role = serde_json::to_string(&message.role()).expect("a role is a word");
    let content = message.content().iter().map(|block| json(block.json())).collect();
    object([("role", Tree::read(&role)), ("content", Tree::List(content))])
}

/// What the model reads of a tool. How its calls run is not asked of the model.
fn tool(spec: &ToolSpec) -> Tree {
    let read = [
        ("name", Tree::Text(spec.name.clone())),
        ("description", Tree::Text(spec.description.clone())),
        ("input_schema", json(&spec.input_schema)),
    ];
    let extra = spec.extra.iter().filter(|(name, _)| read.iter().all(|(read, _)| read != name));
    let extra = extra.map(|(name, value)| (name.clone(), json(value)));
    let read = read.clone().into_iter().map(|(name, value)| (name.to_owned(), value));
    Tree::object(read.chain(extra))
}

/// Takes out what differs from run to run. What was done already is not done twice.
fn comparable(mut question: Tree, clean: &Clean) -> Tree {
    let mut ids = Ids::default();
    if let Some(Tree::List(messages)) = question.get_mut("messages") {
        for message in messages {
            ids.rename_in(message);
            shorten_content(message);
        }
    }
    if let Some(system) = question.get_mut("system") {
        shorten(system);
    }
    question.change_texts(&|text| match summary(text) {
        Some(summary) => clean.normalized(&summary).into_owned().into(),
        None => clean.normalized(text),
    });
    question
}

/// The ids of calls, in the order in which they first appear.
#[derive(Default)]
struct Ids(HashMap<String, String>);

impl Ids {
    /// Renames the ids in the blocks of a message, or of a result.
    fn rename_in(&mut self, holder: &mut Tree) {
        let Some(Tree::List(blocks)) = holder.get_mut("content") else { return };
        for block in blocks {
            let kind = block.get("type").and_then(Tree::as_text).unwrap_or_default().to_owned();
            if kind.ends_with("tool_use") {
                self.rename(block.get_mut("id"));
            }
            self.rename(block.get_mut("tool_use_id"));
            // The API's mark on its own text, which nobody can read.
            if let (true, Tree::Object(fields)) = (kind == "thinking", &mut *block) {
                fields.retain(|(name, _)| name != "signature");
            }
            self.rename_in(block);
        }
    }

    fn rename(&mut self, id: Option<&mut Tree>) {
        if let Some(Tree::Text(id)) = id {
            let next = format!("call_{}", self.0.len() + 1);
            *id = self.0.entry(std::mem::take(id)).or_insert(next).clone();
        }
    }
}

fn shorten_content(message: &mut Tree) {
    if let Some(content) = message.get_mut("content") {
        shorten(content);
    }
}

/// Writes a single block of plain text as its text, as the API allows, too.
fn shorten(content: &mut Tree) {
    let Tree::List(blocks) = content else { return };
    let [Tree::Object(fields)] = &mut blocks[..] else { return };
    if let [(kind, Tree::Text(of)), (name, text @ Tree::Text(_))] = &mut fields[..] {
        if kind == "type" && of == "text" && name == "text" {
            *content = std::mem::replace(text, Tree::List(Vec::new()));
        }
    }
}

/// What stands for long data, such as a picture in base64. `None` for all other texts.
fn summary(text: &str) -> Option<String> {
    let is_data = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(byte);
    if text.len() <= LONGEST_DATA || !text.as_bytes().iter().all(is_data) {
        return None;
    }
    let mut hash = FnvHasher::default();
    hash.write(text.as_bytes());
    Some(format!("[{} characters of data, hash {:016x}]", text.len(), hash.finish()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use agent_core::{Block, Role};
    use serde_json::{Value, json};

    use super::*;

    fn blocks(blocks: Value) -> Vec<Block> {
        serde_json::from_value::<Vec<Value>>(blocks)
            .unwrap()
            .into_iter()
            .map(|block| Block::from_json(block.into()).unwrap())
            .collect()
    }

    fn request() -> Request {
        Request::new(vec![Message::user("hi")])
    }

    /// The question of a request, which is the same once it was written and read.
    fn asked(request: &Request) -> String {
        let clean = Clean::default();
        let json = question(request, &clean).json();
        assert_eq!(recorded_question(&Json::read(&*json).unwrap(), &clean).json(), json, "read again");
        json
    }

    /// Whether a change of a request makes it another question.
    fn check(is_other: bool, change: impl Fn(&mut Request)) {
        let mut changed = request();
        change(&mut changed);
        assert_eq!(asked(&changed) != asked(&request()), is_other, "{}", asked(&changed));
    }

    #[test]
    fn what_the_model_is_asked_counts_and_what_differs_from_run_to_run_does_not() {
        check(false, |_| {});
        check(false, |request| request.conversation = "another".into());
        check(false, |request| request.turns = 7);
        check(false, |request| request.container = Some("c_1".to_owned()));
        check(true, |request| request.agent = "another".into());
        check(true, |request| request.max_tokens = 7);
        check(true, |request| request.system = vec![Block::text("Be brief.")]);
        check(true, |request| request.messages.push(Message::user("there")));
        check(true, |request| request.messages = vec![Message::assistant(vec![Block::text("hi")])]);
        check(true, |request| request.server_tools = Arc::new([json!({"type": "web_search"}).into()]));
        check(true, |request| {
            request.extra.insert("tool_choice".to_owned(), json!({"type": "any"}).into());
        });
        let spec = ToolSpec::new("f", "Does it.", json!({"type": "object"}));
        check(true, |request| request.tools = Arc::new([spec.clone()]));
        let flagged = |flag: fn(&mut ToolSpec)| {
            let (mut one, mut other) = (request(), request());
            one.tools = Arc::new([spec.clone()]);
            let mut spec = spec.clone();
            flag(&mut spec);
            other.tools = Arc::new([spec]);
            asked(&one) == asked(&other)
        };
        assert!(flagged(|spec| spec.read_only = true));
        assert!(!flagged(|spec| spec.description.push('!')));
        assert!(!flagged(|spec| {
            spec.extra.insert("strict".to_owned(), json!(true).into());
        }));
    }

    #[test]
    fn a_question_is_short_and_has_its_ids_in_order() {
        let mut request = request();
        request.system = vec![Block::text("Be brief.")];
        request.messages.extend([
            Message::assistant(blocks(json!([
                {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                {"type": "tool_use", "id": "toolu_9z", "name": "f", "input": {"id": "toolu_9z", "x": 1.10}},
                {"type": "server_tool_use", "id": "srvtoolu_7", "name": "web_search", "input": {}},
                {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_7", "content": []},
            ]))),
            Message::new(
                Role::User,
                blocks(json!([
                    {"type": "tool_result", "tool_use_id": "toolu_9z", "content": [
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A".repeat(2_000)}},
                    ]},
                ])),
            ),
        ]);
        let shown = asked(&request).replace("},{", "},\n{");
        insta::assert_snapshot!(shown, @r#"
        {"agent":"agent","max_tokens":8000,"system":"Be brief.","messages":[{"role":"user","content":"hi"},
        {"role":"assistant","content":[{"type":"thinking","thinking":"hm"},
        {"type":"tool_use","id":"call_1","name":"f","input":{"id":"toolu_9z","x":1.1}},
        {"type":"server_tool_use","id":"call_2","name":"web_search","input":{}},
        {"type":"web_search_tool_result","tool_use_id":"call_2","content":[]}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":[{"type":"image","source":{"type":"base64","data":"[2000 characters of data, hash c0a89b427bc7d4b5]","media_type":"image/png"}}]}]}]}
        "#);
    }
}
