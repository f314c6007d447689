//! OpenAI's Responses API, as the plain loop speaks it.

use schemars::Schema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::Api;
use crate::{Done, ours::PROMPT, plot::TOOL, work::Input};

pub(super) enum Responses {}

#[derive(Serialize)]
struct Asked<'a> {
    model: &'static str,
    max_output_tokens: u32,
    stream: bool,
    store: bool,
    include: [&'static str; 1],
    instructions: &'static str,
    tools: &'a Value,
    input: &'a [Item],
}

/// An item of the history; what a model said is sent back as far as it counts.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Item {
    Message { role: String, content: Vec<Part> },
    FunctionCall { call_id: String, name: String, arguments: String },
    FunctionCallOutput { call_id: String, output: String },
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part {
    InputText { text: String },
    OutputText { text: String },
}

#[derive(Default, Deserialize)]
pub(super) struct Reply {
    output: Vec<Item>,
    status: Option<String>,
}

/// The reply is made of the pieces, as a program does that shows them. Of the items and replies that come once more at
/// their end, nothing is read but how the reply ended.
#[derive(Deserialize)]
#[serde(tag = "type")]
pub(super) enum Event {
    #[serde(rename = "response.output_item.added")]
    Added { item: Item },
    #[serde(rename = "response.content_part.added")]
    Part { part: Part },
    #[serde(rename = "response.output_text.delta")]
    Text { delta: String },
    #[serde(rename = "response.function_call_arguments.delta")]
    Arguments { delta: String },
    #[serde(rename = "response.completed")]
    Completed { response: End },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
pub(super) struct End {
    status: Option<String>,
}

impl Api for Responses {
    const HEADERS: &'static [(&'static str, &'static str)] = &[("authorization", "Bearer bench")];
    type Item = Item;
    type Reply = Reply;
    type Event = Event;

    fn tools(schema: Schema) -> Value {
        let tool = json!({"type": "function", "name": TOOL, "description": "Does the work.", "parameters": schema, "strict": false});
        json!([tool])
    }

    fn begin(words: &str) -> Vec<Item> {
        let content = vec![Part::InputText { text: words.to_owned() }];
        vec![Item::Message { role: "user".to_owned(), content }]
    }

    fn body<'a>(stream: bool, tools: &'a Value, input: &'a [Item]) -> impl Serialize + 'a {
        Asked {
            model: "gpt-6.2-astra",
            max_output_tokens: 8000,
            stream,
            store: false,
            include: ["reasoning.encrypted_content"],
            instructions: PROMPT,
            tools,
            input,
        }
    }

    fn take_in(event: Event, reply: &mut Reply) -> Done {
        match (event, reply.output.last_mut()) {
            (Event::Added { item }, _) => reply.output.push(item),
            (Event::Part { part }, Some(Item::Message { content, .. })) => content.push(part),
            (Event::Text { delta }, Some(Item::Message { content, .. })) => {
                if let Some(Part::OutputText { text }) = content.last_mut() {
                    text.push_str(&delta);
                }
            }
            (Event::Arguments { delta }, Some(Item::FunctionCall { arguments, .. })) => {
                arguments.push_str(&delta);
            }
            (Event::Completed { response }, _) => reply.status = response.status,
            _ => {}
        }
        Ok(())
    }

    fn is_whole(reply: &Reply) -> bool {
        reply.status.is_some()
    }

    fn calls(reply: &Reply) -> Vec<(String, serde_json::Result<Input>)> {
        let call = |item: &Item| match item {
            Item::FunctionCall { call_id, arguments, .. } => {
                Some((call_id.clone(), serde_json::from_str(arguments)))
            }
            _ => None,
        };
        reply.output.iter().filter_map(call).collect()
    }

    fn words(reply: Reply) -> String {
        let text = |part| match part {
            Part::OutputText { text } => Some(text),
            Part::InputText { .. } => None,
        };
        let content = |item| match item {
            Item::Message { content, .. } => content,
            _ => Vec::new(),
        };
        reply.output.into_iter().flat_map(content).filter_map(text).collect()
    }

    fn record(history: &mut Vec<Item>, reply: Reply, results: Vec<(String, String)>) {
        history.extend(reply.output);
        let result = |(call_id, output)| Item::FunctionCallOutput { call_id, output };
        history.extend(results.into_iter().map(result));
    }
}
