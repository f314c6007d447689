//! The Messages API, as the plain loop speaks it.

use schemars::Schema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::Api;
use crate::{Done, ours::PROMPT, plot::TOOL, work::Input};

pub(super) enum Claude {}

#[derive(Serialize)]
struct Asked<'a> {
    model: &'static str,
    max_tokens: u32,
    stream: bool,
    system: &'static str,
    tools: &'a Value,
    messages: &'a [Message],
}

#[derive(Serialize)]
pub(super) struct Message {
    role: &'static str,
    content: Vec<Block>,
}

/// A content block, of the kinds that are said here.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block {
    Text { text: String },
    ToolUse { id: String, name: String, input: Value },
    ToolResult { tool_use_id: String, content: String },
}

#[derive(Default, Deserialize)]
pub(super) struct Reply {
    content: Vec<Block>,
    stop_reason: Option<String>,
    /// What has come of the input of the last call.
    #[serde(skip)]
    input: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Event {
    ContentBlockStart {
        content_block: Block,
    },
    ContentBlockDelta {
        delta: Delta,
    },
    ContentBlockStop,
    MessageDelta {
        delta: Stop,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Delta {
    TextDelta { text: String },
    InputJsonDelta { partial_json: String },
}

#[derive(Deserialize)]
pub(super) struct Stop {
    stop_reason: Option<String>,
}

impl Api for Claude {
    const HEADERS: &'static [(&'static str, &'static str)] =
        &[("anthropic-version", "2026-10-21"), ("x-api-key", "bench")];
    type Item = Message;
    type Reply = Reply;
    type Event = Event;

    fn tools(schema: Schema) -> Value {
        json!([{"name": TOOL, "description": "Does the work.", "input_schema": schema}])
    }

    fn begin(words: &str) -> Vec<Message> {
        vec![Message { role: "user", content: vec![Block::Text { text: words.to_owned() }] }]
    }

    fn body<'a>(stream: bool, tools: &'a Value, messages: &'a [Message]) -> impl Serialize + 'a {
        Asked { model: "claude-sonnet-5-5", max_tokens: 8000, stream, system: PROMPT, tools, messages }
    }

    fn take_in(event: Event, reply: &mut Reply) -> Done {
        match event {
            Event::ContentBlockStart { content_block } => reply.content.push(content_block),
            Event::ContentBlockDelta { delta: Delta::InputJsonDelta { partial_json } } => {
                reply.input.push_str(&partial_json);
            }
            Event::ContentBlockDelta { delta: Delta::TextDelta { text: more } } => {
                if let Some(Block::Text { text }) = reply.content.last_mut() {
                    text.push_str(&more);
                }
            }
            Event::ContentBlockStop => {
                if let Some(Block::ToolUse { input, .. }) = reply.content.last_mut() {
                    *input = serde_json::from_str::<Value>(&reply.input)?;
                    reply.input.clear();
                }
            }
            Event::MessageDelta { delta } => reply.stop_reason = delta.stop_reason,
            Event::Other => {}
        }
        Ok(())
    }

    fn is_whole(reply: &Reply) -> bool {
        reply.stop_reason.is_some()
    }

    fn calls(reply: &Reply) -> Vec<(String, serde_json::Result<Input>)> {
        let call = |block: &Block| match block {
            Block::ToolUse { id, input, .. } => Some((id.clone(), Input::deserialize(input))),
            _ => None,
        };
        reply.content.iter().filter_map(call).collect()
    }

    fn words(reply: Reply) -> String {
        let text = |block| match block {
            Block::Text { text } => Some(text),
            _ => None,
        };
        reply.content.into_iter().filter_map(text).collect()
    }

    fn record(history: &mut Vec<Message>, reply: Reply, results: Vec<(String, String)>) {
        let result = |(tool_use_id, content)| Block::ToolResult { tool_use_id, content };
        history.push(Message { role: "assistant", content: reply.content });
        history.push(Message { role: "user", content: results.into_iter().map(result).collect() });
    }
}
