//! A reply, as each API writes it.

use serde_json::{Map, Value, json};

use super::Api;

#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) parts: Vec<Part>,
    pub(super) end: End,
}

/// A part of a reply. Of kinds that an API has several of, the number picks one.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Text(&'static str),
    Thinking(usize),
    Refusal(&'static str),
    Call(Call),
    /// What only this API has.
    Other(usize),
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    /// JSON, or what a model wrote in its place.
    pub(super) input: String,
}

/// Why the reply ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Whole,
    Cut,
    Refused,
    Paused,
    Unknown,
}

impl Reply {
    pub(super) fn done() -> Self {
        Self { parts: vec![Part::Text("Done.")], end: End::Whole }
    }

    fn calls(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Call(_)))
    }

    pub(super) fn written(&self, api: Api) -> Value {
        match api {
            Api::Claude => self.of_claude(),
            Api::Chat | Api::CompatibleChat | Api::Mistral => self.of_chat(api),
            Api::Responses | Api::CompatibleResponses => self.of_responses(api),
        }
    }

    fn of_claude(&self) -> Value {
        let content: Vec<Value> = self.parts.iter().flat_map(claudes_blocks).collect();
        let reason = match self.end {
            End::Whole if self.calls() => "tool_use",
            End::Whole => "end_turn",
            End::Cut => "max_tokens",
            End::Refused => "refusal",
            End::Paused => "pause_turn",
            End::Unknown => "bored",
        };
        json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": content,
            "stop_reason": reason, "usage": {"input_tokens": 1, "output_tokens": 1}})
    }

    fn of_chat(&self, api: Api) -> Value {
        let mut message = Map::from_iter([("role".to_owned(), json!("assistant"))]);
        let mut calls = Vec::new();
        for part in &self.parts {
            add_to_message(api, part, &mut message, &mut calls);
        }
        if !calls.is_empty() {
            message.insert("tool_calls".to_owned(), calls.into());
        }
        let reason = match self.end {
            End::Whole if self.calls() => "tool_calls",
            End::Whole | End::Paused => "stop",
            End::Cut => "length",
            End::Refused => "content_filter",
            End::Unknown => "bored",
        };
        json!({"id": "chatcmpl-1", "object": "chat.completion", "model": "m",
            "choices": [{"index": 0, "message": message, "finish_reason": reason}]})
    }

    fn of_responses(&self, api: Api) -> Value {
        let places = self.parts.iter().enumerate();
        let items: Vec<Value> = places.map(|(place, part)| item(api, place, part)).collect();
        let (status, details) = match self.end {
            End::Whole | End::Paused => ("completed", Value::Null),
            End::Cut => ("incomplete", json!({"reason": "max_output_tokens"})),
            End::Refused => ("incomplete", json!({"reason": "content_filter"})),
            End::Unknown => ("incomplete", json!({"reason": "bored"})),
        };
        json!({"id": "resp_1", "object": "response", "model": "m", "status": status,
            "incomplete_details": details, "output": items})
    }
}

