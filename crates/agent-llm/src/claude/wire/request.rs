//! From a request to the JSON body that is sent.

use std::collections::BTreeMap;

use agent_core::{Block, Content, Json, Message, Request, Role, message::BlockKind};

use super::{
    answer_format,
    tools::{self, has_tools},
};
use crate::{
    claude::{
        builder::ClaudeBuilder,
        cache,
        tool_choice::{choice_json, eased},
    },
    json_text::{Object, list},
};

/// The body of a request. Blocks go in as the text they are kept as; what
/// [`Request::extra`](agent_core::model::RequestParts::extra) gives wins over the settings, and
/// extra settings over all else.
pub(crate) fn body(settings: &ClaudeBuilder, request: &Request) -> Vec<u8> {
    written(settings, request, &[])
}

/// The body of a request in a batch: the same, but never streamed.
pub(crate) fn in_batch(settings: &ClaudeBuilder, request: &Request) -> Vec<u8> {
    written(settings, request, &["stream"])
}

/// The body that asks what a request would cost: the same, without what has no part in that, which
/// its endpoint does not take. Source: the official clients' `message_count_tokens_params`, beta
/// and not.
pub(crate) fn counted(settings: &ClaudeBuilder, request: &Request) -> Vec<u8> {
    const LEFT_OUT: [&str; 11] = [
        "container",
        "diagnostics",
        "fallback_credit_token",
        "fallbacks",
        "inference_geo",
        "max_tokens",
        "metadata",
        "service_tier",
        "stop_sequences",
        "stream",
        "thread",
    ];
    written(settings, request, &LEFT_OUT)
}

/// The most tokens the reply may have, as the body says it.
pub(crate) fn max_tokens(settings: &ClaudeBuilder, request: &Request) -> u64 {
    let given = request.extra.get("max_tokens").or_else(|| settings.fields.get("max_tokens"));
    given.and_then(|tokens| tokens.parse().ok()).unwrap_or(request.max_tokens.into())
}

fn written(settings: &ClaudeBuilder, request: &Request, left_out: &[&str]) -> Vec<u8> {
    let marked = settings.cache.map(|kept| cache::marked(request, kept, &settings.fields));
    let request = marked.as_ref().unwrap_or(request);
    let mut text = Vec::with_capacity(size(request));
    write(&mut text, settings, request, left_out);
    text
}

/// How long the body will be, about: so that a long history is not moved while it is written.
fn size(request: &Request) -> usize {
    let blocks = request.messages.iter().flat_map(Message::content);
    let texts: usize = blocks.map(|block| block.json().text().len() + 1).sum();
    let tools: usize = request.tools.iter().map(|tool| tool.input_schema.text().len() + 256).sum();
    1024 + texts + tools + 32 * request.messages.len()
}

fn write(text: &mut Vec<u8>, settings: &ClaudeBuilder, request: &Request, left_out: &[&str]) {
    let mut given = given(settings, request);
    let config = answer_format::output_config(settings, request, given.get(answer_format::FIELD).copied());
    given.extend(config.as_ref().map(|config| (answer_format::FIELD, config)));
    // The body's own fields, as far as they belong in it and no other was given in their place.
    let is_own = |name: &str| !given.contains_key(name) && !left_out.contains(&name);
    let system = || request.system.iter().filter(|block| !block.is_blank());

    let mut body = Object::begin(text);
    if is_own("model") {
        body.set("model", &settings.model);
    }
    if is_own("max_tokens") {
        body.set("max_tokens", &request.max_tokens);
    }
    if is_own("stream") {
        body.set("stream", &settings.streaming);
    }
    if is_own("system") && system().next().is_some() {
        body.put("system", |text| list(text, system(), block));
    }
    if is_own("tools") && has_tools(request) {
        body.put("tools", |text| tools::write(text, request));
    }
    if is_own("tool_choice") && (has_tools(request) || given.contains_key("tools")) {
        let choice = tool_choice(settings, is_eased(settings, request));
        choice.iter().for_each(|choice| body.set_json("tool_choice", choice));
    }
    if is_own("messages") {
        let messages = request.messages.iter().filter_map(Message::sendable);
        body.put("messages", |text| list(text, messages, |text, message| said(text, &message)));
    }
    if let Some(id) = request.container.as_ref().filter(|_| is_own("container")) {
        body.set("container", id);
    }
    for (name, value) in given.iter().filter(|(name, _)| !left_out.contains(name)) {
        body.set_json(name, &as_sent(settings, request, name, value));
    }
    body.end();
}

