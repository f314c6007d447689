//! The server: tools and teams for MCP clients.

mod approval;
mod call;
mod caller;
mod catalog;
mod content;
mod ended;
mod error;
mod handler;
mod http;
mod in_process;
mod kept;
mod open_runs;
mod owners;
mod progress;
mod request;
mod response;
mod served;
mod sessions;
mod tool_caller;
mod waiting;

use std::{collections::HashSet, error::Error, fmt, future::Future, sync::Arc};

use agent_core::{Conversation, End, Event, Team, Tool, agent::Rules};
use futures::FutureExt;
use rmcp::{ServiceExt, model::Implementation, service::ServerInitializeError};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;
use tokio::sync::Semaphore;

pub use call::ClientCall;
pub use caller::{Caller, InvalidCaller};
pub use error::ServeError;
pub use handler::Handler;
pub use http::HttpService;

use catalog::Entry;
use ended::Ended;
use in_process::InProcess;
use served::{RunsOn, Served};

/// How many calls a server makes in parallel, unless it is told otherwise.
const MAX_CALLS: usize = 256;

/// Serves a team: each of its agents is a tool. A call gives the agent a task, and its answer is
/// the result.
///
/// ```no_run
/// # async fn f(team: agent_core::Team) -> Result<(), agent_mcp::ServeError> {
/// agent_mcp::serve(team).stdio().await?;
/// # Ok(()) }
/// ```
pub fn serve(team: Team) -> Serve {
    Serve { team: Some(team), ..Serve::empty() }
}

/// Serves tools without an agent: functions that you wrote once, for agents and for MCP clients.
///
/// ```no_run
/// # async fn f(search: agent_tools::FnTool) -> Result<(), agent_mcp::ServeError> {
/// agent_mcp::serve_tools([search]).stdio().await?;
/// # Ok(()) }
/// ```
pub fn serve_tools(tools: impl IntoIterator<Item = impl Tool + 'static>) -> Serve {
    Serve::empty().tools(tools)
}

/// A server for MCP clients, which is being set up. [`serve`] and [`serve_tools`] begin one,
/// [`stdio`](Self::stdio) and [`http`](Self::http) serve it.
#[must_use = "a server does nothing until it is served"]
pub struct Serve {
    info: Option<Implementation>,
    instructions: Option<String>,
    team: Option<Team>,
    /// The agents that are served, with what clients read of them. If there are none, all are.
    described: Vec<(String, String)>,
    answers: Vec<(String, Value)>,
    tools: Vec<Arc<dyn Tool>>,
    in_process: InProcess,
    runs: Option<Arc<RunsOn>>,
    max_calls: usize,
}

impl Serve {
    fn empty() -> Self {
        Self {
            info: None,
            instructions: None,
            team: None,
            described: Vec::new(),
            answers: Vec::new(),
            tools: Vec::new(),
            in_process: InProcess::default(),
            runs: None,
            max_calls: MAX_CALLS,
        }
    }

    /// Sets the name and the version of your server, which clients show. By default it has the name
    /// of the first agent or tool that it serves, and the version of agent-mcp.
    pub fn named(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.info = Some(Implementation::new(name, version));
        self
    }

    /// Sets what the models of clients should know about the server as a whole.
    pub fn instructions(mut self, text: impl Into<String>) -> Self {
        self.instructions = Some(text.into());
        self
    }

    /// Serves this agent, and says what it is good at, which the models of clients read. As soon as
    /// you name an agent, only the agents that you name can be called. The others still work for
    /// these.
    pub fn agent(mut self, name: impl Into<String>, description: impl Into<String>) -> Self {
        self.described.push((name.into(), description.into()));
        self
    }

    /// Says that the answers of this agent are JSON of the type `T`. Clients then get its schema,
    /// and the answer as structured content. Give the agent that type with `AnswerType::agent` of
    /// agent-tools, which checks each answer.
    pub fn answer<T: JsonSchema>(mut self, agent: impl Into<String>) -> Self {
        let schema = SchemaGenerator::new(SchemaSettings::draft2020_12()).into_root_schema_for::<T>();
        self.answers.push((agent.into(), schema.to_value()));
        self
    }

    /// Adds tools. All of them must have one type. To mix types, make each an `Arc<dyn Tool>`.
    pub fn tools(mut self, tools: impl IntoIterator<Item = impl Tool + 'static>) -> Self {
        self.tools.extend(tools.into_iter().map(|tool| Arc::new(tool) as Arc<dyn Tool>));
        self
    }

