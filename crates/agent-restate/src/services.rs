//! What a process that has the team serves.

use std::{fmt, sync::Arc, time::Duration};

use agent_core::{
    Event, Outcome, Team,
    agent::Rules,
    conversation::Call,
    host::{Host, LocalHost, Mode},
};
use restate_sdk::{
    endpoint::{Builder, Endpoint, ServiceOptions},
    service::IntoServiceDefinition,
};
use tokio::net::TcpListener;

use crate::{decided::Decided, process::Process, serve::serve, session::Session, store::Store, tools::Tools};

/// How long an answer of a model or a tool call may take, if nothing else is said.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// How long the engine waits beyond that before it takes a process for stuck.
const GRACE: Duration = Duration::from_secs(60);

/// A team, as services of the engine: the processes that serve the same team share its conversations, calls and delegations
/// out among them. It is registered with the engine once, by the address that leads to these processes.
pub struct Services {
    process: Process,
}

impl Services {
    /// The services of this team. Its [`Limits`](agent_core::Limits) are those of each run, whichever processes it is carried out by; only
    /// `calls_at_once` holds for each process.
    pub fn new(team: Team) -> Self {
        let limits = team.limits().clone();
        // What this process does is of many runs: these count for themselves.
        let team = team.with_limits(limits.clone().calls(None).requests(None));
        // One by one: calls come here singly, and none may start before its reply is kept.
        let local = LocalHost::new(team).mode(Mode::Sequential);
        let unknown = Box::new(|call: &Call| Some(Outcome::unknown(&call.call.name)));
        Self {
            process: Process {
                local,
                limits,
                keeps_partial_reply: false,
                unknown,
                longest: LONGEST,
                patience: None,
            },
        }
    }

    /// Tells `listener` of what is done in this process, as it happens: each event carries its conversation's id, and is timed
    /// from the making of these services. What was done before a crash is not told again.
    pub fn listen(mut self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.process.local = self.process.local.listen(listener);
        self
    }

    /// Whether a reply that is [cancelled](crate::Restate::cancel) while it streams is kept as far as it was shown, as
    /// [`Run::keep_partial_reply`](agent_core::Run::keep_partial_reply) does in process: the run then ends with
    /// [`End::Cut`](agent_core::End::Cut), and not with [`RestateError::Cancelled`](crate::RestateError::Cancelled). What a
    /// process showed that is gone by then is not kept. This is part of what may not change under a run.
    pub fn keep_partial_reply(mut self, keep: bool) -> Self {
        self.process.local = self.process.local.keep_partial_reply(keep);
        self.process.keeps_partial_reply = keep;
        self
    }

    /// What becomes of a call that began in a process that is gone, and whose tool is neither
    /// [idempotent](agent_core::ToolSpec::idempotent) nor read-only: this outcome, or with `None` it is made again, with the
    /// same key. One that waited for its permits counts as begun. By default the model reads "outcome unknown: …".
    pub fn on_unknown(mut self, outcome: impl Fn(&Call) -> Option<Outcome> + Send + Sync + 'static) -> Self {
        self.process.unknown = Box::new(outcome);
        self
    }

    /// How long one answer of a model or one tool call may take; an hour. What takes longer has failed.
    pub fn longest(mut self, longest: Duration) -> Self {
        self.process.longest = longest;
        self
    }

    /// How long a call waits for a person before it is denied; for ever. Whether there is such a time is part of what may not
    /// change under a run that waits: it can't be gone on with by a process that was told otherwise.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.process.patience = Some(patience);
        self
    }

    /// The services, for whatever else serves them: `build` it, after adding services of your own or the keys by which the
    /// engine shows who it is. What serves them must keep the engine's request open, as HTTP/2 does, and where the engine
    /// itself ends it in the middle of a call, that waits until the run is cancelled: [`serve`](Self::serve) does not read
    /// that end before the call's.
    pub fn endpoint(self) -> Builder {
        let process = Arc::new(self.process);
        let options = options(process.longest);
        let session = Session(process.clone()).into_service_definition().options(options.clone());
        let tools = Tools(process).into_service_definition().options(options.clone());
        let decided = Decided.into_service_definition().options(options.clone());
        let store = Store.into_service_definition().options(options);
        Endpoint::builder().bind(session).bind(tools).bind(decided).bind(store)
    }

    /// Serves the engine's requests until this is dropped: then what is under way goes on in another process, or in this one
    /// when it serves again.
    pub async fn serve(self, listener: TcpListener) {
        serve(self.endpoint().build(), listener).await;
    }
}

/// A process that is gone is found out soon; one that works long is not taken for stuck; and no number of failures is the
/// end of a run.
fn options(longest: Duration) -> ServiceOptions {
    ServiceOptions::new()
        .inactivity_timeout(longest + GRACE)
        .abort_timeout(GRACE)
        .retry_policy_initial_interval(Duration::from_millis(50))
        .retry_policy_exponentiation_factor(2.0)
        .retry_policy_max_interval(Duration::from_secs(10))
        .retry_policy_max_attempts(u64::from(u32::MAX))
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").field("team", self.process.local.rules()).finish_non_exhaustive()
    }
}
