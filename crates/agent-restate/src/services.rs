//! The services of a team.

use std::{fmt, sync::Arc, time::Duration};

use agent_core::{
    Event, Outcome, Team,
    agent::Rules,
    conversation::Call,
    event::RunTracer,
    host::{Host, LocalHost, Mode},
    tool::Early,
};
use restate_sdk::{
    endpoint::{Builder, Endpoint, ServiceOptions},
    service::IntoServiceDefinition,
};
use tokio::net::TcpListener;

use crate::{
    Restate, ServicesError,
    accounts::Accounts,
    call_limits::{CallLimits, calls_of_process},
    event_sender::EventSender,
    first_decision::FirstDecision,
    kept_events::KeptEvents,
    limited_call::LimitedCall,
    permits::Permits,
    process::{GRACE, Process},
    run_traces::RunTraces,
    serve::serve,
    session::Session,
    store::Store,
    tools::Tools,
};

/// The default limit for the time of one reply of a model or one tool call.
const DEFAULT_STEP_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// How long a handler may only wait before it leaves its process.
const WAITS: Duration = Duration::from_secs(10);

/// Serves a [`Team`] to a Restate engine. Call [`Services::serve`] in each process that should do
/// work. Register the address of the processes with the engine once. All processes that serve the
/// same team share the work of its conversations.
pub struct Services {
    process: Process,
}

impl Services {
    /// Makes the services of this team. The team's [`Limits`](agent_core::Limits) apply to each run
    /// as a whole, whichever processes do its work, and so do the permits of its tools: all
    /// processes together make no more calls in parallel than a limit allows. Only the default of
    /// `calls_at_once` (512) applies to each process.
    pub fn new(team: Team) -> Self {
        let (limits, call_limits) = (team.limits().clone(), CallLimits::of(&team));
        // This process works for many runs. They count their own requests and calls.
        let here = limits.clone().calls(None).requests(None).calls_at_once(calls_of_process(&limits));
        let team = team.with_limits(here);
        // A run waits for its detached calls, because a handler that has ended awaits nothing more.
        let team = team.leave_detached(false);
        // Calls arrive here one by one. Only those that may be made again start before their reply is
        // saved.
        let local = LocalHost::new(team).mode(Mode::Sequential).early(Early::ReadOnly).without_budgets();
        let has_tool_budgets = has_tool_budgets(local.rules());
        let unknown = Box::new(|call: &Call| Some(Outcome::unknown(&call.call.name)));
        Self {
            process: Process {
                local,
                limits,
                call_limits,
                has_tool_budgets,
                keeps_partial_reply: false,
                unknown,
                events: None,
                traces: RunTraces::default(),
                is_traced: false,
                step_timeout: DEFAULT_STEP_TIMEOUT,
                approval_timeout: None,
            },
        }
    }

    /// Calls `listener` for every event in this process, when it happens. Each event has the id of
    /// its conversation. The times of the events count from the creation of these services. Events
    /// from before a crash are not repeated.
    pub fn listen(mut self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.process.local = self.process.local.listen(listener);
        self
    }

    /// Makes a trace of each run, for example with the `Traces` of agent-otel. The engine keeps
    /// which trace a run belongs to until the run ends, and tells it to all processes that work for
    /// the run. So their spans are in one trace, also if another process continues the run after a
    /// crash or when a person has decided. The next run of the session has a trace of its own.
    ///
    /// All processes that serve the team should have a tracer. With one, a run has one more step:
    /// its first request saves the trace before the reply comes. So if you add a tracer, register
    /// the services again under a new address.
    pub fn trace(mut self, tracer: &impl RunTracer) -> Self {
        self.process.is_traced = true;
        let listener = tracer.trace(Arc::new(self.process.traces.clone()));
        self.listen(listener)
    }

    /// Keeps the events of all sessions in the engine, so that any program can follow them,
    /// whatever processes do the work: see [`Sessions`](agent_core::sessions::Sessions), which
    /// [`Restate`] implements. By default no events are kept. All processes that serve the team
    /// should keep them. `engine` is the engine that they serve.
    ///
    /// Events are sent every 100 ms. Pieces of a reply that are sent together are one event. Before
    /// a reply or the result of a call counts, its events are kept, so events of several processes
    /// are in the right order. That takes a few milliseconds each time. If the engine does not take
    /// them within a second, nobody waits for them.
    ///
    /// The engine keeps at most 8 MiB of events for each session, and removes the oldest. Events
    /// may also be lost with a process that is killed, and if the engine takes none for long. The
    /// [offsets](agent_core::sessions::SessionEvent::offset) of later events then leave a gap,
    /// except for the last ones of a killed process. The conversation misses nothing.
    pub fn keep_events(mut self, engine: &Restate) -> Self {
        let sender = EventSender::new(engine.clone());
        self.process.events = Some(sender.clone());
        self.listen(move |event| sender.hear(event))
    }

