//! What the program says about a server.

use std::{sync::Arc, time::Duration};

use agent_core::ToolSpec;
use rmcp::model::ServerPeerInfo;

use super::{elicitation::Elicitation, http::Http, process::Process, sampling::Sampling, secrets::Secrets};

/// What the program says about a server. [`ServerBuilder`](super::ServerBuilder) sets it.
pub(super) struct Settings {
    pub(super) reach: Reach,
    pub(super) name: Option<String>,
    pub(super) revision: Revision,
    pub(super) connect_timeout: Duration,
    pub(super) call_timeout: Duration,
    pub(super) is_trusted: bool,
    pub(super) approval: Approval,
    pub(super) is_prefixed: bool,
    pub(super) only: Option<Vec<String>>,
    pub(super) without: Vec<String>,
    pub(super) changes: Vec<(String, Arc<Change>)>,
    pub(super) sampling: Option<Sampling>,
    pub(super) elicitation: Option<Elicitation>,
    pub(super) secrets: Secrets,
    /// What is wrong with the settings, if anything is.
    pub(super) wrong: Option<String>,
}

/// What the program changes of a tool's description.
pub(super) type Change = dyn Fn(&mut ToolSpec) + Send + Sync;

/// How a server is reached.
pub(super) enum Reach {
    Process(Process),
    Http(Http),
}

/// The revision of the protocol that is spoken with a server.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Revision {
    /// The newest that both sides know. The server is asked first (`server/discover`). A server
    /// that does not know the question is asked to `initialize`.
    #[default]
    Newest,
    /// 2026-07-28, without `initialize`. It is an error if the server does not speak it.
    Stateless,
    /// 2025-11-25 or an older one, with `initialize`.
    Initialized,
}

/// Which calls of a server need a person's approval.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Approval {
    /// None.
    #[default]
    Never,
    /// Calls that may destroy something. If the server is
    /// [trusted](super::ServerBuilder::trusted), these are the calls of tools for which it says
    /// neither `readOnlyHint: true` nor `destructiveHint: false`. Otherwise these are all calls.
    Destructive,
    /// All calls.
    Always,
}

impl Settings {
    pub(super) fn new(reach: Reach) -> Self {
        let mut secrets = Secrets::default();
        if let Reach::Http(http) = &reach {
            http.secrets().iter().for_each(|secret| secrets.add(secret));
        }
        Self {
            reach,
            name: None,
            revision: Revision::default(),
            connect_timeout: Duration::from_secs(60),
            call_timeout: Duration::from_secs(300),
            is_trusted: false,
            approval: Approval::default(),
            is_prefixed: false,
            only: None,
            without: Vec::new(),
            changes: Vec::new(),
            sampling: None,
            elicitation: None,
            secrets,
            wrong: None,
        }
    }

    /// What the server is called: the program's name for it, or what it calls itself.
    pub(super) fn name(&self, said: Option<&ServerPeerInfo>) -> String {
        let said = said.and_then(|info| Some(info.server_info.as_ref()?.name.clone()));
        self.name.clone().or(said).unwrap_or_else(|| self.first_name())
    }

    /// What the server is called before it has said its name: the program's name for it, or how it
    /// is reached. Arguments, and the query of a URL, may hold secrets, so they are left out.
    pub(super) fn first_name(&self) -> String {
        match (&self.name, &self.reach) {
            (Some(name), _) => name.clone(),
            (None, Reach::Process(process)) => process.program.to_string_lossy().into_owned(),
            (None, Reach::Http(http)) => http.shown_url(),
        }
    }
}
