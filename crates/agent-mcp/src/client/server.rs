//! A server and its tools.

use std::{
    ffi::OsString,
    fmt,
    sync::{Arc, RwLock},
};

use agent_core::{Content, Message};
use rmcp::model::{Prompt, Resource};
use serde_json::Value;
use tokio::sync::{Mutex, mpsc, watch};

use super::{
    McpError, McpErrorKind, McpTool, OnDemandTool, ServerBuilder,
    connection::Connection,
    http::Http,
    keys::Keys,
    link::Link,
    list::{self, List},
    names, on_demand,
    process::Process,
    settings::{Reach, Settings},
    watcher,
};

/// A connection to an MCP server, whose tools agents use. Clones share the connection.
///
/// ```no_run
/// use agent_core::{Agent, End, Llm};
/// use agent_mcp::McpServer;
///
/// # async fn run(model: impl Llm + 'static) -> Result<(), Box<dyn std::error::Error>> {
/// let server = McpServer::command("npx", ["-y", "@modelcontextprotocol/server-everything"]).connect().await?;
/// let agent = Agent::builder("helper", model).tools(server.tools()).build()?;
/// let end = agent.run(&mut agent.start("What is 2 + 3?")).await?;
/// # Ok(()) }
/// ```
///
/// If the server dies, it is started again by the next call. A call that was under way is made
/// again if its tool is read-only or idempotent. Otherwise the model reads that its outcome is
/// unknown.
///
/// When the last clone and the last tool of it are dropped, the connection ends, and the server's
/// process, too.
#[derive(Clone)]
pub struct McpServer(pub(super) Arc<Link>);

impl ServerBuilder {
    /// Connects to the server, agrees on a revision of the protocol, and reads the list of its
    /// tools.
    pub async fn connect(self) -> Result<McpServer, McpError> {
        McpServer::connect(self.0).await
    }
}

impl McpServer {
    /// A server that is a program: it is started with these arguments, and speaks on its standard
    /// input and output.
    pub fn command(
        program: impl Into<OsString>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> ServerBuilder {
        ServerBuilder::new(Reach::Process(Process {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            folder: None,
            environment: Default::default(),
            inherits_all: false,
        }))
    }

    /// A server at a URL, which speaks streamable HTTP.
    pub fn http(url: impl Into<String>) -> ServerBuilder {
        ServerBuilder::new(Reach::Http(Http::at(url.into())))
    }

    async fn connect(settings: Settings) -> Result<Self, McpError> {
        let first_name = settings.first_name();
        let failed = |kind| McpError { server: first_name.clone(), kind };
        if let Some(why) = &settings.wrong {
            return Err(failed(McpErrorKind::Settings(why.clone())));
        }
        let settings = Arc::new(settings);
        let (changes, changed) = mpsc::unbounded_channel();
        let connection = Connection::open(&settings, &changes).await.map_err(failed)?;
        let connection = Arc::new(connection);
        let tools = list::read(&connection, &settings).await.map_err(failed)?;
        let list = List::of(tools, &settings);
        list.check(&settings).map_err(failed)?;

        let info = connection.peer().peer_info();
        let name = settings.name(info.as_deref());
        let link = Arc::new(Link {
            name,
            settings,
            instructions: info.and_then(|info| info.instructions.clone()),
            connection: Mutex::new(Some(connection.clone())),
            list: RwLock::new(Arc::new(list)),
            changed: watch::Sender::new(0),
            changes,
            turn: Mutex::new(()),
            keys: Keys::default(),
        });
        link.tell(&connection);
        watcher::watch(Arc::downgrade(&link), changed);
        Ok(Self(link))
    }

    /// The server's name: the program's name for it, or what it calls itself.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What the server says about its use, for a system prompt. It may say anything, so the program
    /// decides whether a model reads it.
    pub fn instructions(&self) -> Option<&str> {
        self.0.instructions.as_deref()
    }

    /// The tools that the server offers now, for [`AgentBuilder::tools`](agent_core::AgentBuilder).
    ///
    /// Names that model APIs refuse are mapped. A schema that can't be used is a
    /// [fault](agent_core::ToolSpec::fault) of its tool, so the agent is not built, and the error
    /// says why; leave such a tool out with [`without`](ServerBuilder::without).
    pub fn tools(&self) -> Vec<McpTool> {
        let list = self.0.list();
        let tool = |offer: &Arc<list::Offer>| {
            let mut spec = offer.spec.clone();
            if self.0.settings.is_prefixed {
                spec.name = names::prefixed(&self.0.name, &spec.name);
            }
            McpTool::new(self.0.clone(), offer.clone(), spec)
        };
        list.offers.iter().map(tool).collect()
    }

    /// The resources that the server lists.
    pub async fn resources(&self) -> Result<Vec<Resource>, McpError> {
        on_demand::resources(&self.0).await
    }

    /// What the resource at this address contains, for a message or a system prompt.
    pub async fn read_resource(&self, uri: &str) -> Result<Content, McpError> {
        on_demand::resource(&self.0, uri).await
    }

    /// The prompts that the server lists.
    pub async fn prompts(&self) -> Result<Vec<Prompt>, McpError> {
        on_demand::prompts(&self.0).await
    }

    /// The messages of a prompt, with its arguments filled in.
    pub async fn prompt(
        &self,
        name: &str,
        arguments: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Result<Vec<Message>, McpError> {
        let argument = |(name, value): (_, _)| (Into::into(name), Value::String(Into::into(value)));
        on_demand::prompt(&self.0, name, arguments.into_iter().map(argument).collect()).await
    }

    /// Two tools by which a model lists and reads the server's resources. Their names begin with
    /// the server's name.
    pub fn resource_tools(&self) -> Vec<OnDemandTool> {
        on_demand::resource_tools(&self.0)
    }

    /// Two tools by which a model lists and reads the server's prompts. Their names begin with the
    /// server's name.
    pub fn prompt_tools(&self) -> Vec<OnDemandTool> {
        on_demand::prompt_tools(&self.0)
    }

    /// Waits until the server's list of tools has changed since `seen`, and returns how often it
    /// has changed. Begin with 0. Then [`tools`](Self::tools) has the new list.
    ///
    /// An agent keeps the tools with which it was built. A call of a tool that is gone gets an
    /// error result, and inputs are checked by the newest schema. For new tools, build the agent
    /// again: the conversation goes on with it.
    pub async fn changed(&self, seen: u64) -> u64 {
        let mut changed = self.0.changed.subscribe();
        let newer = changed.wait_for(|changes| *changes > seen).await;
        *newer.expect("the sender is a part of the server")
    }

    /// Ends the connection and waits until the server's process has ended. The next call would
    /// start it again. Calls that are under way keep the connection until they end; then this does
    /// not wait for its end.
    pub async fn close(&self) {
        let connection = self.0.connection.lock().await.take();
        if let Some(mut connection) = connection.and_then(|connection| Arc::try_unwrap(connection).ok()) {
            connection.close().await;
        }
    }
}

impl fmt::Debug for McpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = self.0.list();
        let tools: Vec<&str> = list.offers.iter().map(|offer| offer.name.as_str()).collect();
        f.debug_struct("McpServer").field("name", &self.0.name).field("tools", &tools).finish_non_exhaustive()
    }
}
