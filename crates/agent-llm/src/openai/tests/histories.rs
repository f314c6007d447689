//! Any history that is valid for the Messages API is valid for OpenAI's, whatever blocks it has.

use std::{collections::HashSet, sync::Arc};

use agent_core::{Block, Content, Message, Request, Role, ToolSpec};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use super::bodies::{compatible, settings};
use crate::{
    any_input::cases,
    openai::{
        chat, responses,
        sent_bodies::{Repeated, SentBodies},
    },
};

/// Blocks of a user: words, media, and what only another API reads.
fn said_by_user() -> impl Strategy<Value = Block> {
    select(vec![
        r#"{"type":"text","text":"hi"}"#,
        r#"{"type":"text","text":" \n"}"#,
        r#"{"type":"text","text":"é🦀\"\u0000","cache_control":{"type":"ephemeral"}}"#,
        r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}"#,
        r#"{"type":"image","source":{"type":"url","url":"https://x"}}"#,
        r#"{"type":"image","source":{"type":"file","file_id":"file_1"}}"#,
        r#"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AA=="}}"#,
        r#"{"type":"document","source":{"type":"url","url":"https://x"},"title":""}"#,
        r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":""}}"#,
        r#"{"type":"document","source":{"type":"content","content":[{"type":"text","text":" "}]}}"#,
        r#"{"type":"document"}"#,
        r#"{"type":"search_result","source":"s","title":"t","content":[{"type":"text","text":"a"}]}"#,
        r#"{"type":"container_upload","file_id":"file_1"}"#,
        r#"{"type":"openai:item","item":{"type":"reasoning"}}"#,
    ])
    .prop_map(|block| serde_json::from_str(block).unwrap())
}

/// Blocks of a model that are no calls: of Claude, of chat completions, of Responses.
fn said_by_model() -> impl Strategy<Value = Block> {
    select(vec![
        r#"{"type":"text","text":"hi"}"#,
        r#"{"type":"text","text":""}"#,
        r#"{"type":"text","text":"cited","citations":[{"z":1}]}"#,
        r#"{"type":"thinking","thinking":"hm","signature":"c2ln"}"#,
        r#"{"type":"thinking","thinking":"hm","signature":""}"#,
        r#"{"type":"thinking","thinking":"hm","signature":"openai:reasoning"}"#,
        r#"{"type":"redacted_thinking","data":"eA=="}"#,
        r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{}}"#,
        r#"{"type":"web_search_tool_result","tool_use_id":"s","content":[]}"#,
        r#"{"type":"mcp_tool_use","id":"s","name":"f","input":{}}"#,
        r#"{"type":"compaction","content":"so far"}"#,
        r#"{"type":"holo"}"#,
        r#"{"type":"openai:item","item":{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gA"}}"#,
        r#"{"type":"openai:item","item":{"type":"reasoning","id":"rs_1","summary":[]}}"#,
        r#"{"type":"openai:item","item":{"type":"reasoning","content":[{"type":"reasoning_text","text":"hm"}]}}"#,
        r#"{"type":"openai:item","item":{"type":"web_search_call","id":"ws_1"}}"#,
        r#"{"type":"openai:item","item":7}"#,
        r#"{"type":"openai:text","phase":"commentary"}"#,
        r#"{"type":"openai:call","fields":{"namespace":"ns"}}"#,
        r#"{"type":"openai:message","fields":{"reasoning_details":[1]}}"#,
        r#"{"type":"openai:new"}"#,
    ])
    .prop_map(|block| serde_json::from_str(block).unwrap())
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        select(vec!["2", "", " "]).prop_map(Content::from),
        vec(said_by_user(), 0..3).prop_map(Content::from),
    ]
}

/// How long the id and the name of a call are, whether it failed, and what it led to.
type Call = (usize, usize, bool, Content);

