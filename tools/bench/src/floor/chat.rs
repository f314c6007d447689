//! OpenAI's chat completions, as the plain loop speaks them.

use schemars::Schema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::Api;
use crate::{Done, ours::PROMPT, plot::TOOL, work::Input};

pub(super) enum Chat {}

#[derive(Serialize)]
struct Asked<'a> {
    model: &'static str,
    max_completion_tokens: u32,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    tools: &'a Value,
    messages: &'a [Message],
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub(super) enum Message {
    System { content: String },
    User { content: String },
    Assistant(Said),
    Tool { tool_call_id: String, content: String },
}

/// What a model says: it is sent back as it came.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Said {
    content: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call>,
}

#[derive(Serialize, Deserialize)]
struct Call {
    id: String,
    r#type: String,
    function: Function,
}

#[derive(Serialize, Deserialize)]
struct Function {
    name: String,
    arguments: String,
}

#[derive(Default, Deserialize)]
pub(super) struct Reply {
    choices: [Choice; 1],
}

#[derive(Default, Deserialize)]
struct Choice {
    message: Said,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Chunk {
    choices: Vec<ChoiceDelta>,
}

#[derive(Deserialize)]
struct ChoiceDelta {
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
    #[serde(default)]
    tool_calls: Vec<CallDelta>,
}

#[derive(Deserialize)]
struct CallDelta {
    index: usize,
    id: Option<String>,
    function: FunctionDelta,
}

#[derive(Deserialize)]
struct FunctionDelta {
    name: Option<String>,
    arguments: Option<String>,
}

impl Api for Chat {
    const HEADERS: &'static [(&'static str, &'static str)] = &[("authorization", "Bearer bench")];
    type Item = Message;
    type Reply = Reply;
    type Event = Chunk;

    fn tools(schema: Schema) -> Value {
        let function = json!({"name": TOOL, "description": "Does the work.", "parameters": schema});
        json!([{"type": "function", "function": function}])
    }

    fn begin(words: &str) -> Vec<Message> {
        vec![Message::System { content: PROMPT.to_owned() }, Message::User { content: words.to_owned() }]
    }

    fn body<'a>(stream: bool, tools: &'a Value, messages: &'a [Message]) -> impl Serialize + 'a {
        let stream_options = stream.then_some(StreamOptions { include_usage: true });
        Asked { model: "gpt-6.2-astra", max_completion_tokens: 8000, stream, stream_options, tools, messages }
    }

    fn take_in(chunk: Chunk, reply: &mut Reply) -> Done {
        let [Choice { message, finish_reason }] = &mut reply.choices;
        for choice in chunk.choices {
            if let Some(more) = choice.delta.content {
                message.content.get_or_insert_default().push_str(&more);
            }
            for CallDelta { index, id, function } in choice.delta.tool_calls {
                let arguments = function.arguments.unwrap_or_default();
                match message.tool_calls.get_mut(index) {
                    Some(call) => call.function.arguments.push_str(&arguments),
                    None => message.tool_calls.push(Call {
                        id: id.ok_or("a call has no id")?,
                        r#type: "function".to_owned(),
                        function: Function { name: function.name.ok_or("a call has no name")?, arguments },
                    }),
                }
            }
            *finish_reason = choice.finish_reason.or(finish_reason.take());
        }
        Ok(())
    }

    fn is_whole(reply: &Reply) -> bool {
        reply.choices[0].finish_reason.is_some()
    }

    fn calls(reply: &Reply) -> Vec<(String, serde_json::Result<Input>)> {
        let calls = reply.choices[0].message.tool_calls.iter();
        calls.map(|call| (call.id.clone(), serde_json::from_str(&call.function.arguments))).collect()
    }

    fn words(reply: Reply) -> String {
        let [choice] = reply.choices;
        choice.message.content.unwrap_or_default()
    }

    fn record(history: &mut Vec<Message>, reply: Reply, results: Vec<(String, String)>) {
        let [choice] = reply.choices;
        history.push(Message::Assistant(choice.message));
        let result = |(tool_call_id, content)| Message::Tool { tool_call_id, content };
        history.extend(results.into_iter().map(result));
    }
}