/// The fields that the program gave. Those of the request replace the client's.
fn given<'a>(settings: &'a ClaudeBuilder, request: &'a Request) -> BTreeMap<&'a str, &'a Json> {
    let given = settings.fields.iter().chain(&request.extra);
    given.map(|(name, value)| (name.as_str(), value)).collect()
}

/// A field that was given, as it is sent.
fn as_sent(settings: &ClaudeBuilder, request: &Request, name: &str, value: &Json) -> Json {
    match (name, &request.container) {
        ("container", Some(id)) => again(value, id),
        ("tool_choice", _) if is_eased(settings, request) => eased(value),
        _ => value.clone(),
    }
}

/// Whether a call that was forced is not forced any more: an agent that always must call could
/// never answer.
fn is_eased(settings: &ClaudeBuilder, request: &Request) -> bool {
    request.turns > 0 && !settings.force_every_turn
}

/// A message, around the text that its blocks are kept as. There may be thousands, so this is
/// written out.
fn said(text: &mut Vec<u8>, message: &Message) {
    text.extend_from_slice(match message.role() {
        Role::User => br#"{"role":"user","content":"#,
        Role::Assistant => br#"{"role":"assistant","content":"#,
        Role::System => br#"{"role":"system","content":"#,
    });
    list(text, message.content(), block);
    text.push(b'}');
}

fn block(text: &mut Vec<u8>, block: &Block) {
    let mended = error_with_more_than_words(block);
    text.extend_from_slice(mended.as_ref().unwrap_or(block).json().text().as_bytes());
}

/// An error result may only hold text, says the API, so one with a picture says in words that the
/// call failed. The words come last: errors of the API name a block by its place.
pub(crate) fn error_with_more_than_words(block: &Block) -> Option<Block> {
    let BlockKind::ToolResult { content: Content::Blocks(blocks), is_error: true, .. } = block.kind() else {
        return None;
    };
    if blocks.iter().all(|block| block.as_text().is_some()) {
        return None;
    }
    let all: Vec<Block> = blocks.iter().cloned().chain([Block::text("[the call failed]")]).collect();
    let all = Json::of(&all).expect("blocks are JSON");
    let mended = block
        .with("content", all)
        .and_then(|result| result.with("is_error", Json::from(serde_json::Value::from(false))));
    Some(mended.expect("a result may hold any blocks"))
}

/// What is said of which tools may be called, if anything is.
fn tool_choice(settings: &ClaudeBuilder, is_eased: bool) -> Option<Json> {
    let one_by_one = settings.disable_parallel_tool_use;
    let is_said = settings.tool_choice.is_some() || one_by_one;
    let choice = settings.tool_choice.clone().unwrap_or_default();
    is_said.then(|| choice_json(&if is_eased { choice.eased() } else { choice }, one_by_one))
}

/// What the settings say of the container (its skills, for one), in the one that is there already.
fn again(container: &Json, id: &str) -> Json {
    match container.parse::<BTreeMap<String, Json>>() {
        Ok(mut fields) if !fields.contains_key("id") => {
            fields.insert("id".to_owned(), serde_json::Value::from(id).into());
            Json::of(&fields).expect("keys are strings and values are JSON already")
        }
        _ => container.clone(),
    }
}

#[cfg(test)]
mod tests {
    use agent_core::ToolSpec;
    use serde_json::json;

    use super::*;
    use crate::ToolChoice;

    fn hi() -> Request {
        Request::new(vec![Message::user("hi")])
    }