/// A part of a history: instructions, what a user says, or a reply with its results and more.
#[derive(Clone, Debug)]
enum Part {
    System(&'static str),
    User(Vec<Block>),
    Reply(Vec<Block>, Vec<Call>, Vec<Block>),
}

fn part() -> impl Strategy<Value = Part> {
    let call = (select(vec![1, 40, 41, 64, 65, 200]), select(vec![1, 64, 65, 128]), any::<bool>(), content());
    let reply = (vec(said_by_model(), 0..5), vec(call, 0..4), vec(said_by_user(), 0..2));
    prop_oneof![
        1 => select(vec!["Be brief.", " "]).prop_map(Part::System),
        2 => vec(said_by_user(), 0..4).prop_map(Part::User),
        4 => reply.prop_map(|(said, calls, more)| Part::Reply(said, calls, more)),
    ]
}

fn history(parts: Vec<Part>) -> Vec<Message> {
    let mut messages = vec![Message::user("Go.")];
    let mut number = 0;
    for part in parts {
        match part {
            Part::System(text) => messages.push(Message::new(Role::System, text)),
            Part::User(blocks) => messages.push(Message::user(blocks)),
            Part::Reply(mut said, calls, more) => {
                let mut results = Vec::new();
                for (id, name, is_error, content) in calls {
                    number += 1;
                    let id = format!("{number}{}", "i".repeat(id));
                    let place = said.len().min(number % 4);
                    said.insert(place, Block::tool_use(&id, "n".repeat(name), json!({"x": number})));
                    results.push(Block::tool_result(id, content, is_error));
                }
                messages.push(Message::assistant(said));
                results.extend(more);
                messages.push(Message::user(results));
            }
        }
    }
    messages
}

fn is_word(text: &Value, longest: usize) -> bool {
    let text = text.as_str().unwrap_or_default();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (1..=longest).contains(&text.len()) && text.bytes().all(allowed)
}

/// Whether there is something in a text, or in each of at least one part of these types.
fn says_something(content: &Value, types: &[&str]) -> bool {
    match content {
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(parts) => {
            let is_fine = |part: &Value| {
                let is_known = types.contains(&part["type"].as_str().unwrap_or_default());
                is_known && part.get("text").is_none_or(|text| !text.as_str().unwrap().trim().is_empty())
            };
            !parts.is_empty() && parts.iter().all(is_fine)
        }
        _ => false,
    }
}

fn has_only(object: &Value, fields: &[&str]) -> bool {
    object.as_object().unwrap().keys().all(|field| fields.contains(&field.as_str()))
}

/// The calls so far, and those that have no result yet.
#[derive(Default)]
struct Calls {
    all: HashSet<String>,
    open: HashSet<String>,
}

impl Calls {
    fn call(&mut self, id: &Value, longest: usize) {
        assert!(is_word(id, longest), "{id}");
        let id = id.as_str().unwrap().to_owned();
        assert!(self.all.insert(id.clone()), "{id} comes twice");
        self.open.insert(id);
    }

