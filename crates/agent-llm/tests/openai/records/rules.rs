//! What each API asks of a request.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::Api;

type Verdict = Result<(), String>;

/// Whether the API takes this body; if not, what is wrong.
pub(super) fn check(api: Api, body: &Value) -> Verdict {
    is_readable(api, body)?;
    match api {
        Api::Claude => of_claude(body),
        Api::Chat => refusal(agent_mock::check_chat(body)).and_then(|()| of_chat(body, false, 40)),
        Api::CompatibleChat => of_chat(body, true, 40),
        Api::Mistral => of_chat(body, true, 9),
        Api::Responses => {
            refusal(agent_mock::check_responses(&as_known(body))).and_then(|()| of_responses(body, false))
        }
        Api::CompatibleResponses => of_responses(body, true),
    }
}

/// The body with an item of a known type for each of the new one, since what a newer API writes, it
/// reads.
fn as_known(body: &Value) -> Value {
    let mut body = body.clone();
    for item in body["input"].as_array_mut().into_iter().flatten() {
        if item["type"] == "hologram" {
            let action = json!({"type": "search", "query": "x"});
            *item = json!({"type": "web_search_call", "id": "ws_1", "status": "completed", "action": action});
        }
    }
    body
}

fn refusal(checked: Result<(), agent_mock::Refusal>) -> Verdict {
    checked.map_err(|refusal| refusal.message)
}

/// Nothing is in it that only another server can read: that has the name of its server.
fn is_readable(api: Api, body: &Value) -> Verdict {
    let text = body.to_string();
    let sealed = |other: &Api| {
        *other != api && ["_", "\""].iter().any(|before| text.contains(&format!("{before}{other:?}\"")))
    };
    let other = Api::ALL.into_iter().find(sealed);
    must(other.is_none(), || format!("only {other:?} can read this"))
}

fn must(holds: bool, problem: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(problem()) }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The blocks that the API knows.
/// Source: `BetaContentBlockParam` of the official clients.
const BLOCKS: &[&str] = &[
    "text",
    "image",
    "document",
    "search_result",
    "tool_use",
    "tool_result",
    "thinking",
    "redacted_thinking",
    "server_tool_use",
    "web_search_tool_result",
    "container_upload",
    "compaction",
    // What a newer API writes, it reads.
    "hologram",
];

fn of_claude(body: &Value) -> Verdict {
    refusal(agent_mock::check(body))?;
    for block in list(&body["messages"]).flat_map(|message| list(&message["content"])) {
        let kind = block["type"].as_str().unwrap_or_default();
        must(BLOCKS.contains(&kind), || format!("no type of the API: {block}"))?;
        let is_named = kind != "tool_use" || is_word(&block["name"], 128);
        must(is_named, || format!("no name of a tool: {block}"))?;
        let signature = block["signature"].as_str().unwrap_or_default();
        must(!signature.contains(':'), || format!("no signature of the API: {block}"))?;
    }
    Ok(())
}

fn is_word(text: &Value, longest: usize) -> bool {
    let text = text.as_str().unwrap_or_default();
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (1..=longest).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// Whether it is a text with something in it, or a list of parts of these types.
fn says_something(content: &Value, types: &[&str]) -> bool {
    let is_text = |text: &Value| text.as_str().is_some_and(|text| !text.trim().is_empty());
    let is_part = |part: &Value| {
        let is_known = types.contains(&part["type"].as_str().unwrap_or_default());
        is_known && part.get("text").is_none_or(is_text)
    };
    is_text(content) || (list(content).next().is_some() && list(content).all(is_part))
}

fn has_only(object: &Value, fields: &[&str]) -> Verdict {
    let unknown =
        object.as_object().and_then(|object| object.keys().find(|key| !fields.contains(&key.as_str())));
    must(unknown.is_none(), || format!("unknown field {unknown:?} in {object}"))
}

/// The calls so far, and those that have no result yet.
#[derive(Default)]
struct Calls {
    all: HashSet<String>,
    open: HashSet<String>,
}

impl Calls {
    fn call(&mut self, id: &Value, longest: usize) -> Verdict {
        must(is_word(id, longest), || format!("no id of a call: {id}"))?;
        let id = id.as_str().unwrap_or_default().to_owned();
        must(self.all.insert(id.clone()), || format!("the id {id} comes twice"))?;
        self.open.insert(id);
        Ok(())
    }

    fn result(&mut self, id: &Value) -> Verdict {
        let is_open = self.open.remove(id.as_str().unwrap_or_default());
        must(is_open, || format!("{id} answers no call of the message before"))
    }
}

/// The tools have names that the API takes, and different ones.
fn check_tools<'a>(mut functions: impl Iterator<Item = &'a Value>) -> Verdict {
    let mut names = HashSet::new();
    functions.try_for_each(|function| {
        let name = &function["name"];
        must(is_word(name, 64) && names.insert(name), || format!("no name of a tool: {function}"))
    })
}

