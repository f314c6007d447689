//! Servers, and ways to ask them.

use agent_llm::{Llm, LlmError, Message, Request, fold};
use serde_json::json;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

/// A streamed reply of Claude that says "Hello!".
pub(crate) fn hello() -> ResponseTemplate {
    let events = [
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello!"}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}),
        json!({"type": "message_stop"}),
    ];
    let events: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    ResponseTemplate::new(200).set_body_raw(events, "text/event-stream")
}

/// A server that gives these answers, and the last one again and again.
pub(crate) async fn server(answers: impl IntoIterator<Item = ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    let mut answers = answers.into_iter().peekable();
    while let Some(answer) = answers.next() {
        let mock = Mock::given(any()).respond_with(answer);
        let mock = if answers.peek().is_some() { mock.up_to_n_times(1) } else { mock };
        mock.mount(&server).await;
    }
    server
}

pub(crate) fn hi() -> Request {
    Request::new(vec![Message::user("hi")])
}

/// What the model says.
pub(crate) async fn ask(llm: &impl Llm) -> Result<String, LlmError> {
    let reply = fold(llm.stream(hi()), |_| {}).await?;
    Ok(Message::assistant(reply.content).text())
}

/// The requests as they came: method, path and query, what names the asker, and the body.
pub(crate) async fn received(server: &MockServer) -> String {
    let mut shown = String::new();
    for request in server.received_requests().await.unwrap() {
        let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        shown += &format!("{} {}{query}\n", request.method, request.url.path());
        for name in ["authorization", "api-key", "x-api-key", "anthropic-version"] {
            if let Some(value) = request.headers.get(name) {
                shown += &format!("{name}: {}\n", value.to_str().unwrap());
            }
        }
        shown += &format!("{}\n", String::from_utf8_lossy(&request.body));
    }
    shown
}
