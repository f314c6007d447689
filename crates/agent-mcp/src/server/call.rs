//! A call of a client, and what is needed to run it.

use std::{collections::BTreeMap, fmt, sync::Arc};

use agent_core::{Conversation, Event, Team, sessions::Decision};
use tokio::sync::broadcast;

use super::{Caller, progress};

/// A call of a client to a tool of the server, for a program that keeps the runs itself. See
/// [`Serve::runs_on`](crate::Serve::runs_on).
#[derive(Clone)]
pub struct ClientCall(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) tool: String,
    pub(crate) team: Team,
    /// The conversation before anything has happened in it.
    pub(crate) start: Conversation,
    /// Whether the client may make the call again with the same key.
    pub(crate) has_key: bool,
    /// Whether the client answers a question about a call that the server has stopped at.
    pub(crate) continues: bool,
    pub(crate) decisions: BTreeMap<String, Decision>,
    pub(crate) caller: Option<Caller>,
    pub(crate) extensions: http::Extensions,
    pub(crate) reports: broadcast::Sender<String>,
}

impl ClientCall {
    /// The name of the tool: a tool of the server, or an agent.
    pub fn tool(&self) -> &str {
        &self.0.tool
    }

    /// The agents that the call may reach. If the server also has plain tools, an agent that makes
    /// the calls to them is among these.
    pub fn team(&self) -> Team {
        self.0.team.clone()
    }

    /// The conversation of the call, in which nothing has happened yet. Its id contains the tool,
    /// the [caller](Self::caller) and the idempotency key. So calls with the same key have the same
    /// id: if you keep a conversation with this id, continue that one. If it began with another
    /// input, the key was used for two different things, which is an error.
    pub fn conversation(&self) -> Conversation {
        self.0.start.clone()
    }

    /// Who calls; `None` if your program does not say.
    pub fn caller(&self) -> Option<&Caller> {
        self.0.caller.as_ref()
    }

    /// A value that a layer of your program has put into the extensions of the HTTP request, for
    /// example the user. `None` if there is none of this type, and always over stdio.
    pub fn extension<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        self.0.extensions.get()
    }

    /// A listener for the events of the run, which tells the clients about its progress.
    pub fn listener(&self) -> impl Fn(&Event) + Send + Sync + 'static {
        let reports = self.0.reports.clone();
        move |event| {
            if let Some(report) = progress::report(event) {
                // It fails only if no client is left that could read it.
                let _ = reports.send(report);
            }
        }
    }

    /// Applies what the client's user has decided about calls that wait. Call it before you run the
    /// conversation. A decision about a call that does not wait any more has no effect.
    pub fn decide(&self, conversation: &mut Conversation) {
        for (key, decision) in &self.0.decisions {
            let _ = match decision {
                Decision::Approve => conversation.approve(key),
                Decision::Deny { reason } => conversation.deny(key, reason),
            };
        }
    }

    pub(crate) fn id(&self) -> &str {
        self.0.start.id()
    }
}

/// Shows no input: it may be a secret.
impl fmt::Debug for ClientCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { tool, caller, .. } = &*self.0;
        f.debug_struct("ClientCall").field("tool", tool).field("caller", caller).finish_non_exhaustive()
    }
}
