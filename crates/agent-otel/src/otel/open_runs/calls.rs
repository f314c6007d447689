//! What is heard of calls.

use std::time::SystemTime;

use agent_core::{Event, EventKind, SharedText, event::QueueReason};
use opentelemetry::{KeyValue, trace::TraceContextExt};

use crate::otel::{
    call::{Call, Waited},
    conversation::Conversation,
    failure::Failure,
    names::own,
    open_runs::OpenRuns,
    shared::{Shared, between, millis},
};

impl OpenRuns {
    pub(super) fn hear_call(&mut self, shared: &Shared, event: &Event, at: SystemTime) {
        if let EventKind::CallEnded { id, is_error, .. } = &event.kind {
            // A delegated conversation that failed has no end of its own.
            let failure = is_error.then(|| Failure::new("lost", "the conversation has no end"));
            self.close(shared, &format!("{}/{id}", event.conversation), at, None, failure);
        }
        let Some(conversation) = self.conversations.get_mut(&event.conversation) else { return };
        conversation.hear_call(shared, event, at);
    }
}

impl Conversation {
    fn hear_call(&mut self, shared: &Shared, event: &Event, at: SystemTime) {
        match &event.kind {
            EventKind::CallQueued { id, tool, why } => {
                self.queued.insert(id.clone(), (*why, at));
                self.note(shared, event, own::event::QUEUED, (id, tool), at, Some(why_queued(*why)));
            }
            EventKind::PlanStarted { id, tool } => {
                self.start_call(shared, event, (id, tool), at).is_written = true;
            }
            EventKind::CallStarted { .. } => self.hear_start(shared, event, at),
            EventKind::CallEnded { .. } => self.end_call(shared, event, at),
            EventKind::CallNotMade { id, tool, why } => {
                self.note(shared, event, own::event::NOT_MADE, (id, tool), at, Some(why));
            }
            EventKind::CallWaiting { id, question, .. } => {
                shared.asked.add(format!("{}/{id}", event.conversation), at);
                if let Some(call) = self.take_call(shared, event, id) {
                    let question = shared.content.then(|| KeyValue::new(own::REASON, question.to_string()));
                    let question = question.into_iter().collect();
                    let name = own::event::WAIT_PERSON;
                    call.context.span().add_event_with_timestamp(name, at, question);
                    call.set(KeyValue::new(own::WAITS, true));
                    call.end(shared, at, None, None);
                }
            }
            EventKind::IdReplaced { was, id, .. } => self.rename_call(shared, event, was, id),
            // The process that drives the conversation hears how the delegation ends.
            EventKind::Delegated { id, .. } if self.is_elsewhere() => {
                self.hear_running_call(shared, event, at);
                if let Some(call) = self.take_call(shared, event, id) {
                    call.end(shared, at, None, None);
                }
            }
            _ => self.hear_running_call(shared, event, at),
        }
    }

    /// What only adds to the span of a call.
    fn hear_running_call(&mut self, shared: &Shared, event: &Event, at: SystemTime) {
        let (EventKind::CallCouldStartEarlier { id, .. }
        | EventKind::CallDiscarded { id, .. }
        | EventKind::CallGoesOn { id, .. }
        | EventKind::CallDetached { id, .. }
        | EventKind::Delegated { id, .. }
        | EventKind::TransferAsked { id, .. }) = &event.kind
        else {
            return;
        };
        let Some(call) = self.calls.get_mut(&**id) else { return };
        match &event.kind {
            EventKind::CallCouldStartEarlier { by, .. } => {
                call.set(KeyValue::new(own::COULD_START_EARLIER, millis(*by)));
            }
            EventKind::CallDiscarded { .. } => call.set(KeyValue::new(own::DISCARDED, true)),
            EventKind::CallDetached { .. } => {
                call.context.span().add_event_with_timestamp(own::event::DETACHED, at, Vec::new());
            }
            EventKind::CallGoesOn { why, .. } => {
                let why = vec![KeyValue::new(own::REASON, why.to_string())];
                call.context.span().add_event_with_timestamp(own::event::GOES_ON, at, why);
            }
            EventKind::Delegated { to, .. } => call.leads_to(shared, "return_to_caller", to),
            EventKind::TransferAsked { to, .. } => call.leads_to(shared, "pass_control", to),
            _ => {}
        }
    }

