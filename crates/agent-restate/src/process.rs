//! What all services of a process share.

use std::{sync::Arc, time::Duration};

use agent_core::{
    Limits, Outcome,
    agent::Rules,
    conversation::{Call, Change},
    host::{Host, LocalHost, Perform},
};

use crate::{call_limits::CallLimits, event_sender::EventSender, run_traces::RunTraces};

/// How much longer than the time of a step the engine waits before it considers a process stuck.
pub(crate) const GRACE: Duration = Duration::from_secs(60);

/// What all handlers of a process use.
pub(crate) struct Process {
    /// Asks models and makes calls in this process.
    pub(crate) local: LocalHost,
    /// The limits of a run that starts here. The conversations count what they use, not the
    /// process.
    pub(crate) limits: Limits,
    /// The limits on parallel calls that hold over all processes.
    pub(crate) call_limits: CallLimits,
    /// Whether a tool of the team has a budget for what it delegates.
    pub(crate) has_tool_budgets: bool,
    /// Whether the part of a cancelled reply that has arrived is kept.
    pub(crate) keeps_partial_reply: bool,
    pub(crate) unknown: Box<Unknown>,
    /// Sends the events of this process to the engine, if they are kept.
    pub(crate) events: Option<EventSender>,
    pub(crate) traces: RunTraces,
    /// Whether somebody makes traces of the runs.
    pub(crate) is_traced: bool,
    /// How long one call, or one reply of a model, may take.
    pub(crate) step_timeout: Duration,
    /// How long a call waits for a person. Forever without this.
    pub(crate) approval_timeout: Option<Duration>,
}

/// Decides what happens to a call that started and whose result is not known.
pub(crate) type Unknown = dyn Fn(&Call) -> Option<Outcome> + Send + Sync;

pub(crate) type SharedProcess = Arc<Process>;

impl Process {
    /// Whether this call may be made while its reply streams, as far as this host is concerned. The
    /// reply is saved after that, so nobody can have decided about the call, delegate it, or give it
    /// a permit.
    pub(crate) fn starts_early(&self, call: &Call) -> bool {
        let spec = self.local.rules().spec(&call.agent, &call.call.name);
        let is_plain = spec.is_some_and(|spec| !spec.needs_approval && spec.targets.is_empty());
        is_plain && self.call_limits.needed(call, String::new).is_empty()
    }

    /// The outcome of a call is told to listeners.
    pub(crate) async fn tell_outcome(&self, call: Call, outcome: &Outcome) {
        let conversation = call.conversation.clone();
        self.local.on_outcome(|| call, outcome);
        self.flush(&conversation).await;
    }

    /// A step of a plan that is made for each item of a list is told to listeners.
    pub(crate) async fn tell_items(&self, step: Call) {
        let conversation = step.conversation.clone();
        self.local.on_items(step);
        self.flush(&conversation).await;
    }

    /// That a call is detached is told to listeners.
    pub(crate) async fn tell_detached(&self, call: Call) {
        let (conversation, id) = (call.conversation.clone(), call.call.id.clone());
        let told = self.local.before_change(call, &Change::Detached { call: id }).await;
        debug_assert_eq!(told, Ok(()), "in process nothing is saved");
        self.flush(&conversation).await;
    }

    /// That a call starts which shares the execution of another one is told to listeners.
    pub(crate) async fn tell_started(&self, call: &Call) {
        self.local.tell_started(call);
        self.flush(&call.conversation).await;
    }

    /// That a call waits for a permit is told to listeners.
    pub(crate) async fn tell_queued(&self, call: &Call) {
        self.local.tell_queued(call);
        self.flush(&call.conversation).await;
    }

    /// Waits until the events of this conversation are kept.
    pub(crate) async fn flush(&self, conversation: &str) {
        if let Some(events) = &self.events {
            events.flush(conversation).await;
        }
    }

    /// Whether its runs may have accounts in the engine.
    pub(crate) fn has_budgets(&self) -> bool {
        let Limits { budget, conversation_budget, .. } = &self.limits;
        budget.is_some() || conversation_budget.is_some() || self.has_tool_budgets
    }
}
