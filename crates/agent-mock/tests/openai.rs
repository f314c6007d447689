//! OpenAI's APIs as a client sees them.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use agent_core::{Block, LlmError, StopReason, Usage, model::LlmErrorKind, script::Reply};
use agent_mock::{Answer, Fault, Mock, RateLimit, Scenario};
use common::{server, shown};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

/// One of the two APIs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Api {
    Chat,
    Responses,
}

use Api::{Chat, Responses};

impl Api {
    fn path(self) -> &'static str {
        match self {
            Chat => "/v1/chat/completions",
            Responses => "/v1/responses",
        }
    }

    /// A request that says hi, with these fields.
    fn request(self, fields: Value) -> Value {
        let hi = json!([{"role": "user", "content": "Hi."}]);
        let mut body = match self {
            Chat => json!({"model": "gpt-test", "messages": hi}),
            Responses => json!({"model": "gpt-test", "input": hi}),
        };
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        body
    }
}

fn without_key(server: &Mock, method: Method, path: &str) -> RequestBuilder {
    // The server does not speak TLS. reqwest needs a provider all the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    client.request(method, server.url() + path)
}

fn to(server: &Mock, method: Method, path: &str) -> RequestBuilder {
    without_key(server, method, path).header("authorization", "Bearer any")
}

async fn ask(server: &Mock, api: Api, body: &Value) -> Response {
    to(server, Method::POST, api.path()).body(body.to_string()).send().await.unwrap()
}