fn claudes_blocks(part: &Part) -> Vec<Value> {
    let read = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    match part {
        Part::Text(text) | Part::Refusal(text) => vec![json!({"type": "text", "text": text})],
        Part::Thinking(number) => vec![read(match number {
            0 => r#"{"type":"thinking","thinking":"hm","signature":"c2ln"}"#,
            1 => r#"{"type":"thinking","thinking":"","signature":"c2ln"}"#,
            // As some servers that speak like Claude's write it.
            2 => r#"{"type":"thinking","thinking":"hm","signature":""}"#,
            _ => r#"{"type":"redacted_thinking","data":"eA=="}"#,
        })],
        Part::Call(Call { id, name, input }) => {
            let input: Value = serde_json::from_str(input).unwrap_or_default();
            vec![json!({"type": "tool_use", "id": id, "name": name, "input": input})]
        }
        Part::Other(number) => match number {
            0 => vec![
                read(r#"{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}"#),
                read(r#"{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]}"#),
            ],
            1 => vec![read(r#"{"type":"text","text":"cited","citations":[{"type":"char_location"}]}"#)],
            2 => vec![read(r#"{"type":"hologram","data":7}"#)],
            3 => vec![read(r#"{"type":"tool_result","tool_use_id":"call_1","content":"made up"}"#)],
            4 => vec![read(r#"{"type":"compaction","content":"so far"}"#)],
            _ => vec![read(
                r#"{"type":"tool_use","id":"x","name":"give","input":{},"caller":{"type":"direct"}}"#,
            )],
        },
    }
}

/// What only the server can read that wrote it has its name.
fn add_to_message(api: Api, part: &Part, message: &mut Map<String, Value>, calls: &mut Vec<Value>) {
    let sealed = format!("{api:?}");
    let mut append = |field: &str, text: &str| {
        let said = message.entry(field).or_insert_with(|| "".into());
        *said = format!("{}{text}", said.as_str().unwrap_or_default()).into();
    };
    match part {
        Part::Text(text) => append("content", text),
        Part::Refusal(text) => append("refusal", text),
        Part::Thinking(0 | 1) => append("reasoning_content", "hm"),
        Part::Thinking(2) => append("reasoning", "hm"),
        Part::Thinking(_) => append("thinking", "hm"),
        Part::Call(Call { id, name, input }) => {
            let function = json!({"name": name, "arguments": input});
            calls.push(json!({"id": id, "type": "function", "function": function}));
        }
        Part::Other(number) => {
            let (field, value) = match number {
                0 => ("reasoning_details", json!([{"type": "reasoning.encrypted", "data": sealed}])),
                1 => ("annotations", json!([{"type": "url_citation"}])),
                2 => ("audio", json!({"id": "audio_1"})),
                3 => ("hologram", json!(7)),
                4 => ("content", json!(null)),
                _ => {
                    let function = json!({"name": "give", "arguments": "{}"});
                    let google = json!({"google": {"thought_signature": sealed}});
                    calls.push(
                        json!({"id": "x", "type": "function", "function": function, "extra_content": google}),
                    );
                    return;
                }
            };
            message.insert(field.to_owned(), value);
        }
    }
}

fn item(api: Api, place: usize, part: &Part) -> Value {
    let sealed = format!("{api:?}");
    let said = |content: Value| {
        json!({"type": "message", "id": format!("msg_{place}"), "role": "assistant", "status": "completed",
            "content": [content]})
    };
    let text = |text: &str| json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []});
    let id = format!("rs_{place}_{sealed}");
    match part {
        Part::Text(words) => said(text(words)),
        Part::Refusal(words) => said(json!({"type": "refusal", "refusal": words})),
        Part::Thinking(0) => {
            json!({"type": "reasoning", "id": id, "summary": [], "encrypted_content": sealed})
        }
        Part::Thinking(1) => json!({"type": "reasoning", "id": id, "summary": []}),
        Part::Thinking(2) => {
            let summary = json!([{"type": "summary_text", "text": "hm"}]);
            json!({"type": "reasoning", "id": id, "summary": summary, "encrypted_content": null, "status": null})
        }
        Part::Thinking(_) => {
            let content = json!([{"type": "reasoning_text", "text": "hm"}]);
            json!({"type": "reasoning", "id": id, "summary": [], "content": content, "status": "completed"})
        }
        Part::Call(Call { id, name, input }) => {
            json!({"type": "function_call", "id": format!("fc_{place}"), "call_id": id, "name": name,
                "arguments": input, "status": "completed"})
        }
        Part::Other(0) => {
            json!({"type": "web_search_call", "id": format!("ws_{place}_{sealed}"), "status": "completed",
                "action": {"type": "search", "query": "x"}})
        }
        Part::Other(1) => {
            json!({"type": "compaction", "id": format!("cmp_{place}_{sealed}"), "encrypted_content": sealed})
        }
        Part::Other(2) => json!({"type": "hologram", "id": format!("h_{place}_{sealed}"), "data": 7}),
        Part::Other(3) => {
            let mut message = said(text("Found."));
            message["phase"] = "commentary".into();
            message["content"][0]["annotations"] = json!([{"type": "url_citation", "url": "https://x.test"}]);
            message
        }
        Part::Other(4) => {
            json!({"type": "message", "id": format!("msg_{place}"), "role": "assistant", "status": "incomplete",
                "content": []})
        }
        Part::Other(_) => {
            json!({"type": "function_call", "id": format!("fc_{place}"), "call_id": "x", "name": "give",
                "arguments": "{}", "namespace": "ns"})
        }
    }
}
