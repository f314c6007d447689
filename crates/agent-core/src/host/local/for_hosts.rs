//! What hosts around this one call.

use super::LocalHost;
use crate::{
    Call, Conversation, End, EventKind, EventQueue, MissingValue,
    event::{QueueReason, emitter::Origin},
    host::cancel::RunTokens,
};

impl LocalHost {
    /// Fails if a tool of the team [needs](crate::ToolSpec::needs) a value that this host was not
    /// given. Hosts around this one call it at the start of each run, before they ask or save
    /// anything. [`ask`](crate::host::Host::ask) and [`act`](crate::host::Host::act) check this
    /// too.
    pub fn check_values(&self) -> Result<(), MissingValue> {
        self.caller.team.check_values(&self.caller.values)
    }

    /// Returns a queue of all events from now on. It is for hosts around this one whose runs are
    /// read event by event ([`HostRun`](crate::host::HostRun)). There is one queue at a time: after
    /// a second call, the first queue gets no more events.
    pub fn events(&self) -> EventQueue {
        self.caller.emitter.listeners.read()
    }

    /// Sets the counts for the [`Limits`](crate::Limits) of a run back to 0. Hosts around this one
    /// that carry out several runs call it at the beginning of each.
    pub fn begin_run(&self) {
        self.caller.calls_made.reset();
        self.caller.requests_made.reset();
    }

    /// Lets this host carry out another run after a run was cancelled. Each
    /// [`Cancel`](crate::Cancel) that could stop the first one can stop the next.
    pub fn go_on_after_cancel(&self) {
        self.cancel.get().into_iter().for_each(RunTokens::renew);
    }

    /// Emits the event that this conversation has ended like this. Only hosts that drive with
    /// [`drive_quietly_by`](Self::drive_quietly_by) call it.
    pub fn tell_end(&self, conversation: &Conversation, end: &End) {
        let origin = Origin::in_conversation(conversation, conversation.agent());
        self.caller.emitter.emit(origin, || EventKind::Ended(end.clone()));
    }

    /// Emits the event that this call waits for a permit. It is for hosts around this one that
    /// limit calls themselves, before they make them here.
    pub fn tell_queued(&self, call: &Call) {
        let emitter = &self.caller.emitter;
        emitter.emit(Origin::of(call), || EventKind::call_queued(&call.call, QueueReason::Permit));
    }

    /// Emits the event that this call starts. It is for hosts around this one that let a call share
    /// the execution of an equal one, so that no tool is called for it.
    pub fn tell_started(&self, call: &Call) {
        self.caller.emit_start(call, None);
    }
}
