//! The conversations of one listener that have not ended.

mod calls;
mod idle;
mod turns;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, SystemTime},
};

use agent_core::{Event, EventKind, event::TraceParents};
use opentelemetry::{
    Context, KeyValue,
    trace::{SpanContext, TraceContextExt},
};

use super::{
    conversation::Conversation,
    failure::Failure,
    names::own,
    shared::Shared,
    trace_parent::{self, InvalidTraceParent},
};

/// The conversations of one listener that have not ended.
#[derive(Default)]
pub(super) struct OpenRuns {
    /// The wall clock at the time from which events count; see [`wall`](Self::wall).
    began: Option<SystemTime>,
    conversations: HashMap<Arc<str>, Conversation>,
    /// The conversations whose request waits.
    pub(super) waiting: HashSet<Arc<str>>,
    /// The conversations of users that began with this event, for
    /// [`on_root`](super::TracesBuilder::on_root).
    pub(super) new_roots: Vec<NewRoot>,
    /// When it last looked for conversations of which nothing is heard.
    looked_for_idle: Option<SystemTime>,
}

/// Where the spans of a listener belong.
#[derive(Default)]
pub(super) struct Place {
    pub(super) parent: Context,
    /// What the first spans are linked to.
    pub(super) link: Option<SpanContext>,
    /// What the host of the runs knows of their traces.
    pub(super) parents: Option<Arc<dyn TraceParents>>,
}

/// The first span of a user's conversation in this process.
pub(super) struct NewRoot {
    pub(super) conversation: Arc<str>,
    pub(super) span: SpanContext,
    /// Whether the host knew the trace already.
    pub(super) is_known: bool,
}

impl Place {
    /// The span under which this conversation belongs, which is of another process.
    fn find(&self, shared: &Shared, conversation: &str) -> Option<Result<SpanContext, InvalidTraceParent>> {
        if self.parent.has_active_span() {
            return None;
        }
        let known = self.parents.as_ref().and_then(|parents| parents.find(conversation));
        let known = known.or_else(|| shared.parent_of.as_ref()?(conversation));
        known.map(|text| trace_parent::read(&text))
    }

    /// Whether another process drives this conversation.
    fn is_elsewhere(&self, conversation: &str) -> bool {
        self.parents.as_ref().is_some_and(|parents| !parents.drives(conversation))
    }
}

impl OpenRuns {
    /// The wall clock at an event. Events have none: their times count from the start of a run. The
    /// start is found again when no conversation is open, so that it does not drift away.
    fn wall(&mut self, at: Duration) -> SystemTime {
        if self.conversations.is_empty() {
            self.began = None;
        }
        let now = SystemTime::now();
        *self.began.get_or_insert_with(|| now.checked_sub(at).unwrap_or(now)) + at
    }

    pub(super) fn hear(&mut self, shared: &Shared, place: &Place, event: &Event) {
        let at = self.wall(event.at);
        match &event.kind {
            EventKind::TurnStarted { .. } | EventKind::CallStarted { .. } => {
                self.open(shared, place, event, at)
            }
            _ => {}
        }
        let Some(conversation) = self.conversations.get_mut(&event.conversation) else { return };
        conversation.last = conversation.last.max(at);
        match &event.kind {
            EventKind::Ended(end) => {
                let (word, failure) = Failure::of_end(end, shared.content);
                self.close(shared, &event.conversation, at, Some(word), failure);
            }
            EventKind::TurnStarted { .. }
            | EventKind::Delta(_)
            | EventKind::TurnEnded { .. }
            | EventKind::TurnFailed { .. } => self.hear_turn(shared, event, at),
            EventKind::Transferred { .. } | EventKind::TransferFailed { .. } | EventKind::CameBack { .. } => {
                conversation.hear_transfer(shared, event, at)
            }
            _ => {
                self.hear_call(shared, event, at);
                self.forget_if_done(shared, &event.conversation, at);
            }
        }
    }

    /// Opens the conversation of an event, if it is not open.
    fn open(&mut self, shared: &Shared, place: &Place, event: &Event, at: SystemTime) {
        let known = self.conversations.get(&event.conversation);
        let is_turn = matches!(event.kind, EventKind::TurnStarted { .. });
        if known.is_some_and(|known| !(known.is_elsewhere() && is_turn)) {
            return;
        }
        self.close_idle(shared, at);
        let above = event.conversation.rsplit_once('/').filter(|_| event.depth > 0);
        let above = above.and_then(|(above, call)| Some((self.conversations.get(above)?, call)));
        let (mut conversation, is_known) = match above {
            Some((above, call)) => (start_within(shared, above, call, event, at), true),
            None => start_first(shared, place, event, at),
        };
        if event.depth == 0 && !conversation.is_elsewhere() {
            let (id, span) =
                (event.conversation.clone(), conversation.context().span().span_context().clone());
            self.new_roots.push(NewRoot { conversation: id, span, is_known });
        }
        // This process made calls of it before it drove it.
        if let Some(before) = self.conversations.remove(&event.conversation) {
            conversation.calls = before.calls;
        }
        self.conversations.insert(event.conversation.clone(), conversation);
    }