    fn with_tool() -> Request {
        let mut request = hi();
        let schema = Json::read(r#"{"type":"object","properties":{"z":{},"a":{}}}"#).unwrap();
        request.tools = [ToolSpec::new("f", "Does f.", schema)].into();
        request
    }

    fn sent(settings: ClaudeBuilder, request: &Request) -> String {
        String::from_utf8(body(&settings, request)).unwrap()
    }

    #[test]
    fn a_request_has_no_field_that_nobody_gave() {
        insta::assert_snapshot!(sent(ClaudeBuilder::default(), &hi()), @r#"{"model":"claude-sonnet-5-5","max_tokens":8000,"stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}"#);
        insta::assert_snapshot!(sent(ClaudeBuilder::default().streaming(false).model("m"), &with_tool()), @r#"{"model":"m","max_tokens":8000,"stream":false,"tools":[{"name":"f","description":"Does f.","input_schema":{"type":"object","properties":{"z":{},"a":{}}}}],"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}"#);
    }

    #[test]
    fn system_prompt_and_history_go_out_as_they_were_kept() {
        let call = r#"{"type":"tool_use","id":"a","name":"f","input":{"z":1, "a":12345678901234567890123}}"#;
        let call: Block = serde_json::from_str(call).unwrap();
        let mut request = hi();
        request.system = vec![Block::text("Be brief."), Block::text(" ")];
        request.messages.push(Message::assistant(vec![call]));
        request.messages.push(Message::user(vec![Block::tool_result("a", "2".into(), false)]));
        insta::assert_snapshot!(sent(ClaudeBuilder::default(), &request), @r#"{"model":"claude-sonnet-5-5","max_tokens":8000,"stream":true,"system":[{"type":"text","text":"Be brief."}],"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{"z":1, "a":12345678901234567890123}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"2"}]}]}"#);
    }

    #[test]
    fn field_60_an_error_result_with_a_picture_is_sent_as_the_api_takes_it() {
        let mut request = hi();
        let result = |content: Vec<Block>| Block::tool_result("a", content.into(), true);
        let picture = Block::image("image/png", "AA==");
        let results = vec![result(vec![Block::text("no")]), result(vec![Block::text("no"), picture])];
        request.messages.push(Message::user(results));
        insta::assert_snapshot!(sent(ClaudeBuilder::default(), &request), @r#"{"model":"claude-sonnet-5-5","max_tokens":8000,"stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"no"}],"is_error":true},{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"no"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}},{"type":"text","text":"[the call failed]"}],"is_error":false}]}]}"#);
    }

    #[test]
    fn tools_carry_their_other_fields_and_those_of_the_server_pass_through() {
        let mut request = with_tool();
        let mut spec = request.tools[0].clone();
        spec.extra.insert("strict".to_owned(), json!(true).into());
        request.tools = [spec].into();
        let search =
            Json::read(r#"{"type":"web_search_20260318","name":"web_search", "max_uses":5}"#).unwrap();
        request.server_tools = [search].into();
        insta::assert_snapshot!(sent(ClaudeBuilder::default(), &request), @r#"{"model":"claude-sonnet-5-5","max_tokens":8000,"stream":true,"tools":[{"name":"f","description":"Does f.","input_schema":{"type":"object","properties":{"z":{},"a":{}}},"strict":true},{"type":"web_search_20260318","name":"web_search", "max_uses":5}],"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}"#);
    }

    #[test]
    fn cache_markers_are_set_where_they_pay() {
        let mut request = with_tool();
        request.system = vec![Block::text("Be brief.")];
        let settings = ClaudeBuilder::default().cache(crate::Cache::FiveMinutes);
        insta::assert_snapshot!(sent(settings, &request), @r#"{"model":"claude-sonnet-5-5","max_tokens":8000,"stream":true,"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],"tools":[{"name":"f","description":"Does f.","input_schema":{"type":"object","properties":{"z":{},"a":{}}},"cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}]}]}"#);
    }

    #[test]
    fn fault_13_empty_whitespace_text_replayed() {
        let mut request = hi();
        request.messages.push(Message::assistant(" \n"));
        request.messages.push(Message::assistant(vec![Block::text(""), Block::text("x")]));
        insta::assert_snapshot!(sent(ClaudeBuilder::default(), &request), @r#"{"model":"claude-sonnet-5-5","max_tokens":8000,"stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]},{"role":"assistant","content":[{"type":"text","text":"x"}]}]}"#);
    }

    #[test]
    fn fault_35_thinking_signature_lost() {
        for block in [
            r#"{"type":"thinking","thinking":"","signature":"c2ln"}"#,
            r#"{"signature":"a+/=","thinking":"so…","type":"thinking"}"#,
            r#"{"type":"redacted_thinking","data":"eA=="}"#,
        ] {
            let mut request = hi();
            let thinking = serde_json::from_str::<Block>(block).unwrap();
            request.messages.push(Message::assistant(vec![thinking, Block::text("So.")]));
            assert!(sent(ClaudeBuilder::default(), &request).contains(block), "{block}");
        }
    }

    #[test]
    fn settings_become_fields() {
        let settings = ClaudeBuilder::default()
            .tool_choice(ToolChoice::Tool("f".to_owned()))
            .disable_parallel_tool_use(true)
            .stop_sequences(["END"])
            .thinking(json!({"type": "adaptive"}))
            .metadata(json!({"user_id": "u"}))
            .output_config(json!({"effort": "low"}))
            .extra("service_tier", json!("auto"));
        insta::assert_snapshot!(sent(settings, &with_tool()), @r#"{"model":"claude-sonnet-5-5","max_tokens":8000,"stream":true,"tools":[{"name":"f","description":"Does f.","input_schema":{"type":"object","properties":{"z":{},"a":{}}}}],"tool_choice":{"disable_parallel_tool_use":true,"name":"f","type":"tool"},"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"metadata":{"user_id":"u"},"output_config":{"effort":"low"},"service_tier":"auto","stop_sequences":["END"],"thinking":{"type":"adaptive"}}"#);
    }

    #[test]
    fn a_container_is_used_again_and_the_settings_have_the_last_word() {
        let mut request = hi();
        request.container = Some("c_1".to_owned());
        let container = |settings: ClaudeBuilder| {
            let body: serde_json::Value = serde_json::from_slice(&body(&settings, &request)).unwrap();
            body["container"].to_string()
        };
        let given = |container| ClaudeBuilder::default().extra("container", container);
        assert_eq!(container(ClaudeBuilder::default()), r#""c_1""#);
        let skills = json!([{"type": "anthropic", "skill_id": "pdf"}]);
        let expected = r#"{"id":"c_1","skills":[{"skill_id":"pdf","type":"anthropic"}]}"#;
        assert_eq!(container(given(json!({"skills": skills}))), expected);
        assert_eq!(container(given(json!("c_2"))), r#""c_2""#);
        assert_eq!(container(given(json!({"id": "c_3"}))), r#"{"id":"c_3"}"#);
    }

    #[test]
    fn a_tool_choice_is_sent_only_with_tools() {
        let choice = |settings: ClaudeBuilder, request: &Request| {
            let body: serde_json::Value = serde_json::from_slice(&body(&settings, request)).unwrap();
            body.get("tool_choice").map(ToString::to_string)
        };
        let any = || ClaudeBuilder::default().tool_choice(ToolChoice::Any);
        let one_by_one = || ClaudeBuilder::default().disable_parallel_tool_use(true);
        assert_eq!(choice(any(), &hi()), None);
        assert_eq!(choice(one_by_one(), &hi()), None);
        assert_eq!(choice(any(), &with_tool()).unwrap(), r#"{"type":"any"}"#);
        let auto = r#"{"disable_parallel_tool_use":true,"type":"auto"}"#;
        assert_eq!(choice(one_by_one(), &with_tool()).unwrap(), auto);
        let none = one_by_one().tool_choice(ToolChoice::None);
        assert_eq!(choice(none, &with_tool()).unwrap(), r#"{"type":"none"}"#);
        let server_tools =
            any().extra("tools", json!([{"type": "web_search_20260318", "name": "web_search"}]));
        assert_eq!(choice(server_tools, &hi()).unwrap(), r#"{"type":"any"}"#);
    }

    #[test]
    fn field_72_a_forced_choice_holds_for_the_first_turn_since_the_user_spoke() {
        let choice = |settings: ClaudeBuilder, given: Option<serde_json::Value>, turns: u32| {
            let mut request = with_tool();
            request.turns = turns;
            request.extra.extend(given.map(|given| ("tool_choice".to_owned(), given.into())));
            let body: serde_json::Value = serde_json::from_slice(&body(&settings, &request)).unwrap();
            body["tool_choice"].clone()
        };
        let by = |choice| ClaudeBuilder::default().tool_choice(choice);
        let (any, tool) = (json!({"type": "any"}), json!({"type": "tool", "name": "f"}));
        let (auto, none) = (json!({"type": "auto"}), json!({"type": "none"}));
        for (settings, first, then) in [
            (by(ToolChoice::Any), &any, &auto),
            (by(ToolChoice::Tool("f".to_owned())), &tool, &auto),
            (by(ToolChoice::Auto), &auto, &auto),
            (by(ToolChoice::None), &none, &none),
            (by(ToolChoice::Any).force_every_turn(true), &any, &any),
        ] {
            let of = |turns| choice(settings.clone(), None, turns);
            assert_eq!([of(0), of(1), of(9)], [first, then, then].map(Clone::clone));
            let given =
                |turns| choice(settings.clone().tool_choice(ToolChoice::Auto), Some(first.clone()), turns);
            assert_eq!([given(0), given(1), given(9)], [first, then, then].map(Clone::clone));
        }
        let one = json!({"type": "tool", "name": "f", "disable_parallel_tool_use": true});
        let eased = json!({"type": "auto", "disable_parallel_tool_use": true});
        assert_eq!(choice(ClaudeBuilder::default(), Some(one), 1), eased);
        let one_by_one = by(ToolChoice::Any).disable_parallel_tool_use(true);
        assert_eq!(choice(one_by_one, None, 1), eased);
        assert_eq!(choice(ClaudeBuilder::default(), Some(json!("odd")), 1), json!("odd"));
    }

    #[test]
    fn the_requests_own_fields_win_over_the_settings_and_extra_settings_over_the_rest() {
        let settings =
            ClaudeBuilder::default().model("a").extra("model", json!("b")).extra("speed", json!("fast"));
        let mut request = hi();
        request.extra.insert("speed".to_owned(), json!("standard").into());
        request.extra.insert("max_tokens".to_owned(), json!(1).into());
        insta::assert_snapshot!(sent(settings, &request), @r#"{"stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"max_tokens":1,"model":"b","speed":"standard"}"#);
    }

    #[test]
    fn the_most_tokens_are_what_the_body_says() {
        let mut request = hi();
        request.max_tokens = 7;
        assert_eq!(max_tokens(&ClaudeBuilder::default(), &request), 7);
        let settings = ClaudeBuilder::default().extra("max_tokens", json!(8));
        assert_eq!(max_tokens(&settings, &request), 8);
        request.extra.insert("max_tokens".to_owned(), json!(9).into());
        assert_eq!(max_tokens(&settings, &request), 9);
    }

    #[test]
    fn the_schema_of_an_answer_is_the_format_of_the_reply() {
        let mut request = hi();
        let schema = json!({"type": "object", "properties": {"days": {"type": "integer", "maximum": 7}}, "required": ["days"]});
        request.answer_schema = Some(schema.into());
        insta::assert_snapshot!(sent(ClaudeBuilder::default(), &request), @r#"{"model":"claude-sonnet-5-5","max_tokens":8000,"stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"output_config":{"format":{"schema":{"additionalProperties":false,"properties":{"days":{"description":"(maximum: 7)","type":"integer"}},"required":["days"],"type":"object"},"type":"json_schema"}}}"#);
        // What the program gave stays.
        let low = ClaudeBuilder::default().output_config(json!({"effort": "low"}));
        insta::assert_snapshot!(sent(low, &request), @r#"{"model":"claude-sonnet-5-5","max_tokens":8000,"stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"output_config":{"effort":"low","format":{"schema":{"additionalProperties":false,"properties":{"days":{"description":"(maximum: 7)","type":"integer"}},"required":["days"],"type":"object"},"type":"json_schema"}}}"#);
        let body = sent(ClaudeBuilder::default().structured_outputs(false), &request);
        assert!(!body.contains("output_config"), "{body}");
    }
}
