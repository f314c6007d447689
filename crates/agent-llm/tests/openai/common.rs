//! Servers that speak OpenAI's APIs, and ways to ask them.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use agent_llm::{Llm, LlmError, Message, OpenAi, OpenAiBuilder, Request, Response, fold};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Respond, ResponseTemplate, matchers::any};

pub(crate) const KEY: &str = "sk-s3cret";

/// An API, and whether replies are streamed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Way {
    pub(crate) is_chat: bool,
    pub(crate) streaming: bool,
}

/// Each API, streamed and not.
pub(crate) const WAYS: [Way; 4] = [
    Way { is_chat: true, streaming: true },
    Way { is_chat: true, streaming: false },
    Way { is_chat: false, streaming: true },
    Way { is_chat: false, streaming: false },
];

pub(crate) const CHAT: Way = WAYS[0];

/// The id, the name and the arguments of a call.
pub(crate) type Call<'a> = (&'a str, &'a str, &'a str);

impl Way {
    /// Settings for a server on loopback, without retries.
    pub(crate) fn settings(self, url: impl Into<String>) -> OpenAiBuilder {
        let settings = OpenAi::builder().key(KEY).base_url(url).max_retries(0).streaming(self.streaming);
        if self.is_chat { settings.chat() } else { settings.responses() }
    }

    /// A reply of these words and calls.
    pub(crate) fn reply(self, text: &str, calls: &[Call<'_>]) -> ResponseTemplate {
        match self.is_chat {
            true => self.chat(text, calls),
            false => self.responses(text, calls),
        }
    }

    fn chat(self, text: &str, calls: &[Call<'_>]) -> ResponseTemplate {
        let call = |(place, (id, name, arguments)): (usize, &Call<'_>)| json!({"index": place, "id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
        let calls: Vec<Value> = calls.iter().enumerate().map(call).collect();
        let finish = if calls.is_empty() { "stop" } else { "tool_calls" };
        let message = json!({"role": "assistant", "content": text, "tool_calls": calls});
        let usage = json!({"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4});
        if !self.streaming {
            let choices = json!([{"index": 0, "message": message, "finish_reason": finish}]);
            return ResponseTemplate::new(200)
                .set_body_json(json!({"id": "c_1", "model": "m", "choices": choices, "usage": usage}));
        }
        let chunk = |choices: Value| json!({"id": "c_1", "model": "m", "choices": choices});
        let mut last = chunk(json!([]));
        last["usage"] = usage;
        events(&[
            chunk(json!([{"index": 0, "delta": message, "finish_reason": null}])).to_string(),
            chunk(json!([{"index": 0, "delta": {}, "finish_reason": finish}])).to_string(),
            last.to_string(),
            "[DONE]".to_owned(),
        ])
    }

    fn responses(self, text: &str, calls: &[Call<'_>]) -> ResponseTemplate {
        let mut output =
            vec![json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gA"})];
        if !text.is_empty() {
            let content = json!([{"type": "output_text", "text": text, "annotations": []}]);
            output.push(json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}));
        }
        output.extend(calls.iter().map(|(id, name, arguments)| {
            json!({"type": "function_call", "call_id": id, "name": name, "arguments": arguments})
        }));
        let usage = json!({"input_tokens": 3, "output_tokens": 1, "total_tokens": 4});
        let response =
            json!({"id": "resp_1", "model": "m", "status": "completed", "output": output, "usage": usage});
        if !self.streaming {
            return ResponseTemplate::new(200).set_body_json(response);
        }
        let done = |(place, item): (usize, &Value)| {
            json!({"type": "response.output_item.done", "output_index": place, "item": item}).to_string()
        };
        let mut all =
            vec![json!({"type": "response.created", "response": {"id": "resp_1", "model": "m"}}).to_string()];
        all.extend(output.iter().enumerate().map(done));
        all.push(json!({"type": "response.completed", "response": response}).to_string());
        events(&all)
    }
}

/// A stream of these events.
pub(crate) fn events(events: &[String]) -> ResponseTemplate {
    let events: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    ResponseTemplate::new(200).set_body_raw(events, "text/event-stream")
}

/// Gives these answers one after the other, and the last one again and again.
struct Answers(Mutex<VecDeque<ResponseTemplate>>);

impl Respond for Answers {
    fn respond(&self, _: &wiremock::Request) -> ResponseTemplate {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() > 1 { left.pop_front().unwrap() } else { left[0].clone() }
    }
}

/// A server that gives these answers.
pub(crate) async fn server(answers: impl IntoIterator<Item = ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    let answers = Answers(Mutex::new(answers.into_iter().collect()));
    Mock::given(any()).respond_with(answers).mount(&server).await;
    server
}

/// The bodies that a server was sent.
pub(crate) async fn bodies(server: &MockServer) -> Vec<Value> {
    let requests = server.received_requests().await.unwrap();
    requests.iter().map(|request| request.body_json().unwrap()).collect()
}

pub(crate) fn hi() -> Request {
    Request::new(vec![Message::user("hi")])
}

pub(crate) async fn ask(settings: OpenAiBuilder) -> Result<Response, LlmError> {
    let openai = settings.build().unwrap();
    fold(openai.stream(hi()), |_| {}).await
}

pub(crate) fn text(response: &Response) -> String {
    Message::assistant(response.content.clone()).text()
}