    /// Forgets a conversation that another process drives, if no call of it runs here.
    fn forget_if_done(&mut self, shared: &Shared, id: &str, at: SystemTime) {
        let known = self.conversations.get(id);
        if known.is_some_and(|known| known.is_elsewhere() && known.calls.is_empty()) {
            self.close(shared, id, at, None, None);
        }
    }

    /// Ends the spans of a conversation and of all that was delegated from it.
    pub(super) fn close(
        &mut self,
        shared: &Shared,
        id: &str,
        at: SystemTime,
        end: Option<&'static str>,
        failure: Option<Failure>,
    ) {
        self.waiting.remove(id);
        let Some(mut conversation) = self.conversations.remove(id) else { return };
        for (call_id, call) in conversation.calls.drain() {
            let lost = failure.clone().unwrap_or_else(|| Failure::new("lost", "the call has no end"));
            let key = format!("{id}/{call_id}");
            self.close(shared, &key, at, None, Some(lost.clone()));
            shared.open.remove(&key, &call.context);
            call.end(shared, at, None, Some(&lost));
        }
        let above = id.rsplit_once('/').and_then(|(above, _)| self.conversations.get_mut(above));
        if let (Some(above), calls @ 1..) = (above, conversation.calls_of_part()) {
            above.invocation(conversation.agent()).calls += calls;
        }
        conversation.end(shared, id, at, end, failure);
    }

    /// The listener is dropped: ends everything that is open. If a conversation's last turn failed,
    /// that is why it has no end.
    pub(super) fn close_all(&mut self, shared: &Shared) {
        let now = SystemTime::now();
        let last = self.conversations.values().map(|conversation| conversation.last).max();
        let last = last.unwrap_or(now);
        let ids: Vec<Arc<str>> = self.conversations.keys().cloned().collect();
        for id in ids {
            let Some(conversation) = self.conversations.get_mut(&id) else { continue };
            if conversation.has_answered {
                // A host that uses the loop alone does not tell the end.
                self.close(shared, &id, last, Some("unknown"), None);
                continue;
            }
            let (failure, at) = match conversation.failed.take() {
                Some(failure) => (failure, last),
                // On a paused clock, the last event may be later than now.
                None => (Failure::new("dropped", "the run has no end"), last.max(now)),
            };
            self.close(shared, &id, at, None, Some(failure));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.conversations.is_empty()
    }
}

/// Starts a conversation that a call of another one began. A call that began in another process, before
/// a crash, has no span here.
fn start_within(
    shared: &Shared,
    above: &Conversation,
    call: &str,
    event: &Event,
    at: SystemTime,
) -> Conversation {
    match above.calls.get(call) {
        // Nobody asks a model first, and no other agent is there: these are calls of the same agent.
        Some(call) if *call.agent() == event.agent && matches!(event.kind, EventKind::CallStarted { .. }) => {
            Conversation::part_of_call(shared, &call.context, event, at)
        }
        Some(call) => Conversation::start(shared, &call.context, None, event, at),
        None => Conversation::start(shared, above.context(), None, event, at),
    }
}

/// Starts a conversation that has none above it in this process. Returns whether its trace was
/// known.
fn start_first(shared: &Shared, place: &Place, event: &Event, at: SystemTime) -> (Conversation, bool) {
    match place.find(shared, &event.conversation) {
        Some(Ok(parent)) if place.is_elsewhere(&event.conversation) => {
            (Conversation::elsewhere(shared, &parent, event, at), true)
        }
        Some(Ok(parent)) => {
            let context = place.parent.with_remote_span_context(parent.clone());
            (Conversation::start(shared, &context, Some(&parent), event, at), true)
        }
        Some(Err(invalid)) => {
            let conversation = Conversation::start(shared, &place.parent, None, event, at);
            let why = vec![KeyValue::new(own::REASON, invalid.to_string())];
            let span = conversation.context().span();
            span.add_event_with_timestamp(own::event::INVALID_PARENT, at, why);
            (conversation, false)
        }
        None => (Conversation::start(shared, &place.parent, place.link.as_ref(), event, at), false),
    }
}

impl Conversation {
    fn hear_transfer(&mut self, shared: &Shared, event: &Event, at: SystemTime) {
        let (name, from, why) = match &event.kind {
            EventKind::Transferred { from } => (own::event::TRANSFERRED, from, None),
            EventKind::TransferFailed { from, why } => (own::event::TRANSFER_FAILED, from, Some(why)),
            EventKind::CameBack { from, why } => (own::event::CAME_BACK, from, Some(why)),
            _ => return,
        };
        let mut attributes = vec![
            KeyValue::new(own::FROM, from.to_string()),
            KeyValue::new(shared.names.agent_name, event.agent.clone()),
        ];
        if let Some(why) = why {
            // It may have the words of a model that refused. Those of a failed request are for everybody.
            let why = if shared.content { why.as_str() } else { "" };
            let failure = self.failed.take().unwrap_or_else(|| Failure::new("transfer_failed", why));
            let reason = if why.is_empty() { failure.text() } else { why };
            if !reason.is_empty() {
                attributes.push(KeyValue::new(own::REASON, reason.to_owned()));
            }
            self.end_takeover(shared, at, Some(failure));
        }
        let span = self.context().span();
        span.add_event_with_timestamp(name, at, attributes);
    }
}