async fn json_of(response: Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

async fn read(response: impl Future<Output = Response>) -> Value {
    json_of(response.await).await
}

fn reply() -> Reply {
    let thinking = json!({"type": "thinking", "thinking": "Add them.", "signature": "c2ln"});
    let mut usage = Usage::new(20, 30);
    usage.cache_read_input_tokens = 5;
    Reply::default()
        .and_block(Block::from_json(thinking.into()).unwrap())
        .and_text("Let me see.")
        .and_call("sum", json!({"numbers": [1, 2, 3]}))
        .and_call("now", json!({}))
        .usage(usage)
}

fn fields(api: Api, stream: bool) -> Value {
    match (api, stream) {
        (Chat, true) => json!({"stream": true, "stream_options": {"include_usage": true}}),
        (Responses, _) => {
            json!({"stream": stream, "store": false, "include": ["reasoning.encrypted_content"]})
        }
        (Chat, false) => json!({}),
    }
}

#[tokio::test]
async fn replies_of_chat_completions() {
    let server = server([reply()]).await;
    for stream in [false, true] {
        let response = ask(&server, Chat, &Chat.request(fields(Chat, stream))).await;
        insta::assert_snapshot!(format!("chat_stream_{stream}"), shown(response).await);
    }
}

#[tokio::test]
async fn replies_of_the_responses_api() {
    let server = server([reply()]).await;
    for stream in [false, true] {
        let response = ask(&server, Responses, &Responses.request(fields(Responses, stream))).await;
        insta::assert_snapshot!(format!("responses_stream_{stream}"), shown(response).await);
    }
}

/// What a reply says about its end: in chat completions the finish reason, in the Responses API the
/// status, the details and the types of the items or parts.
async fn ending(api: Api, reply: Reply) -> String {
    let server = server([reply]).await;
    let reply: Value = read(ask(&server, api, &api.request(json!({})))).await;
    match api {
        Chat => reply["choices"][0]["finish_reason"].to_string(),
        Responses => {
            let parts = reply["output"].as_array().unwrap().iter();
            let part = |item: &Value| {
                let kind =
                    if item["type"] == "message" { &item["content"][0]["type"] } else { &item["type"] };
                format!("{} {}", kind.as_str().unwrap(), item["status"].as_str().unwrap())
            };
            let parts: Vec<String> = parts.map(part).collect();
            let [status, details] = [&reply["status"], &reply["incomplete_details"]["reason"]];
            format!("{status} {details} {parts:?} {}", reply["error"])
        }
    }
}

#[tokio::test]
async fn the_script_says_how_a_reply_ends() {
    let text = || Reply::text("no");
    let stop = |reason: StopReason| text().stop(reason);
    let failed = StopReason::Other("failed".to_owned());
    let odd = StopReason::Other("odd".to_owned());
    let cut = Reply::text("a").and_call("f", json!({})).stop(StopReason::MaxTokens);
    let error = r#"{"code":"server_error","message":"The model failed to generate a response."}"#;
    for (reply, chat, responses) in [
        (text(), "stop", r#""completed" null ["output_text completed"] null"#.to_owned()),
        (
            stop(StopReason::StopSequence),
            "stop",
            r#""completed" null ["output_text completed"] null"#.to_owned(),
        ),
        (
            Reply::call("f", json!({})),
            "tool_calls",
            r#""completed" null ["function_call completed"] null"#.to_owned(),
        ),
        (
            cut,
            "length",
            r#""incomplete" "max_output_tokens" ["output_text completed", "function_call incomplete"] null"#
                .to_owned(),
        ),
        (
            stop(StopReason::Refusal),
            "content_filter",
            r#""completed" null ["refusal completed"] null"#.to_owned(),
        ),
        (
            Reply::default().stop(StopReason::Refusal),
            "content_filter",
            r#""incomplete" "content_filter" [] null"#.to_owned(),
        ),
        (stop(failed), "failed", format!(r#""failed" null ["output_text incomplete"] {error}"#)),
        (stop(odd), "odd", r#""incomplete" "odd" ["output_text incomplete"] null"#.to_owned()),
    ] {
        assert_eq!(ending(Chat, reply.clone()).await, format!("{chat:?}"));
        assert_eq!(ending(Responses, reply).await, responses);
    }
}

#[tokio::test]
async fn refusals_have_the_shape_of_the_api() {
    let mut shapes = Vec::new();
    for api in [Chat, Responses] {
        let mut overloaded = LlmError::new(LlmErrorKind::Overloaded, "come back later");
        overloaded.retry_after = Some(Duration::from_secs(2));
        let server = server([Reply::error(overloaded)]).await;
        let mut show = async |request: RequestBuilder| {
            shapes.push(shown(request.send().await.unwrap()).await);
        };
        let post = || to(&server, Method::POST, api.path());
        show(post().body(api.request(json!({})).to_string())).await;
        show(post().body(api.request(json!({"thinking": {}})).to_string())).await;
        show(post().body("{")).await;
        let keyless = || without_key(&server, Method::POST, api.path());
        show(keyless().header("authorization", "Basic x").body("{}")).await;
        show(keyless().body("{}")).await;
        show(to(&server, Method::POST, api.path().trim_start_matches("/v1"))).await;
        show(to(&server, Method::GET, api.path())).await;
        let mut said = api.request(json!({}));
        let messages = said.as_object_mut().unwrap().values_mut().find(|value| value.is_array()).unwrap();
        messages.as_array_mut().unwrap().push(json!({"role": "assistant", "content": "So"}));
        show(post().body(said.to_string())).await;
        assert_eq!(server.count(), 6, "a GET is no request for a reply");
    }
    insta::assert_snapshot!(shapes.join("\n\n"));
}

#[tokio::test]
async fn a_request_without_a_key_is_checked_as_a_compatible_server_does() {
    for api in [Chat, Responses] {
        let server = server([Reply::text("hi")]).await;
        let body = api.request(json!({"top_k": 3})).to_string();
        let keyless = without_key(&server, Method::POST, api.path()).body(body.clone()).send().await.unwrap();
        assert_eq!(keyless.status(), StatusCode::OK, "{api:?}");
        let keyed = to(&server, Method::POST, api.path()).body(body).send().await.unwrap();
        assert_eq!(keyed.status(), StatusCode::BAD_REQUEST, "{api:?}");
    }
}

#[tokio::test]
async fn models_are_listed() {
    let server = server([]).await;
    insta::assert_snapshot!(shown(to(&server, Method::GET, "/v1/models").send().await.unwrap()).await, @r#"
    200
    content-type: application/json
    x-request-id: req_mock_1

    {"data":[{"created":1790000000,"id":"mock","object":"model","owned_by":"agent-mock"}],"object":"list"}
    "#);
    let post = to(&server, Method::POST, "/v1/models").send().await.unwrap();
    assert_eq!(
        (post.status(), post.headers()["allow"].to_str().unwrap()),
        (StatusCode::METHOD_NOT_ALLOWED, "GET")
    );
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_request_is_read_as_one_of_the_messages_api_is() {
    let scenario = || {
        Scenario::by(|request| {
            Reply::text(format!("{:?} {} {:?}", request.agent, request.turn, request.last_text()))
        })
        .and_agent("lead", [Reply::text("L"), Reply::text("second")])
    };
    let text = async |api: Api, messages: Value, fields: Value| {
        let server = Mock::start(scenario()).await.unwrap();
        let mut body = api.request(fields);
        body[if api == Chat { "messages" } else { "input" }] = messages;
        let said = ask(&server, api, &body).await;
        let reply: Value = serde_json::from_str(&said.text().await.unwrap()).unwrap();
        let agent = server.requests()[0].agent.clone();
        let text = match api {
            Chat => &reply["choices"][0]["message"]["content"],
            Responses => &reply["output"][0]["content"][0]["text"],
        };
        (text.as_str().unwrap().to_owned(), agent)
    };
    let lead = || Some("lead".to_owned());
    let [user, assistant] = ["user", "assistant"].map(|role| json!({"role": role, "content": "x"}));
    let system = |role: &str| json!({"role": role, "content": "You are the lead."});
    for api in [Chat, Responses] {
        let part = if api == Chat { "text" } else { "input_text" };
        let parts =
            json!([{"role": "user", "content": [{"type": part, "text": "a"}, {"type": part, "text": "b"}]}]);
        assert_eq!(text(api, parts, json!({})).await, (r#"None 0 "ab""#.to_owned(), None));
        for role in ["system", "developer"] {
            let messages = json!([system(role), user, assistant, user]);
            assert_eq!(text(api, messages, json!({})).await, ("second".to_owned(), lead()));
        }
        let late = json!([user, system("system")]);
        assert_eq!(text(api, late, json!({})).await.1, None, "only the beginning is a system prompt");
    }
    let instructed = text(Responses, json!([user]), json!({"instructions": "You are the lead."})).await;
    assert_eq!(instructed, ("L".to_owned(), lead()));
    let calls = json!([{"id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]);
    let result = json!([user, {"role": "assistant", "content": null, "tool_calls": calls}, {"role": "tool", "tool_call_id": "a", "content": "42"}]);
    assert_eq!(text(Chat, result, json!({})).await.0, r#"None 1 """#);
    let call = |id: &str| json!({"type": "function_call", "call_id": id, "name": "f", "arguments": ""});
    let output = |id: &str| json!({"type": "function_call_output", "call_id": id, "output": "42"});
    let items =
        json!([user, assistant, call("a"), call("b"), output("a"), output("b"), call("c"), output("c")]);
    assert_eq!(text(Responses, items, json!({})).await.0, r#"None 2 """#);
}

#[tokio::test]
async fn the_default_scenario_calls_a_tool_and_repeats_what_it_said() {
    let schema = json!({"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]});
    let server = Mock::start(Scenario::default()).await.unwrap();
    let function = json!({"name": "f", "parameters": schema});
    let mut body = Chat.request(json!({"tools": [{"type": "function", "function": function}]}));
    let reply: Value = read(ask(&server, Chat, &body)).await;
    let message = &reply["choices"][0]["message"];
    assert_eq!(message["tool_calls"][0]["function"], json!({"name": "f", "arguments": "{\"x\":1}"}));
    let result = json!({"role": "tool", "tool_call_id": "call_0_0", "content": "42"});
    body["messages"].as_array_mut().unwrap().extend([message.clone(), result]);
    // What a server says, it takes back.
    body["messages"][1].as_object_mut().unwrap().remove("annotations");
    let reply: Value = read(ask(&server, Chat, &body)).await;
    assert_eq!(reply["choices"][0]["message"]["content"], "The tools said: 42");

    let tool = json!({"type": "function", "name": "f", "parameters": schema});
    let mut body = Responses.request(json!({"tools": [tool]}));
    let reply: Value = read(ask(&server, Responses, &body)).await;
    assert_eq!(reply["output"][0]["arguments"], "{\"x\":1}");
    let result = json!({"type": "function_call_output", "call_id": "call_0_0", "output": "42"});
    body["input"].as_array_mut().unwrap().extend([reply["output"][0].clone(), result]);
    let reply: Value = read(ask(&server, Responses, &body)).await;
    assert_eq!(reply["output"][0]["content"][0]["text"], "The tools said: 42");
}

#[tokio::test]
async fn a_request_continues_a_reply_that_the_server_keeps() {
    let thinking = json!({"type": "thinking", "thinking": "Hm.", "signature": "c2ln"});
    let first =
        Reply::default().and_block(Block::from_json(thinking.into()).unwrap()).and_call("f", json!({}));
    let server = server([first, Reply::text("done")]).await;
    let reply: Value = read(ask(&server, Responses, &Responses.request(json!({"input": "Go."})))).await;
    let id = reply["id"].clone();
    let output = json!([{"type": "function_call_output", "call_id": "call_0_1", "output": "42"}]);
    let continued = |id: &Value| Responses.request(json!({"previous_response_id": id, "input": output}));
    let second: Value = read(ask(&server, Responses, &continued(&id))).await;
    assert_eq!(second["output"][0]["content"][0]["text"], "done");
    assert_eq!(second["previous_response_id"], id);
    let whole = &server.requests()[1];
    assert_eq!((whole.turn, whole.attempt, whole.body["input"].as_array().unwrap().len()), (1, 1, 4));
    let named =
        json!([{"type": "item_reference", "id": reply["output"][0]["id"]}, reply["output"][1], output[0]]);
    assert_eq!(
        ask(&server, Responses, &Responses.request(json!({"input": named}))).await.status(),
        StatusCode::OK
    );
    for (body, status, message) in [
        (continued(&json!("resp_9")), 400, "Previous response with id 'resp_9' not found."),
        (
            Responses.request(json!({"input": [{"type": "item_reference", "id": "rs_9"}]})),
            404,
            "Item with id 'rs_9' not found. Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input.",
        ),
    ] {
        let refused = ask(&server, Responses, &body).await;
        assert_eq!(refused.status().as_u16(), status);
        let error: Value = json_of(refused).await;
        assert_eq!(error["error"]["message"], message);
    }
    let unkept: Value = read(ask(&server, Responses, &Responses.request(json!({"store": false})))).await;
    assert_eq!(ask(&server, Responses, &continued(&unkept["id"])).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn requests_over_the_rate_limit_are_refused_and_counted() {
    // The limit is too slow to allow another request while the test runs.
    let limit = RateLimit::new(1.0 / 1800.0, 1).with_headers();
    let server = Mock::start(Scenario::new([Reply::text("hi")]).rate_limit(limit)).await.unwrap();
    let left = |response: &Response| response.headers()["x-ratelimit-remaining-requests"].clone();
    let taken = ask(&server, Chat, &Chat.request(json!({}))).await;
    assert_eq!((taken.status(), left(&taken).to_str().unwrap()), (StatusCode::OK, "0"));
    let over = ask(&server, Responses, &Responses.request(json!({}))).await;
    assert_eq!((over.status(), left(&over).to_str().unwrap()), (StatusCode::TOO_MANY_REQUESTS, "0"));
    assert_eq!(over.headers()["retry-after"], "1800");
    let error: Value = json_of(over).await;
    assert_eq!(
        (&error["error"]["type"], &error["error"]["code"]),
        (&json!("requests"), &json!("rate_limit_exceeded"))
    );
    assert_eq!((server.count(), server.refused(), server.requests().len()), (2, 1, 1));
}

/// A request whose answer has this fault: the status, and the body or `None` if it is cut.
async fn with_fault(api: Api, fault: Fault, stream: bool) -> (u16, Option<String>) {
    let server = Mock::start(Scenario::new([Reply::text("one two")]).fault(0, [fault])).await.unwrap();
    let answer = ask(&server, api, &api.request(json!({"stream": stream}))).await;
    (answer.status().as_u16(), answer.text().await.ok())
}

#[tokio::test]
async fn faults_have_the_form_of_the_api() {
    for api in [Chat, Responses] {
        let said = async |fault: Fault| with_fault(api, fault, true).await.1.unwrap();
        let refused =
            r#"{"error":{"message":"Service Unavailable","type":"server_error","param":null,"code":null}}"#;
        let (status, body) = with_fault(api, Fault::status(503), true).await;
        assert_eq!((status, body.as_deref()), (503, Some(refused)));
        let page = Fault::answer(Answer::new(502).body("<p>"));
        assert_eq!(with_fault(api, page, false).await, (502, Some("<p>".to_owned())));
        assert_eq!(with_fault(api, Fault::cut("one"), true).await, (200, None));
        assert_eq!(with_fault(api, Fault::end(40), false).await.1.unwrap().len(), 40);
        assert!(said(Fault::end("one")).await.ends_with("one"));
        assert!(said(Fault::drip(9, Duration::ZERO)).await.contains("two"));
        assert!(said(Fault::event("one", "", "{")).await.contains("\n\ndata: {\n\n"));
        let (status, body) = with_fault(api, Fault::cut("three"), true).await;
        assert!(status == 500 && body.unwrap().contains("turn 0: the fault is after"));
        let scenario =
            Scenario::new([Reply::text("one")]).fault(0, [Fault::pings(0, Duration::from_millis(1))]);
        let server = Mock::start(scenario).await.unwrap();
        let mut open = ask(&server, api, &api.request(json!({"stream": true}))).await;
        assert_eq!(open.chunk().await.unwrap().unwrap(), ": keep-alive\n\n");
    }
    let error = async |api: Api| {
        with_fault(api, Fault::error_event("one", "server_error", "Oh."), true).await.1.unwrap()
    };
    let event = r#"data: {"error":{"code":null,"message":"Oh.","param":null,"type":"server_error"}}"#;
    assert!(error(Chat).await.contains(&format!("\n\n{event}\n\n")));
    let event =
        r#"data: {"code":"server_error","message":"Oh.","param":null,"sequence_number":5,"type":"error"}"#;
    assert!(error(Responses).await.contains(&format!("\n\nevent: error\n{event}\n\n")));
}

#[tokio::test]
async fn what_an_api_has_no_form_for_is_an_error_that_is_not_retried() {
    let block =
        Block::from_json(json!({"type": "web_search_call", "id": "ws_1", "status": "completed"}).into())
            .unwrap();
    let server = server([Reply::default().and_block(block)]).await;
    let said = ask(&server, Chat, &Chat.request(json!({}))).await;
    assert_eq!((said.status().as_u16(), &said.headers()["x-should-retry"]), (500, &"false".parse().unwrap()));
    let error: Value = json_of(said).await;
    assert_eq!(
        error["error"]["message"],
        r#"turn 0: chat completions have no form for a content block of the type "web_search_call""#
    );
    let said: Value = read(ask(&server, Responses, &Responses.request(json!({})))).await;
    assert_eq!(said["output"], json!([{"type": "web_search_call", "id": "ws_1", "status": "completed"}]));
    let several = ask(&server, Chat, &Chat.request(json!({"n": 2}))).await;
    assert_eq!(several.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn long_requests_are_refused() {
    let server = Mock::start(Scenario::new([Reply::text("hi")]).context(20)).await.unwrap();
    let long = "x".repeat(400);
    for (body, api) in [
        (json!({"model": "m", "messages": [{"role": "user", "content": long}]}), Chat),
        (json!({"model": "m", "input": long}), Responses),
    ] {
        let error: Value = read(ask(&server, api, &body)).await;
        assert_eq!(error["error"]["code"], "context_length_exceeded", "{api:?}");
        assert_eq!(ask(&server, api, &api.request(json!({}))).await.status(), StatusCode::OK);
    }
}
