//! Requests to OpenAI's two APIs, from a table of conversations: the examples have few of what can be sent.

use std::{error::Error, fs, path::Path};

use agent_core::{Block, Json, Llm, Message, Request, ToolSpec, model::fold};
use agent_llm::{ConfigError, OpenAi, OpenAiBuilder, RetryPolicy};
use agent_mock::{Mock, Scenario};
use serde::Deserialize;
use serde_json::Value;

const CONVERSATIONS: &str = include_str!("../../oracle/conversations.json");

/// A conversation up to the point where the model is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    #[serde(default)]
    system: Vec<Block>,
    messages: Vec<Message>,
    #[serde(default)]
    tools: Vec<Tool>,
    /// Settings of the client, as fields of the request.
    #[serde(default)]
    fields: serde_json::Map<String, Value>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tool {
    name: String,
    description: String,
    input_schema: Value,
}

/// Sends each conversation over both APIs, streamed and not, and writes what was sent to folders of their own.
pub(super) async fn record(requests: &Path) -> Result<(), Box<dyn Error>> {
    let rows: Vec<Row> =
        serde_json::from_str(CONVERSATIONS).map_err(|error| format!("conversations.json: {error}"))?;
    for (folder, chosen) in
        [("openai-chat", OpenAiBuilder::chat as Api), ("openai-responses", OpenAiBuilder::responses)]
    {
        let folder = requests.join(folder);
        fs::create_dir_all(&folder)?;
        for row in &rows {
            for (how, streamed) in [("streamed", true), ("whole", false)] {
                let body = sent(row, chosen, streamed).await?;
                fs::write(folder.join(format!("{} {how}.json", row.name)), body)?;
            }
        }
    }
    Ok(())
}

type Api = fn(OpenAiBuilder) -> OpenAiBuilder;

/// The body of the request that our client makes of a conversation. What the server thinks of it is not asked here.
async fn sent(row: &Row, api: Api, streamed: bool) -> Result<String, Box<dyn Error>> {
    let server = Mock::start(Scenario::default()).await?;
    let client = client(&server.url(), row, api, streamed)?;
    let _ = fold(client.stream(request(row)), |_| {}).await;
    let sent = server.requests().first().map(|request| request.text.clone());
    sent.ok_or_else(|| format!("conversations.json: {}: nothing was sent", row.name).into())
}

fn client(url: &str, row: &Row, api: Api, streamed: bool) -> Result<OpenAi, ConfigError> {
    let builder = OpenAi::builder().base_url(format!("{url}/v1")).key("no key is needed here");
    let builder = api(builder).streaming(streamed).retry(RetryPolicy::never());
    let fields = row.fields.iter();
    fields.fold(builder, |builder, (name, value)| builder.extra(name, value.clone())).build()
}

fn request(row: &Row) -> Request {
    let mut request = Request::new(row.messages.clone());
    request.system = row.system.clone();
    let spec =
        |tool: &Tool| ToolSpec::new(&tool.name, &tool.description, Json::from(tool.input_schema.clone()));
    request.tools = row.tools.iter().map(spec).collect();
    request
}
