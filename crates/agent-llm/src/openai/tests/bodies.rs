//! The bodies of requests.

use agent_core::{Block, Json, Message, Request, ToolSpec, model::PreviousReply};
use serde_json::json;

use crate::{
    ToolChoice,
    openai::{chat, responses, settings::BodySettings},
};

pub(super) fn settings() -> BodySettings {
    BodySettings { model: "m".into(), ..BodySettings::default() }
}

pub(super) fn compatible() -> BodySettings {
    BodySettings { is_compatible: true, ..settings() }
}

fn hi() -> Request {
    Request::new(vec![Message::user("hi")])
}

fn with_tool() -> Request {
    let mut request = hi();
    let schema = Json::read(r#"{"type":"object","properties":{"z":{},"a":{}}}"#).unwrap();
    let mut strict = ToolSpec::new("g", "", schema.clone());
    strict.extra.insert("strict".to_owned(), json!(true).into());
    strict.extra.insert("cache_control".to_owned(), json!({"type": "ephemeral"}).into());
    request.tools = [ToolSpec::new("f", "Does f.", schema), strict].into();
    request
}

fn chat_body(settings: &BodySettings, request: &Request) -> String {
    String::from_utf8(chat::write_body(settings, request)).unwrap()
}

fn responses_body(settings: &BodySettings, request: &Request) -> String {
    String::from_utf8(responses::write_body(settings, request)).unwrap()
}

fn block(json: &str) -> Block {
    serde_json::from_str(json).unwrap()
}

/// The messages of chat completions to OpenAI's own server and to one like it, and the items of
/// Responses.
fn histories(request: &Request) -> String {
    let part = |body: &str, name: &str| {
        let body: std::collections::BTreeMap<String, Vec<Json>> =
            serde_json::from_str::<std::collections::BTreeMap<String, Json>>(body)
                .unwrap()
                .into_iter()
                .filter(|(field, _)| field == name)
                .map(|(field, list)| (field, list.parse().unwrap()))
                .collect();
        body[name].iter().map(|item| format!("{}\n", item.text())).collect::<String>()
    };
    let own = part(&chat_body(&settings(), request), "messages");
    let other = part(&chat_body(&compatible(), request), "messages");
    let responses = part(&responses_body(&settings(), request), "input");
    match own == other {
        true => format!("{own}\n{responses}"),
        false => {
            let other_responses = part(&responses_body(&compatible(), request), "input");
            format!("{own}\n{other}\n{responses}\n{other_responses}")
        }
    }
}

#[test]
fn a_request_has_no_field_that_nobody_gave() {
    insta::assert_snapshot!(chat_body(&settings(), &hi()), @r#"{"model":"m","max_completion_tokens":8000,"stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}"#);
    insta::assert_snapshot!(chat_body(&compatible(), &hi()), @r#"{"model":"m","max_tokens":8000,"stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}"#);
    insta::assert_snapshot!(responses_body(&settings(), &hi()), @r#"{"model":"m","max_output_tokens":8000,"stream":true,"store":false,"include":["reasoning.encrypted_content"],"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}]}"#);
}

#[test]
fn settings_become_fields_and_what_the_program_gives_wins() {
    let mut request = with_tool();
    request.system = vec![Block::text("Be brief."), Block::text("Be kind.")];
    let search = Json::read(r#"{"type":"web_search", "z":1}"#).unwrap();
    request.server_tools = [search].into();
    let mut settings = settings();
    settings.streaming = false;
    settings.tool_choice = Some(ToolChoice::Tool("f".to_owned()));
    settings.disable_parallel_tool_use = true;
    settings.fields.insert("temperature".to_owned(), json!(1).into());
    settings.fields.insert("model".to_owned(), json!("other").into());
    request.extra.insert("temperature".to_owned(), json!(0).into());
    insta::assert_snapshot!(chat_body(&settings, &request), @r#"{"max_completion_tokens":8000,"stream":false,"tools":[{"type":"function","function":{"name":"f","description":"Does f.","parameters":{"type":"object","properties":{"z":{},"a":{}}}}},{"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{"z":{},"a":{}}},"strict":true}},{"type":"web_search", "z":1}],"tool_choice":{"function":{"name":"f"},"type":"function"},"parallel_tool_calls":false,"messages":[{"role":"system","content":"Be brief.\n\nBe kind."},{"role":"user","content":"hi"}],"model":"other","temperature":0}"#);
    insta::assert_snapshot!(responses_body(&settings, &request), @r#"{"max_output_tokens":8000,"stream":false,"store":false,"include":["reasoning.encrypted_content"],"instructions":"Be brief.\n\nBe kind.","tools":[{"type":"function","name":"f","description":"Does f.","parameters":{"type":"object","properties":{"z":{},"a":{}}},"strict":false},{"type":"function","name":"g","parameters":{"type":"object","properties":{"z":{},"a":{}}},"strict":true},{"type":"web_search", "z":1}],"tool_choice":{"name":"f","type":"function"},"parallel_tool_calls":false,"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}],"model":"other","temperature":0}"#);
}

#[test]
fn the_most_tokens_are_said_once() {
    let mut request = hi();
    let check = |request: &Request, expected: u64, fields: &[&str]| {
        let body: serde_json::Value = serde_json::from_str(&chat_body(&settings(), request)).unwrap();
        let said =
            ["max_tokens", "max_completion_tokens"].into_iter().filter(|name| body.get(name).is_some());
        assert_eq!(said.collect::<Vec<_>>(), fields);
        assert_eq!(chat::max_tokens(&settings(), request), expected);
    };
    check(&request, 8_000, &["max_completion_tokens"]);
    request.extra.insert("max_tokens".to_owned(), json!(7).into());
    check(&request, 7, &["max_tokens"]);
    request.extra.insert("max_output_tokens".to_owned(), json!(9).into());
    assert_eq!(responses::max_tokens(&settings(), &request), 9);
}

#[test]
fn field_72_a_forced_choice_holds_for_the_first_turn_on_openais_wire_too() {
    let check = |choice: ToolChoice, turns: u32, every: bool, chat_choice: &str, responses_choice: &str| {
        let mut request = with_tool();
        request.turns = turns;
        let settings = BodySettings { tool_choice: Some(choice), force_every_turn: every, ..settings() };
        for (body, expected) in [
            (chat_body(&settings, &request), chat_choice),
            (responses_body(&settings, &request), responses_choice),
        ] {
            assert!(body.contains(&format!("\"tool_choice\":{expected},")), "{body}");
        }
    };
    let function = r#"{"function":{"name":"f"},"type":"function"}"#;
    let tool = || ToolChoice::Tool("f".to_owned());
    check(tool(), 0, false, function, r#"{"name":"f","type":"function"}"#);
    check(tool(), 1, false, "\"auto\"", "\"auto\"");
    check(tool(), 1, true, function, r#"{"name":"f","type":"function"}"#);
    check(ToolChoice::Any, 0, false, "\"required\"", "\"required\"");
    check(ToolChoice::None, 1, false, "\"none\"", "\"none\"");
    let settings = BodySettings { tool_choice: Some(ToolChoice::Any), ..settings() };
    assert!(!chat_body(&settings, &hi()).contains("tool_choice"), "without tools there is nothing to choose");
    let mut given = with_tool();
    given.turns = 1;
    given.extra.insert("tool_choice".to_owned(), json!("required").into());
    assert!(chat_body(&settings, &given).contains(r#""tool_choice":"auto""#));
}

#[test]
fn calls_and_results_are_written_as_each_api_has_them() {
    let mut request = hi();
    let call = r#"{"type":"tool_use","id":"a","name":"f","input":{"z":1, "n":12345678901234567890123}}"#;
    request.messages.push(Message::assistant(vec![
        Block::text("So."),
        block(call),
        Block::tool_use("b", "g", json!({})),
    ]));
    let picture = vec![Block::text("a map"), Block::image("image/png", "AA==")];
    request.messages.push(Message::user(vec![
        Block::tool_result("b", picture.into(), false),
        Block::tool_result("a", "no such thing".into(), true),
        Block::text("And now?"),
    ]));
    insta::assert_snapshot!(histories(&request), @r#"
    {"role":"user","content":"hi"}
    {"role":"assistant","content":"So.","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"z\":1, \"n\":12345678901234567890123}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]}
    {"role":"tool","tool_call_id":"b","content":"a map"}
    {"role":"tool","tool_call_id":"a","content":"[the call failed]\nno such thing"}
    {"role":"user","content":[{"type":"text","text":"[what the call b has given besides words:]"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}},{"type":"text","text":"And now?"}]}

    {"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}
    {"type":"message","role":"assistant","content":"So."}
    {"type":"function_call","call_id":"a","name":"f","arguments":"{\"z\":1, \"n\":12345678901234567890123}"}
    {"type":"function_call","call_id":"b","name":"g","arguments":"{}"}
    {"type":"function_call_output","call_id":"b","output":[{"type":"input_text","text":"a map"},{"type":"input_image","image_url":"data:image/png;base64,AA==","detail":"auto"}]}
    {"type":"function_call_output","call_id":"a","output":"[the call failed]\nno such thing"}
    {"type":"message","role":"user","content":[{"type":"input_text","text":"And now?"}]}
    "#);
}

#[test]
fn fault_13_nothing_empty_is_sent_on_openais_wire() {
    let mut request = hi();
    request.system = vec![Block::text(" \n")];
    request.messages.push(Message::assistant(vec![Block::text(""), Block::text("x"), Block::text(" ")]));
    request.messages.push(Message::user(" \n"));
    request.messages.push(Message::assistant(" "));
    request.messages.push(Message::new(agent_core::Role::System, ""));
    request.messages.push(Message::assistant(vec![Block::text(" "), Block::tool_use("a", "f", json!({}))]));
    let blank = vec![Block::text(" ")];
    request.messages.push(Message::user(vec![Block::tool_result("a", blank.into(), false), Block::text("")]));
    insta::assert_snapshot!(histories(&request), @r#"
    {"role":"user","content":"hi"}
    {"role":"assistant","content":"x "}
    {"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}
    {"role":"tool","tool_call_id":"a","content":"[no output]"}

    {"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}
    {"type":"message","role":"assistant","content":"x "}
    {"type":"function_call","call_id":"a","name":"f","arguments":"{}"}
    {"type":"function_call_output","call_id":"a","output":"[no output]"}
    "#);
}

#[test]
fn fault_17_what_ran_at_claudes_server_is_not_sent_and_results_stand_alone() {
    let mut request = hi();
    let search = r#"{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}"#;
    let found = r#"{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]}"#;
    let thinking = r#"{"type":"thinking","thinking":"hm","signature":"c2ln"}"#;
    let hidden = r#"{"type":"redacted_thinking","data":"eA=="}"#;
    let compaction = r#"{"type":"compaction","content":"so far"}"#;
    let call = Block::tool_use("a", "f", json!({}));
    let said = [thinking, hidden, search, found, compaction].map(block).into_iter().chain([call]);
    request.messages.push(Message::assistant(said.collect::<Vec<_>>()));
    request.messages.push(Message::user(vec![Block::tool_result("a", "2".into(), false)]));
    insta::assert_snapshot!(histories(&request), @r#"
    {"role":"user","content":"hi"}
    {"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}
    {"role":"tool","tool_call_id":"a","content":"2"}

    {"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}
    {"type":"function_call","call_id":"a","name":"f","arguments":"{}"}
    {"type":"function_call_output","call_id":"a","output":"2"}
    "#);
}

#[test]
fn fault_18_malformed_input_goes_back_as_an_object_on_openais_wire() {
    let mut request = hi();
    let call = r#"{"type":"tool_use","id":"a","name":"f","input":{"INVALID_JSON":"{\"x\""}}"#;
    request.messages.push(Message::assistant(vec![block(call)]));
    request.messages.push(Message::user(vec![Block::tool_result("a", "not JSON".into(), true)]));
    insta::assert_snapshot!(histories(&request), @r#"
    {"role":"user","content":"hi"}
    {"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"INVALID_JSON\":\"{\\\"x\\\"\"}"}}]}
    {"role":"tool","tool_call_id":"a","content":"[the call failed]\nnot JSON"}

    {"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}
    {"type":"function_call","call_id":"a","name":"f","arguments":"{\"INVALID_JSON\":\"{\\\"x\\\"\"}"}
    {"type":"function_call_output","call_id":"a","output":"[the call failed]\nnot JSON"}
    "#);
}

#[test]
fn fault_35_reasoning_whose_calls_and_words_are_left_out_is_not_sent() {
    let reasoning = || {
        let item = r#"{"type":"reasoning","id":"rs_1","encrypted_content":"gA","summary":[]}"#;
        block(&format!(r#"{{"type":"openai:item","item":{item}}}"#))
    };
    let kinds = |reply: Vec<Block>| {
        let mut request = hi();
        request.messages.push(Message::assistant(reply));
        let body: serde_json::Value = serde_json::from_str(&responses_body(&settings(), &request)).unwrap();
        let items = body["input"].as_array().unwrap().iter().skip(1);
        items.map(|item| item["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(vec![reasoning(), Block::text("So.")]), ["reasoning", "message"]);
    assert_eq!(kinds(vec![reasoning(), reasoning(), Block::text(" ")]), [""; 0]);
    assert_eq!(kinds(vec![Block::text("So."), reasoning()]), ["message"]);
    // What asks the program for something it can't do has no output, and would be refused.
    let custom =
        r#"{"type":"openai:item","item":{"type":"custom_tool_call","call_id":"a","name":"c","input":"x"}}"#;
    assert_eq!(kinds(vec![Block::text("So."), reasoning(), block(custom)]), ["message"]);
}

#[test]
fn fault_35_reasoning_goes_back_as_it_came_to_who_wrote_it_and_to_nobody_else() {
    let item = r#"{"type":"reasoning","id":"rs_1", "encrypted_content":"gA+/=","summary":[]}"#;
    let open = r#"{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]}"#;
    let unreadable = r#"{"type":"reasoning","id":"rs_2","summary":[]}"#;
    let search = r#"{"type":"web_search_call","id":"ws_1"}"#;
    let kept = |item: &str| block(&format!(r#"{{"type":"openai:item","item":{item}}}"#));
    let mut request = hi();
    request.messages.push(Message::assistant(vec![
        block(r#"{"type":"thinking","thinking":"shown","signature":""}"#),
        kept(item),
        kept(unreadable),
        block(r#"{"type":"thinking","thinking":"deep","signature":"openai:reasoning_content"}"#),
        Block::text("One."),
        Block::text(" Two."),
        block(r#"{"type":"openai:text","phase":"commentary","annotations":[{"type":"url_citation"}]}"#),
        kept(search),
        kept(open),
        Block::text("Three."),
        Block::tool_use("a", "f", json!({})),
        block(r#"{"type":"openai:call","fields":{"namespace":"ns"}}"#),
        block(
            r#"{"type":"openai:message","fields":{"annotations":[1],"reasoning_details":[{"z":1, "a":2}]}}"#,
        ),
    ]));
    request.messages.push(Message::user(vec![Block::tool_result("a", "2".into(), false)]));
    insta::assert_snapshot!(histories(&request), @r#"
    {"role":"user","content":"hi"}
    {"role":"assistant","content":"One. Two.\n\nThree.","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}
    {"role":"tool","tool_call_id":"a","content":"2"}

    {"role":"user","content":"hi"}
    {"role":"assistant","content":"One. Two.\n\nThree.","reasoning_content":"deep","reasoning_details":[{"z":1, "a":2}],"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"},"namespace":"ns"}]}
    {"role":"tool","tool_call_id":"a","content":"2"}

    {"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}
    {"type":"reasoning","id":"rs_1", "encrypted_content":"gA+/=","summary":[]}
    {"type":"message","role":"assistant","content":"One. Two.","phase":"commentary"}
    {"type":"web_search_call","id":"ws_1"}
    {"type":"message","role":"assistant","content":"Three."}
    {"type":"function_call","call_id":"a","name":"f","arguments":"{}","namespace":"ns"}
    {"type":"function_call_output","call_id":"a","output":"2"}

    {"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}
    {"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"One. Two.","annotations":[]}],"phase":"commentary"}
    {"type":"web_search_call","id":"ws_1"}
    {"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]}
    {"type":"message","id":"msg_4","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Three.","annotations":[]}]}
    {"type":"function_call","call_id":"a","name":"f","arguments":"{}","namespace":"ns"}
    {"type":"function_call_output","call_id":"a","output":"2"}
    "#);
    let stored = BodySettings { store: true, ..settings() };
    let body = responses_body(&stored, &request);
    assert!(
        body.contains(unreadable) && body.contains(r#""store":true"#) && !body.contains("include"),
        "{body}"
    );
}

#[test]
fn fault_36_claudes_cache_markers_are_not_sent_and_openais_fields_pass() {
    let mut request = with_tool();
    let marked = r#"{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}"#;
    request.system = vec![block(marked)];
    request.messages = vec![Message::user(vec![block(marked)])];
    request.extra.insert("prompt_cache_key".to_owned(), json!("k").into());
    for body in [chat_body(&settings(), &request), responses_body(&settings(), &request)] {
        assert!(!body.contains("cache_control") && body.contains(r#""prompt_cache_key":"k""#), "{body}");
    }
}

#[test]
fn instructions_in_the_middle_stay_and_wait_until_calls_are_answered() {
    let mut request = hi();
    let instruct = |text: &str| Message::new(agent_core::Role::System, text);
    request.system = vec![Block::text("Be brief.")];
    request.messages.push(instruct("Speak French."));
    request.messages.push(Message::assistant(vec![Block::tool_use("a", "f", json!({}))]));
    request.messages.push(instruct("Be kind."));
    request
        .messages
        .push(Message::user(vec![Block::tool_result("a", "2".into(), false), Block::text("So?")]));
    request.messages.push(Message::assistant(vec![Block::tool_use("b", "f", json!({}))]));
    insta::assert_snapshot!(histories(&request), @r#"
    {"role":"system","content":"Be brief."}
    {"role":"user","content":"hi"}
    {"role":"system","content":"Speak French."}
    {"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}
    {"role":"tool","tool_call_id":"a","content":"2"}
    {"role":"system","content":"Be kind."}
    {"role":"user","content":"So?"}
    {"role":"assistant","content":null,"tool_calls":[{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]}
    {"role":"tool","tool_call_id":"b","content":"[the call failed]\n[no result: the call was not made]"}

    {"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}
    {"type":"message","role":"system","content":"Speak French."}
    {"type":"function_call","call_id":"a","name":"f","arguments":"{}"}
    {"type":"function_call_output","call_id":"a","output":"2"}
    {"type":"message","role":"system","content":"Be kind."}
    {"type":"message","role":"user","content":[{"type":"input_text","text":"So?"}]}
    {"type":"function_call","call_id":"b","name":"f","arguments":"{}"}
    {"type":"function_call_output","call_id":"b","output":"[the call failed]\n[no result: the call was not made]"}
    "#);
}

#[test]
fn ids_and_names_that_are_refused_are_translated_the_same_way_each_time() {
    let mut request = hi();
    let (id, name) = ("i".repeat(70), "n".repeat(70));
    let schema = json!({"type": "object"});
    request.tools = [ToolSpec::new(&name, "", schema)].into();
    request.messages.push(Message::assistant(vec![Block::tool_use(&id, &name, json!({}))]));
    request.messages.push(Message::user(vec![Block::tool_result(&id, "2".into(), false)]));
    insta::assert_snapshot!(histories(&request), @r#"
    {"role":"user","content":"hi"}
    {"role":"assistant","content":null,"tool_calls":[{"id":"iiiiiiiiiiiiiiiiiiiiiii_db0b0a3fda499eeb","type":"function","function":{"name":"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn_c53b6490e9749cfd","arguments":"{}"}}]}
    {"role":"tool","tool_call_id":"iiiiiiiiiiiiiiiiiiiiiii_db0b0a3fda499eeb","content":"2"}

    {"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}
    {"type":"function_call","call_id":"iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii_db0b0a3fda499eeb","name":"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn_c53b6490e9749cfd","arguments":"{}"}
    {"type":"function_call_output","call_id":"iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii_db0b0a3fda499eeb","output":"2"}
    "#);
    for body in [chat_body(&settings(), &request), responses_body(&settings(), &request)] {
        assert_eq!(body.matches(&*crate::openai::names::sent_name(&name)).count(), 2, "{body}");
    }
}

#[test]
fn a_request_goes_on_from_a_reply_that_the_server_keeps() {
    let mut request = hi();
    let said = Message::assistant(vec![Block::tool_use("a", "f", json!({}))]);
    request.messages.push(said.clone());
    request.messages.push(Message::user(vec![Block::tool_result("a", "2".into(), false)]));
    let previous = |response: &str, reply: &Message| {
        Some(PreviousReply { response: response.into(), messages: 2, reply: reply.clone() })
    };
    let input = |request: &Request, store: bool| {
        let body = responses_body(&BodySettings { store, ..settings() }, request);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        (body["previous_response_id"].clone(), body["input"].as_array().unwrap().len())
    };
    assert_eq!(input(&request, true), (json!(null), 3));
    request.previous_reply = previous("resp_1", &said);
    assert_eq!(input(&request, true), (json!("resp_1"), 1));
    assert_eq!(input(&request, false), (json!(null), 3), "unless it keeps replies");
    request.previous_reply = previous("msg_1", &said);
    assert_eq!(input(&request, true), (json!(null), 3), "of another API");
    request.previous_reply = previous("resp_1", &Message::assistant("other"));
    assert_eq!(input(&request, true), (json!(null), 3), "the history has changed");
}

/// A request for an answer that fits a schema.
fn typed() -> Request {
    let mut request = hi();
    let schema = json!({"type": "object", "properties": {"days": {"type": "integer", "maximum": 7, "minLength": 1}, "note": {"type": "string"}}, "required": ["days"]});
    request.answer_schema = Some(schema.into());
    request
}

#[test]
fn the_schema_of_an_answer_is_the_format_of_the_reply() {
    insta::assert_snapshot!(chat_body(&settings(), &typed()), @r#"{"model":"m","max_completion_tokens":8000,"stream":true,"stream_options":{"include_usage":true},"response_format":{"json_schema":{"name":"answer","schema":{"additionalProperties":false,"properties":{"days":{"description":"(minLength: 1)","maximum":7,"type":"integer"},"note":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["days","note"],"type":"object"},"strict":true},"type":"json_schema"},"messages":[{"role":"user","content":"hi"}]}"#);
    insta::assert_snapshot!(responses_body(&settings(), &typed()), @r#"{"model":"m","max_output_tokens":8000,"stream":true,"store":false,"include":["reasoning.encrypted_content"],"text":{"format":{"name":"answer","schema":{"additionalProperties":false,"properties":{"days":{"description":"(minLength: 1)","maximum":7,"type":"integer"},"note":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["days","note"],"type":"object"},"strict":true,"type":"json_schema"}},"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}]}"#);
    // What the program gave stays.
    let mut request = typed();
    request.extra.insert("text".to_owned(), json!({"verbosity": "low"}).into());
    request.extra.insert("response_format".to_owned(), json!({"type": "json_object"}).into());
    let has = |body: &str, part: &str| assert!(body.contains(part), "{body}");
    has(&chat_body(&settings(), &request), r#""response_format":{"type":"json_object"}"#);
    has(&responses_body(&settings(), &request), r#""verbosity":"low""#);
    has(&responses_body(&settings(), &request), r#""strict":true"#);
}

#[test]
fn a_server_without_structured_outputs_gets_no_format() {
    let body = chat_body(&compatible(), &typed());
    assert!(!body.contains("response_format"), "{body}");
    let with = BodySettings { structured_outputs: Some(true), ..compatible() };
    assert!(chat_body(&with, &typed()).contains("response_format"));
}
