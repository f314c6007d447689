//! Resources and prompts of a server: as content for the program, and as tools for models.

use std::{fmt, sync::Arc};

use agent_core::{Content, Context, Json, Message, Outcome, Tool, ToolSpec, async_trait};
use rmcp::model::{
    GetPromptRequestParams, JsonObject, Prompt, PromptMessage, ReadResourceRequestParams, Resource, Role,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{McpError, content, link::Link, names, pages, reading::Reading};

/// A tool by which a model reads resources or prompts of a server.
/// [`McpServer::resource_tools`](super::McpServer::resource_tools) and
/// [`McpServer::prompt_tools`](super::McpServer::prompt_tools) make them.
#[derive(Clone)]
pub struct OnDemandTool {
    link: Arc<Link>,
    spec: ToolSpec,
    reads: Reads,
}

#[derive(Clone, Copy)]
enum Reads {
    Resources,
    Resource,
    Prompts,
    Prompt,
}

/// The resources that the server lists.
pub(super) async fn resources(link: &Arc<Link>) -> Result<Vec<Resource>, McpError> {
    let connection = link.connection().await?;
    let all = pages::all(&connection, &link.settings, "resources/list", |peer, at| async move {
        peer.list_resources(at).await.map(|page| (page.resources, page.next_cursor))
    });
    all.await.map_err(|kind| link.error(kind))
}

/// What a resource contains.
pub(super) async fn resource(link: &Arc<Link>, uri: &str) -> Result<Content, McpError> {
    let connection = link.connection().await?;
    let read = connection.ask(&link.settings, Reading::Content("resources/read"), |peer| {
        let params = ReadResourceRequestParams::new(uri);
        async move { peer.read_resource(params).await }
    });
    let read = read.await.map_err(|kind| link.error(kind))?;
    Ok(content::content(read.contents.iter().map(content::resource).collect()))
}

/// The prompts that the server lists.
pub(super) async fn prompts(link: &Arc<Link>) -> Result<Vec<Prompt>, McpError> {
    let connection = link.connection().await?;
    let all = pages::all(&connection, &link.settings, "prompts/list", |peer, at| async move {
        peer.list_prompts(at).await.map(|page| (page.prompts, page.next_cursor))
    });
    all.await.map_err(|kind| link.error(kind))
}

/// The messages of a prompt.
pub(super) async fn prompt(
    link: &Arc<Link>,
    name: &str,
    arguments: JsonObject,
) -> Result<Vec<Message>, McpError> {
    let connection = link.connection().await?;
    let read = connection.ask(&link.settings, Reading::Content("prompts/get"), |peer| {
        let params = GetPromptRequestParams::new(name).with_arguments(arguments.clone());
        async move { peer.get_prompt(params).await }
    });
    let read = read.await.map_err(|kind| link.error(kind))?;
    let message = |message: &PromptMessage| {
        let blocks = vec![content::block(&message.content)];
        match message.role {
            Role::Assistant => Message::assistant(blocks),
            _ => Message::user(blocks),
        }
    };
    Ok(read.messages.iter().map(message).collect())
}

/// The tools for resources.
pub(super) fn resource_tools(link: &Arc<Link>) -> Vec<OnDemandTool> {
    let uri = json!({"type": "object", "properties": {"uri": {"type": "string"}}, "required": ["uri"]});
    let list = format!("Lists the resources of {}: their addresses and what they are.", link.name);
    let read = format!("Reads a resource of {} by its address.", link.name);
    vec![
        OnDemandTool::new(link, "list_resources", &list, nothing(), Reads::Resources),
        OnDemandTool::new(link, "read_resource", &read, uri, Reads::Resource),
    ]
}

/// The tools for prompts.
pub(super) fn prompt_tools(link: &Arc<Link>) -> Vec<OnDemandTool> {
    let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
    let fields = json!({"name": {"type": "string"}, "arguments": texts});
    let named = json!({"type": "object", "properties": fields, "required": ["name"]});
    let list = format!("Lists the prompts of {}: their names and arguments.", link.name);
    let read = format!("Reads a prompt of {} by its name, with its arguments filled in.", link.name);
    vec![
        OnDemandTool::new(link, "list_prompts", &list, nothing(), Reads::Prompts),
        OnDemandTool::new(link, "get_prompt", &read, named, Reads::Prompt),
    ]
}

fn nothing() -> Value {
    json!({"type": "object", "properties": {}})
}

impl OnDemandTool {
    fn new(link: &Arc<Link>, name: &str, description: &str, schema: Value, reads: Reads) -> Self {
        let mut spec = ToolSpec::new(names::prefixed(&link.name, name), description, schema);
        spec.read_only = true;
        spec.timeout = Some(link.settings.call_timeout);
        Self { link: link.clone(), spec, reads }
    }

    async fn read(&self, input: &Json) -> Result<Content, String> {
        #[derive(Deserialize)]
        struct Uri {
            uri: String,
        }
        #[derive(Deserialize)]
        struct Named {
            name: String,
            #[serde(default)]
            arguments: JsonObject,
        }
        let invalid = |error: agent_core::message::InvalidJson| format!("invalid input: {error}");
        let failed = |error: McpError| error.to_string();
        match self.reads {
            Reads::Resources => resources(&self.link).await.map(|all| lines(&all)).map_err(failed),
            Reads::Prompts => prompts(&self.link).await.map(|all| lines(&all)).map_err(failed),
            Reads::Resource => {
                let Uri { uri } = input.parse().map_err(invalid)?;
                resource(&self.link, &uri).await.map_err(failed)
            }
            Reads::Prompt => {
                let Named { name, arguments } = input.parse().map_err(invalid)?;
                let messages = prompt(&self.link, &name, arguments).await.map_err(failed)?;
                let blocks = messages.iter().flat_map(|message| message.content().to_vec());
                Ok(content::content(blocks.collect()))
            }
        }
    }
}

/// Each entry as JSON on a line of its own.
fn lines(entries: &[impl serde::Serialize]) -> Content {
    let line = |entry| serde_json::to_string(entry).unwrap_or_default();
    entries.iter().map(line).collect::<Vec<String>>().join("\n").into()
}

#[async_trait]
impl Tool for OnDemandTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, input: Json, _: Context) -> Outcome {
        self.read(&input).await.into()
    }
}

impl fmt::Debug for OnDemandTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnDemandTool").field("name", &self.spec.name).finish_non_exhaustive()
    }
}