    fn hear_start(&mut self, shared: &Shared, event: &Event, at: SystemTime) {
        let EventKind::CallStarted { id, tool, input } = &event.kind else { return };
        let is_known = self.calls.get(id).is_some_and(|call| call.is_written);
        let call = match self.calls.get_mut(id).filter(|_| is_known) {
            // The call of a plan, of which steps have started.
            Some(call) => call,
            None => self.start_call(shared, event, (id, tool), at),
        };
        call.is_written = false;
        if shared.content {
            call.set(KeyValue::new(shared.names.tool_call_arguments, input.text().to_owned()));
        }
    }

    fn start_call(
        &mut self,
        shared: &Shared,
        event: &Event,
        (id, tool): (&SharedText, &str),
        at: SystemTime,
    ) -> &mut Call {
        // Calls start after their reply has ended, or early.
        let is_early = self.turn.is_some();
        let is_counted = self.is_whole(&event.conversation, id);
        let invocation = self.invocation(&event.agent);
        invocation.calls += u64::from(!is_counted);
        let mut call = Call::start(shared, &invocation.context, event, (id, tool), at);
        call.is_counted = is_counted;
        if is_early {
            call.is_early = true;
            call.set(KeyValue::new(own::EARLY, true));
        }
        if let Some((why, began)) = self.queued.remove(id) {
            let what = match why {
                QueueReason::Exclusive => Waited::Exclusive,
                _ => Waited::Permit,
            };
            call.waited(shared, what, between(began, at));
        }
        let key = format!("{}/{id}", event.conversation);
        if let Some(asked) = shared.asked.take(&key) {
            call.waited(shared, Waited::Person, between(asked, at));
        }
        shared.open.add(key, &call.context);
        self.calls.insert(id.clone(), call);
        self.calls.get_mut(id).expect("it was added just now")
    }

    fn end_call(&mut self, shared: &Shared, event: &Event, at: SystemTime) {
        let EventKind::CallEnded { id, tool, is_error, result } = &event.kind else { return };
        self.queued.remove(id);
        // The text of a failed call is for the model, and may say what was said.
        let text = if shared.content { result.as_str() } else { "" };
        let failure = is_error.then(|| Failure::new("tool_error", text));
        if shared.content {
            self.results.push((id.clone(), result.clone()));
        }
        match self.take_call(shared, event, id) {
            Some(call) => call.end(shared, at, Some(result), failure.as_ref()),
            // It was stopped before it began, or it began in another process.
            None => self.note(shared, event, own::event::NOT_STARTED, (id, tool), at, None),
        }
    }

    fn take_call(&mut self, shared: &Shared, event: &Event, id: &str) -> Option<Call> {
        let call = self.calls.remove(id)?;
        shared.open.remove(&format!("{}/{id}", event.conversation), &call.context);
        Some(call)
    }

    /// A call that started early gets another id at the end of its reply. Any other call with the
    /// old id is another call, of an earlier reply.
    fn rename_call(&mut self, shared: &Shared, event: &Event, was: &str, id: &str) {
        let is_new = |call: &Call, turn: &crate::otel::turn::Turn| call.started() >= turn.started();
        let call = self.calls.get(was).filter(|call| call.is_early);
        if !call.zip(self.turn.as_ref()).is_some_and(|(call, turn)| is_new(call, turn)) {
            return;
        }
        if let Some(mut call) = self.take_call(shared, event, was) {
            id.clone_into(&mut call.id);
            shared.open.add(format!("{}/{id}", event.conversation), &call.context);
            self.calls.insert(id.into(), call);
        }
    }

    /// Adds an event about a call to the span of its agent.
    fn note(
        &mut self,
        shared: &Shared,
        event: &Event,
        name: &'static str,
        (id, tool): (&str, &str),
        at: SystemTime,
        why: Option<&str>,
    ) {
        let names = shared.names;
        let mut attributes = vec![
            KeyValue::new(names.tool_name, tool.to_owned()),
            KeyValue::new(names.tool_call_id, id.to_owned()),
        ];
        attributes.extend(why.map(|why| KeyValue::new(own::REASON, why.to_owned())));
        self.invocation(&event.agent).add_event(name, at, attributes);
    }
}

fn why_queued(why: QueueReason) -> &'static str {
    match why {
        QueueReason::Exclusive => "exclusive",
        _ => "permit",
    }
}