    /// Gives a value to all runs, as [`Run::with`](agent_core::Run::with) does. It has no effect
    /// with [`runs_on`](Self::runs_on), where your function gives its host what tools need.
    pub fn with<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.in_process.with(value);
        self
    }

    /// Calls `listener` with every event of all runs. It has no effect with
    /// [`runs_on`](Self::runs_on).
    pub fn listen(mut self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.in_process.listen(listener);
        self
    }

    /// Lets `run` carry out the calls, for example on a journal. By default they run in this
    /// process, and are lost with it.
    ///
    /// `run` takes the conversation with the id of [`ClientCall::conversation`] from where it is
    /// kept, or begins it, applies [`ClientCall::decide`], runs it, and returns how it ended. The
    /// guide's chapter on MCP shows it with a journal. Clients read the text of its errors.
    pub fn runs_on<F, R, E>(mut self, run: F) -> Self
    where
        F: Fn(ClientCall) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(End, Conversation), E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let run = move |call: ClientCall| {
            let run = run(call);
            let ended = async move {
                match run.await {
                    Ok((end, conversation)) => Ended::of(&end, &conversation),
                    Err(error) => Ended::error(error.into().to_string()),
                }
            };
            ended.boxed()
        };
        self.runs = Some(Arc::new(run));
        self
    }

    /// Sets how many calls may run in parallel, of all clients together. The default is 256. A call
    /// beyond that fails at once, with a text that says so.
    pub fn max_calls(mut self, calls: usize) -> Self {
        self.max_calls = calls;
        self
    }

    /// Serves one client over standard input and output, until it closes them. MCP clients start
    /// such a server themselves. Nothing else may write to standard output meanwhile.
    pub async fn stdio(self) -> Result<(), ServeError> {
        let running = match self.handler()?.serve(rmcp::transport::stdio()).await {
            Ok(running) => running,
            // It has looked whether the program starts, perhaps.
            Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
            Err(error) => return Err(ServeError::Protocol(error.to_string())),
        };
        running.waiting().await.map(drop).map_err(|error| ServeError::Protocol(error.to_string()))
    }

    /// Serves any number of clients over HTTP. Mount the service in your own program.
    pub fn http(self) -> Result<HttpService, ServeError> {
        Ok(HttpService::of(self.handler()?))
    }

    /// The server as rmcp's handler, to add to it or to serve it in another way.
    pub fn handler(self) -> Result<Handler, ServeError> {
        let entries = self.entries()?;
        let first = entries.first().expect("a server without entries is an error");
        let of_first = || Implementation::new(first.tool.name.clone(), env!("CARGO_PKG_VERSION"));
        let info = self.info.unwrap_or_else(of_first);
        let team = match (self.team, self.tools.is_empty()) {
            (Some(team), true) => team,
            (team, _) => tool_caller::team_with(team.as_ref(), self.tools)?,
        };
        let in_process = self.in_process;
        let runs = self.runs.unwrap_or_else(|| {
            Arc::new(move |call: ClientCall| {
                let in_process = in_process.clone();
                async move { in_process.run(&call).await }.boxed()
            })
        });
        Ok(Handler(Arc::new(Served {
            info,
            instructions: self.instructions,
            entries,
            team,
            runs,
            open: Default::default(),
            max_calls: self.max_calls,
            free_calls: Semaphore::new(self.max_calls.min(Semaphore::MAX_PERMITS)),
        })))
    }

    fn entries(&self) -> Result<Vec<Entry>, ServeError> {
        let all: Vec<&str> = self.team.as_ref().map(Rules::agents).unwrap_or_default();
        let described = self.described.iter().map(|(name, text)| (&**name, Some(&**text)));
        let named =
            described.clone().map(|(name, _)| name).chain(self.answers.iter().map(|(name, _)| &**name));
        if let Some(unknown) = named.into_iter().find(|name| !all.contains(name)) {
            return Err(ServeError::UnknownAgent { agent: unknown.to_owned(), agents: all.join(", ") });
        }
        let agents: Vec<(&str, Option<&str>)> = match self.described.is_empty() {
            true => all.iter().map(|name| (*name, None)).collect(),
            false => described.collect(),
        };
        let answer =
            |name: &str| self.answers.iter().find(|(agent, _)| agent == name).map(|(_, schema)| schema);
        let agents = agents.into_iter().map(|(name, text)| Entry::agent(name, text, answer(name)));
        let entries: Vec<Entry> =
            agents.chain(self.tools.iter().map(|tool| Entry::tool(tool.spec()))).collect();
        let mut names = HashSet::new();
        if let Some(twice) = entries.iter().find(|entry| !names.insert(&*entry.tool.name)) {
            return Err(ServeError::TwoTools { name: twice.tool.name.to_string() });
        }
        match entries.is_empty() {
            true => Err(ServeError::NothingToServe),
            false => Ok(entries),
        }
    }
}

impl fmt::Debug for Serve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve").field("info", &self.info).finish_non_exhaustive()
    }
}
