//! What is sent, and what is read of an answer.

use std::time::Duration;

use agent_core::model::PreviousReply;
use agent_llm::{Block, Delta, Gate, Llm, Message, Notice, OpenAi, OpenAiBuilder, StopReason, Usage, fold};
use futures::StreamExt;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::common::{CHAT, KEY, WAYS, Way, ask, bodies, hi, server, text};

#[tokio::test]
async fn each_api_is_asked_at_its_place_with_the_key_and_read_streamed_or_not() {
    for way in WAYS {
        let server = server([way.reply("Hello!", &[("a", "f", r#"{"x": 1}"#)])]).await;
        let settings =
            way.settings(format!("{}/v1", server.uri())).model("m").organization("org").project("proj");
        let reply = ask(settings).await.unwrap();
        assert_eq!((text(&reply).as_str(), reply.usage), ("Hello!", Usage::new(3, 1)), "{way:?}");
        assert_eq!(reply.stop_reason, StopReason::ToolUse);
        assert_eq!(reply.tool_calls().next().unwrap().input.text(), r#"{"x": 1}"#);
        let asked = &server.received_requests().await.unwrap()[0];
        let header = |name: &str| asked.headers.get(name).unwrap().to_str().unwrap();
        assert_eq!(asked.url.path(), if way.is_chat { "/v1/chat/completions" } else { "/v1/responses" });
        assert_eq!(header("authorization"), format!("Bearer {KEY}"));
        assert_eq!((header("openai-organization"), header("openai-project")), ("org", "proj"));
        assert_eq!(header("accept"), if way.streaming { "text/event-stream" } else { "application/json" });
        let body: Value = asked.body_json().unwrap();
        assert_eq!((&body["model"], &body["stream"]), (&json!("m"), &json!(way.streaming)));
    }
}

#[tokio::test]
async fn a_compatible_server_needs_no_key_and_gets_none() {
    let server = server([CHAT.reply("Hello!", &[])]).await;
    let model = OpenAi::compatible(server.uri()).model("qwen3").build().unwrap();
    assert_eq!(text(&fold(model.stream(hi()), |_| {}).await.unwrap()), "Hello!");
    let asked = &server.received_requests().await.unwrap()[0];
    assert!(asked.headers.get("authorization").is_none() && asked.url.path() == "/chat/completions");
    let other = model.with(|settings| settings.model("llama5")).unwrap();
    fold(other.stream(hi()), |_| {}).await.unwrap();
    assert_eq!(bodies(&server).await[1]["model"], "llama5");
}

#[tokio::test]
async fn a_tool_with_a_long_name_is_called_by_its_own() {
    for way in WAYS {
        let name = "n".repeat(100);
        let mut request = hi();
        request.tools = [agent_llm::ToolSpec::new(&name, "", json!({"type": "object"}))].into();
        let echo = server([ResponseTemplate::new(500)]).await;
        let openai = way.settings(echo.uri()).build().unwrap();
        fold(openai.stream(request.clone()), |_| {}).await.unwrap_err();
        let body = bodies(&echo).await.remove(0);
        let tool = &body["tools"][0];
        let sent = tool["name"].as_str().or(tool["function"]["name"].as_str()).unwrap().to_owned();
        assert!(sent.len() == 64 && name.starts_with(&sent[..40]), "{sent}");
        let server = server([way.reply("", &[("a", &sent, "{}")])]).await;
        let openai = way.settings(server.uri()).build().unwrap();
        let reply = fold(openai.stream(request), |_| {}).await.unwrap();
        assert_eq!(reply.tool_calls().next().unwrap().name, name, "{way:?}");
    }
}

#[tokio::test]
async fn the_gate_learns_from_the_head_of_an_answer() {
    for way in WAYS {
        let answer = way
            .reply("hi", &[])
            .insert_header("x-ratelimit-limit-requests", "60")
            .insert_header("x-ratelimit-remaining-requests", "0")
            .insert_header("x-ratelimit-reset-requests", "10m0s");
        let server = server([answer]).await;
        let gate = Gate::new();
        let openai = way.settings(server.uri()).gate(gate.clone()).build().unwrap();
        fold(openai.stream(hi()), |_| {}).await.unwrap();
        let said = openai.stream(hi()).next().await;
        let Some(Ok(Delta::Notice(Notice::Wait { wait, .. }))) = said else { panic!("{said:?}") };
        assert!(wait > Duration::from_secs(1), "{wait:?}");
        assert_eq!(server.received_requests().await.unwrap().len(), 1, "{way:?}");
    }
}

const RESPONSES: [Way; 2] = [WAYS[2], WAYS[3]];

/// The code and the message of an error.
type Refusal<'a> = (Value, &'a str);

/// The bodies that a server is sent which refuses the first request, when the client asks once more
/// later, streamed or not.
async fn refused_once(
    (code, message): Refusal<'_>,
    request: agent_llm::Request,
    ways: &[Way],
    set_up: fn(OpenAiBuilder) -> OpenAiBuilder,
) -> Vec<Value> {
    let mut all = Vec::new();
    for way in ways {
        let error = json!({"message": message, "type": "invalid_request_error", "param": null, "code": code});
        let refusal = ResponseTemplate::new(400).set_body_json(json!({"error": error}));
        let server = server([refusal, way.reply("hi", &[])]).await;
        let openai = set_up(way.settings(server.uri())).build().unwrap();
        let mut later = request.clone();
        later.previous_reply = None;
        let mut retries = 0;
        let count = |delta: &Delta| {
            retries += usize::from(matches!(delta, Delta::Notice(Notice::Retry { .. })));
        };
        let reply = fold(openai.stream(request.clone()), count).await.unwrap();
        assert_eq!((text(&reply).as_str(), retries), ("hi", 1));
        // What the client has learnt.
        fold(openai.stream(later), |_| {}).await.unwrap();
        all = bodies(&server).await;
        assert_eq!(all.len(), 3, "{way:?}");
    }
    all
}

#[tokio::test]
async fn a_reply_that_the_server_lost_is_sent_with_all_of_the_history() {
    let from = r#"{"type":"openai:origin","from":"own/responses"}"#;
    let said = Message::assistant(vec![Block::text("Where?"), serde_json::from_str(from).unwrap()]);
    let mut request = hi();
    request.messages.extend([said.clone(), Message::user("Oslo.")]);
    request.previous_reply = Some(PreviousReply { response: "resp_0".into(), messages: 2, reply: said });
    for (code, message) in [
        (json!("previous_response_not_found"), "Previous response with id 'resp_0' not found."),
        // As other servers say it.
        (Value::Null, "Response resp_0 was not found"),
        (Value::Null, "Unsupported parameter: previous_response_id"),
    ] {
        let set_up = |settings: OpenAiBuilder| settings.store(true).origin("own");
        let bodies = refused_once((code, message), request.clone(), &RESPONSES, set_up).await;
        let asked = bodies
            .iter()
            .map(|body| (body["previous_response_id"].clone(), body["input"].as_array().unwrap().len()));
        assert_eq!(asked.take(2).collect::<Vec<_>>(), [(json!("resp_0"), 1), (Value::Null, 3)], "{message}");
    }
}

#[tokio::test]
async fn fault_40_reasoning_that_a_server_can_not_read_is_left_out_and_not_refused_for_ever() {
    let item = r#"{"type":"openai:item","item":{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gA"}}"#;
    let item: Block = serde_json::from_str(item).unwrap();
    let mut request = hi();
    request.messages.extend([Message::assistant(vec![item, Block::text("So.")]), Message::user("And?")]);
    let message = "The encrypted content gA could not be verified.";
    let bodies =
        refused_once((json!("invalid_encrypted_content"), message), request, &RESPONSES, |settings| settings)
            .await;
    let kinds = |body: &Value| {
        body["input"].as_array().unwrap().iter().map(|item| item["type"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&bodies[0]), ["message", "reasoning", "message", "message"]);
    assert_eq!(kinds(&bodies[1]), ["message", "message", "message"]);
}

#[tokio::test]
async fn a_model_that_does_not_reason_is_asked_for_no_reasoning_from_then_on() {
    let message = "Encrypted content is not supported with this model.";
    let bodies = refused_once((Value::Null, message), hi(), &RESPONSES, |settings| settings).await;
    let included = bodies.iter().map(|body| body.get("include").is_some());
    assert_eq!(included.collect::<Vec<_>>(), [true, false, false]);
}

#[tokio::test]
async fn a_server_that_does_not_know_a_field_is_sent_it_once() {
    let message = "body.stream_options: Extra inputs are not permitted";
    let bodies = refused_once((Value::Null, message), hi(), &WAYS[..1], |settings| settings).await;
    let sent = bodies.iter().map(|body| body.get("stream_options").is_some());
    assert_eq!(sent.collect::<Vec<_>>(), [true, false, false]);
}

#[tokio::test]
async fn a_server_that_takes_only_short_ids_of_calls_gets_them_from_then_on() {
    let mut request = hi();
    let call = Block::tool_use("call_1", "f", json!({}));
    let result = Block::tool_result("call_1", "2".into(), false);
    request.messages.extend([Message::assistant(vec![call]), Message::user(vec![result])]);
    let message = "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.";
    let refused = (json!("3280"), message);
    let bodies = refused_once(refused, request, &WAYS[..2], |settings| settings).await;
    let ids = |body: &Value| {
        let messages = &body["messages"];
        let (called, answered) = (&messages[1]["tool_calls"][0]["id"], &messages[2]["tool_call_id"]);
        assert_eq!(called, answered);
        called.as_str().unwrap().to_owned()
    };
    let [first, second, later] = [0, 1, 2].map(|place| ids(&bodies[place]));
    assert_eq!((first.as_str(), second.len(), &later), ("call_1", 9, &second));
}

#[tokio::test]
async fn a_template_that_refuses_messages_in_a_row_gets_them_as_one() {
    let mut request = hi();
    request.messages.push(Message::user("And?"));
    let message = "Conversation roles must alternate user/assistant/user/assistant/...";
    let bodies = refused_once((Value::Null, message), request, &WAYS[..2], |settings| settings).await;
    let sent = bodies.iter().map(|body| body["messages"].as_array().unwrap().len());
    assert_eq!(sent.collect::<Vec<_>>(), [2, 1, 1]);
}