fn of_chat(body: &Value, is_compatible: bool, id_length: usize) -> Verdict {
    let refused = agent_mock::check_chat(body).err().filter(|_| !is_compatible);
    must(refused.is_none(), || format!("{refused:?}"))?;
    check_tools(list(&body["tools"]).map(|tool| &tool["function"]))?;
    let mut calls = Calls::default();
    for message in list(&body["messages"]) {
        let (role, content) = (message["role"].as_str().unwrap_or_default(), &message["content"]);
        must(role == "tool" || calls.open.is_empty(), || format!("{:?} before {message}", calls.open))?;
        let is_said = match role {
            "system" => says_something(content, &[]),
            "user" => says_something(content, &["text", "image_url", "file"]),
            "tool" => {
                calls.result(&message["tool_call_id"])?;
                says_something(content, &[])
            }
            "assistant" => {
                check_reply(message, is_compatible, id_length, &mut calls)?;
                says_something(content, &[]) || (content.is_null() && message.get("tool_calls").is_some())
            }
            _ => false,
        };
        must(is_said, || format!("no message of the API: {message}"))?;
    }
    must(calls.open.is_empty(), || format!("calls without results: {:?}", calls.open))
}

fn check_reply(message: &Value, is_compatible: bool, id_length: usize, calls: &mut Calls) -> Verdict {
    let fields = ["role", "content", "tool_calls", "reasoning", "reasoning_content", "reasoning_details"];
    has_only(message, if is_compatible { &fields } else { &fields[..3] })?;
    for call in list(&message["tool_calls"]) {
        calls.call(&call["id"], id_length)?;
        let is_nine = || call["id"].as_str().is_some_and(|id| id.len() == 9 && !id.contains(['_', '-']));
        must(id_length != 9 || is_nine(), || format!("no id of 9 letters and digits: {call}"))?;
        has_only(
            call,
            if is_compatible {
                &["id", "type", "function", "extra_content"]
            } else {
                &["id", "type", "function"]
            },
        )?;
        must(is_word(&call["function"]["name"], 64), || format!("no name of a tool: {call}"))?;
        let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
        let is_object = serde_json::from_str::<Value>(arguments).is_ok_and(|input| input.is_object());
        must(is_object, || format!("no arguments: {call}"))?;
    }
    Ok(())
}

fn of_responses(body: &Value, is_compatible: bool) -> Verdict {
    // What a newer API writes, it reads.
    let known = body.to_string().replace("\"hologram\"", "\"compaction\"");
    let known = serde_json::from_str(&known).expect("only the name of a type was replaced");
    let refused = agent_mock::check_responses(&known).err().filter(|_| !is_compatible);
    must(refused.is_none(), || format!("{refused:?}"))?;
    check_tools(list(&body["tools"]))?;
    let mut calls = Calls::default();
    let mut answers = false;
    for item in list(&body["input"]) {
        let kind = item["type"].as_str().unwrap_or_default();
        let in_order = !answers || kind == "function_call_output" || calls.open.is_empty();
        must(in_order, || format!("{:?} before {item}", calls.open))?;
        answers = kind == "function_call_output";
        check_item(kind, item, is_compatible, &mut calls)?;
    }
    must(calls.open.is_empty(), || format!("calls without results: {:?}", calls.open))
}

fn check_item(kind: &str, item: &Value, is_compatible: bool, calls: &mut Calls) -> Verdict {
    let types = ["input_text", "input_image", "input_file"];
    let is_fine = match kind {
        "message" => {
            has_only(item, &["type", "role", "content", "phase", "id", "status"])?;
            let types: &[&str] = match item["role"].as_str() {
                Some("user") => &types,
                Some("assistant") if is_compatible => &["output_text"],
                _ => &[],
            };
            says_something(&item["content"], types)
        }
        "function_call" => {
            calls.call(&item["call_id"], 64)?;
            is_word(&item["name"], 64) && item["arguments"].is_string()
        }
        "function_call_output" => {
            calls.result(&item["call_id"])?;
            says_something(&item["output"], &types)
        }
        "reasoning" if is_compatible => item["content"].is_array(),
        "reasoning" => item["encrypted_content"].is_string(),
        "web_search_call" | "compaction" | "hologram" => true,
        _ => false,
    };
    must(is_fine, || format!("no item of the API: {item}"))
}