    /// Gives a value to the tools of all runs, as [`Run::with`](agent_core::Run::with) does in
    /// process: a database, an HTTP client. Each process gives its own, and the engine saves none.
    ///
    /// The calls of all sessions get this value, so it can't be the user of one session. A tool
    /// looks the user up by the id of the session, with which
    /// [`Context::conversation`](agent_core::Context::conversation) begins.
    pub fn with<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.process.local = self.process.local.with(value);
        self
    }

    /// Sets whether the text so far of a reply is kept if the run is
    /// [cancelled](crate::Restate::cancel) while the reply streams, as
    /// [`Run::keep_partial_reply`](agent_core::Run::keep_partial_reply) does in process. The
    /// default is `false`. If text is kept, the run ends with [`End::Cut`](agent_core::End::Cut).
    /// If not, it ends with [`RestateError::Cancelled`](crate::RestateError::Cancelled). If the
    /// process that received the reply is gone by then, nothing is kept.
    ///
    /// All processes must have the same setting. Do not change it while runs are in progress.
    pub fn keep_partial_reply(mut self, keep: bool) -> Self {
        self.process.local = self.process.local.keep_partial_reply(keep);
        self.process.keeps_partial_reply = keep;
        self
    }

    /// Sets what happens to a call that started in a process that is gone, so that its outcome is
    /// unknown. `outcome` returns the outcome to record, or `None` to make the call again with the
    /// same key. By default the model reads "outcome unknown: …".
    ///
    /// `outcome` is only asked about calls of tools that are neither
    /// [idempotent](agent_core::ToolSpec::idempotent) nor read-only. All other calls are made
    /// again. A call that was still waiting for its permits has not started.
    pub fn on_unknown(mut self, outcome: impl Fn(&Call) -> Option<Outcome> + Send + Sync + 'static) -> Self {
        self.process.unknown = Box::new(outcome);
        self
    }

    /// Sets the longest time for one reply of a model or one tool call. The default is one hour. A
    /// reply or a call that takes longer fails.
    pub fn step_timeout(mut self, step_timeout: Duration) -> Self {
        self.process.step_timeout = step_timeout;
        self
    }

    /// Sets how long a call waits for a person before the call is denied. By default it waits
    /// forever.
    ///
    /// Do not add or remove this setting while runs wait for a person: a process with the other
    /// setting can't continue them.
    pub fn approval_timeout(mut self, approval_timeout: Duration) -> Self {
        self.process.approval_timeout = Some(approval_timeout);
        self
    }

    /// Returns these services as an endpoint of Restate's SDK, to serve them in your own way. You
    /// can add your own services, or the keys that identify the engine, and then call `build`.
    ///
    /// Your server must keep the engine's request open, as HTTP/2 does. If the engine closes its
    /// request during a tool call, the call may then wait until the run is cancelled.
    /// [`serve`](Self::serve) prevents that: it reports the end of the request only after the call.
    ///
    /// Fails if a tool of the team [needs](agent_core::ToolSpec::needs) a value that was not given
    /// with [`with`](Self::with).
    pub fn endpoint(self) -> Result<Builder, ServicesError> {
        self.process.local.check_values()?;
        let process = Arc::new(self.process);
        let options = options(process.step_timeout);
        let session = Session(process.clone()).into_service_definition().options(options.clone());
        // A call that waits soon leaves its process.
        let limited = LimitedCall(process.clone()).into_service_definition();
        let limited = limited.options(options.clone().inactivity_timeout(WAITS));
        let permits = Permits.into_service_definition().options(options.clone());
        let tools = Tools(process).into_service_definition().options(options.clone());
        let decided = FirstDecision.into_service_definition().options(options.clone());
        let store = Store.into_service_definition().options(options.clone());
        let events = KeptEvents.into_service_definition().options(options.clone());
        let accounts = Accounts.into_service_definition().options(options);
        let all = Endpoint::builder().bind(session).bind(tools).bind(decided).bind(store);
        Ok(all.bind(accounts).bind(events).bind(permits).bind(limited))
    }

    /// Serves requests of the engine until this future is dropped. Work in progress then continues
    /// in another process, or in this one when it serves again. Fails immediately, without a
    /// future, for the same reason as [`endpoint`](Self::endpoint).
    pub fn serve(
        self,
        listener: TcpListener,
    ) -> Result<impl Future<Output = ()> + Send + 'static, ServicesError> {
        Ok(serve(self.endpoint()?.build(), listener))
    }
}

fn has_tool_budgets(team: &Team) -> bool {
    let names = team.agents();
    let mut agents = names.iter().filter_map(|name| team.agent(name));
    agents.any(|agent| agent.specs().iter().any(|spec| spec.budget.is_some()))
}

/// With these settings the engine notices soon when a process is gone, does not take a process with
/// a long call for stuck, and does not give up on a run because of failures.
fn options(step_timeout: Duration) -> ServiceOptions {
    ServiceOptions::new()
        .inactivity_timeout(step_timeout + GRACE)
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
