//! How a server is reached, and what its tools may do.

use std::{ffi::OsString, fmt, path::PathBuf, sync::Arc, time::Duration};

use agent_core::ToolSpec;
use http::{HeaderName, HeaderValue};

use super::{
    Approval, Elicitation, OAuth, Revision, Sampling,
    settings::{Reach, Settings},
};

/// The settings of a server. [`McpServer::command`](super::McpServer::command) and
/// [`McpServer::http`](super::McpServer::http) return it, and [`connect`](Self::connect) makes a
/// server of it.
#[must_use]
pub struct ServerBuilder(pub(super) Settings);

impl ServerBuilder {
    pub(super) fn new(reach: Reach) -> Self {
        Self(Settings::new(reach))
    }

    /// Sets the server's name, for errors and prefixes. By default it is the name that the server
    /// says.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.0.name = Some(name.into());
        self
    }

    /// Puts the server's name before the names of all its tools: `files_read`. Without it, only
    /// names that two servers share get a prefix; see [`tools_of`](super::tools_of).
    pub fn prefixed(mut self) -> Self {
        self.0.is_prefixed = true;
        self
    }

    /// Sets a variable in the environment of the server's process. Its value is shown nowhere.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        let (name, value) = (name.into(), value.into());
        self.0.secrets.add(&value.to_string_lossy());
        match &mut self.0.reach {
            Reach::Process(process) => drop(process.environment.insert(name, value)),
            Reach::Http(_) => self.wrong("`env` is for a server that is started by a command"),
        }
        self
    }

    /// Gives the server's process this program's whole environment. By default it gets only what
    /// programs need to run (`PATH`, `HOME` and the like), and so none of the keys in it.
    pub fn inherit_env(mut self) -> Self {
        let secret = std::env::vars_os().filter(|(name, _)| is_of_secret(&name.to_string_lossy()));
        secret.for_each(|(_, value)| self.0.secrets.add(&value.to_string_lossy()));
        match &mut self.0.reach {
            Reach::Process(process) => process.inherits_all = true,
            Reach::Http(_) => self.wrong("`inherit_env` is for a server that is started by a command"),
        }
        self
    }

    /// Sets the folder in which the server's process runs. By default it is this program's.
    pub fn current_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        match &mut self.0.reach {
            Reach::Process(process) => process.folder = Some(folder.into()),
            Reach::Http(_) => self.wrong("`current_dir` is for a server that is started by a command"),
        }
        self
    }

    /// Adds a header to each request. Its value is shown nowhere.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.0.secrets.add(value);
        let header = (HeaderName::try_from(name), HeaderValue::try_from(value));
        match (&mut self.0.reach, header) {
            (Reach::Http(http), (Ok(name), Ok(mut value))) => {
                value.set_sensitive(true);
                http.headers.insert(name, value);
            }
            (Reach::Http(_), (name, _)) => {
                let part = if name.is_err() { "name" } else { "value" };
                self.wrong(&format!(
                    "the header {name:?} can't be sent: its {part} has forbidden characters"
                ));
            }
            (Reach::Process(_), _) => self.wrong("`header` is for a server at a URL"),
        }
        self
    }

    /// Sends this token with each request, as `Authorization: Bearer …`.
    pub fn bearer(mut self, token: impl Into<String>) -> Self {
        let token = token.into();
        self.0.secrets.add(&token);
        match &mut self.0.reach {
            Reach::Http(http) => http.bearer = Some(token),
            Reach::Process(_) => self.wrong("`bearer` is for a server at a URL"),
        }
        self
    }

    /// Gets tokens by OAuth when the server asks for an authorization, and refreshes them.
    pub fn oauth(mut self, oauth: OAuth) -> Self {
        oauth.secrets().for_each(|secret| self.0.secrets.add(secret));
        match &mut self.0.reach {
            Reach::Http(http) => http.oauth = Some(oauth),
            Reach::Process(_) => self.wrong("`oauth` is for a server at a URL"),
        }
        self
    }

    /// Sets the revision of the protocol. By default it is the newest that both sides know.
    pub fn revision(mut self, revision: Revision) -> Self {
        self.0.revision = revision;
        self
    }

    /// Sets how long it may take to start the server and to agree with it, and then to read a page
    /// of a list, as that of its tools. The default is a minute, because `npx` may have to download
    /// the server first.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.0.connect_timeout = limit;
        self
    }

    /// Sets how long a call may take, or to read a resource or a prompt. The default is five minutes.
    /// A call that takes longer gets an error result, and the server is told that it is cancelled.
    pub fn call_timeout(mut self, limit: Duration) -> Self {
        self.0.call_timeout = limit;
        self
    }

    /// Believes what the server says about its tools: calls of tools with `readOnlyHint` start
    /// while the reply still streams, and calls of tools with `readOnlyHint` or `idempotentHint`
    /// may be made again. By default a server is not believed, as the protocol asks, and its tools
    /// count as tools with effects.
    pub fn trusted(mut self) -> Self {
        self.0.is_trusted = true;
        self
    }

    /// Sets which calls need a person's approval. By default none do.
    pub fn approval(mut self, approval: Approval) -> Self {
        self.0.approval = approval;
        self
    }

    /// Uses only these tools of the server.
    pub fn only(mut self, tools: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.only = Some(tools.into_iter().map(Into::into).collect());
        self
    }

    /// Leaves these tools of the server out.
    pub fn without(mut self, tools: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.without.extend(tools.into_iter().map(Into::into));
        self
    }

    /// Changes the description of a tool, which also says how its calls run. `tool` is the server's
    /// name for it. This wins over all that the server says.
    ///
    /// ```
    /// # use agent_mcp::McpServer;
    /// let server = McpServer::command("files-server", ["/srv"])
    ///     .tool("read", |spec| spec.read_only = true)
    ///     .tool("delete", |spec| spec.needs_approval = true);
    /// ```
    pub fn tool(
        mut self,
        tool: impl Into<String>,
        change: impl Fn(&mut ToolSpec) + Send + Sync + 'static,
    ) -> Self {
        self.0.changes.push((tool.into(), Arc::new(change)));
        self
    }

    /// Lets the server ask the team's models. By default it can't. See [`Sampling`].
    pub fn sampling(mut self, sampling: &Sampling) -> Self {
        self.0.sampling = Some(sampling.clone());
        self
    }

    /// Lets the server ask a person. By default it can't. See [`Elicitation`].
    pub fn elicitation(mut self, elicitation: Elicitation) -> Self {
        self.0.elicitation = Some(elicitation);
        self
    }

    fn wrong(&mut self, why: &str) {
        self.0.wrong.get_or_insert_with(|| why.to_owned());
    }
}

/// Whether the value of a variable with this name may be a secret.
fn is_of_secret(name: &str) -> bool {
    ["KEY", "TOKEN", "SECRET", "PASSWORD"].iter().any(|word| name.to_uppercase().contains(word))
}

/// Shows no arguments and no values of headers and variables, because they may be secrets.
impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder").field("server", &self.0.first_name()).finish_non_exhaustive()
    }
}