    fn result(&mut self, id: &Value) {
        assert!(self.open.remove(id.as_str().unwrap()), "{id} answers no call of the message before");
    }
}

/// What OpenAI asks of the messages of chat completions.
fn check_chat(body: &Value, is_compatible: bool) {
    let mut calls = Calls::default();
    for message in body["messages"].as_array().unwrap() {
        let role = message["role"].as_str().unwrap();
        assert!(role == "tool" || calls.open.is_empty(), "{message} before the results of {:?}", calls.open);
        match role {
            "system" => assert!(says_something(&message["content"], &[]), "{message}"),
            "user" => {
                assert!(says_something(&message["content"], &["text", "image_url", "file"]), "{message}")
            }
            "tool" => {
                calls.result(&message["tool_call_id"]);
                assert!(
                    message["content"].is_string() && says_something(&message["content"], &[]),
                    "{message}"
                );
            }
            "assistant" => {
                let own = ["role", "content", "tool_calls"];
                let more =
                    ["role", "content", "tool_calls", "reasoning", "reasoning_content", "reasoning_details"];
                assert!(has_only(message, if is_compatible { &more } else { &own }), "{message}");
                let made = message["tool_calls"].as_array();
                let is_silent = message["content"].is_null() && made.is_some_and(|calls| !calls.is_empty());
                assert!(is_silent || says_something(&message["content"], &[]), "{message}");
                for call in made.into_iter().flatten() {
                    calls.call(&call["id"], 40);
                    assert!(is_word(&call["function"]["name"], 64), "{call}");
                    let arguments = call["function"]["arguments"].as_str().unwrap();
                    assert!(serde_json::from_str::<Value>(arguments).unwrap().is_object(), "{call}");
                    assert!(is_compatible || has_only(call, &["id", "type", "function"]), "{call}");
                }
            }
            role => panic!("{role}"),
        }
    }
    assert!(calls.open.is_empty(), "{:?}", calls.open);
}

/// What is asked of the items of Responses, where nothing is kept: by OpenAI's own server, and by
/// others.
fn check_responses(body: &Value, is_compatible: bool) {
    let mut calls = Calls::default();
    // All calls of a reply stand before their results.
    let mut answers = false;
    for item in body["input"].as_array().unwrap() {
        let kind = item["type"].as_str().unwrap();
        assert!(!answers || kind == "function_call_output" || calls.open.is_empty(), "{item}");
        match kind {
            "message" => {
                let fields = ["type", "role", "content", "phase", "id", "status"];
                let is_said = is_compatible && item["role"] == "assistant";
                assert!(has_only(item, &fields[..if is_said { 6 } else { 4 }]), "{item}");
                assert!(!is_said || item["content"][0]["annotations"].is_array(), "{item}");
                let types: &[&str] = match item["role"].as_str().unwrap() {
                    "user" => &["input_text", "input_image", "input_file"],
                    "assistant" if is_compatible => &["output_text"],
                    "assistant" | "system" => &[],
                    role => panic!("{role}"),
                };
                assert!(says_something(&item["content"], types), "{item}");
            }
            "function_call" => {
                calls.call(&item["call_id"], 64);
                assert!(is_word(&item["name"], 64) && item["arguments"].is_string(), "{item}");
            }
            "function_call_output" => {
                calls.result(&item["call_id"]);
                let types = ["input_text", "input_image", "input_file"];
                assert!(says_something(&item["output"], &types), "{item}");
            }
            "reasoning" if is_compatible => assert!(item["content"].is_array(), "{item}"),
            "reasoning" => assert!(item["encrypted_content"].is_string(), "{item}"),
            "web_search_call" => {}
            kind => panic!("{kind}"),
        }
        answers = kind == "function_call_output";
    }
    assert!(calls.open.is_empty(), "{:?}", calls.open);
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn any_history_is_written_as_openais_apis_take_it(parts in vec(part(), 0..6)) {
        let request = Request::new(history(parts));
        let read = |body: Vec<u8>| serde_json::from_slice::<Value>(&body).unwrap();
        check_chat(&read(chat::write_body(&settings(), &request)), false);
        check_chat(&read(chat::write_body(&compatible(), &request)), true);
        check_responses(&read(responses::write_body(&settings(), &request)), false);
        check_responses(&read(responses::write_body(&compatible(), &request)), true);
    }

    /// Several requests of a conversation: it grows, another goes on from the middle of it, and it
    /// is asked again.
    #[test]
    fn what_is_copied_from_the_body_before_is_what_would_be_written(
        parts in vec(part(), 0..6),
        others in vec(part(), 0..3),
        cuts in vec(1..12_usize, 3),
    ) {
        let all = history(parts);
        let tools: Arc<[ToolSpec]> = [ToolSpec::new("f", "It does.", json!({"type": "object"}))].into();
        let of = |messages: Vec<Message>| {
            let mut request = Request::new(messages);
            request.tools = Arc::clone(&tools);
            request
        };
        let up_to = |cut: &usize| all[..all.len().min(*cut)].to_vec();
        let mut requests: Vec<Request> = cuts.iter().map(up_to).map(of).collect();
        let forked = up_to(&cuts[0]).into_iter().chain(history(others).split_off(1)).collect();
        requests.extend([of(all.clone()), of(forked), of(all.clone())]);
        for settings in [settings(), compatible()] {
            for write in [chat::write, responses::write] {
                let sent = SentBodies::default();
                for request in &requests {
                    let mut repeated = sent.repeated(request);
                    let body = write(&settings, request, &mut repeated);
                    prop_assert_eq!(&body, &write(&settings, request, &mut Repeated::default()));
                    sent.keep(request, &body.into(), repeated);
                }
            }
        }
    }
}
