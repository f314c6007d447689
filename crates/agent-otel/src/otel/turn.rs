//! The span of a turn: `chat MODEL`. It covers all attempts at the request, and is made when the
//! turn ends, because only then everything is known.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use agent_core::{
    Block, Delta, Event, Usage,
    model::{Fold, Notice, Piece},
};
use opentelemetry::{
    Context, KeyValue,
    trace::{self, SpanBuilder, SpanKind, TraceContextExt},
};

use super::{
    failure::Failure,
    metrics::dollars,
    names::own,
    reply::Reply,
    request_wait::{RequestWait, RequestWaits},
    shared::{Shared, between, count, millis},
};

/// A model is asked.
pub(super) struct Turn {
    agent: Arc<str>,
    conversation: Arc<str>,
    started: SystemTime,
    input: Option<String>,
    model: Option<String>,
    /// Provider, model and server of the last attempt.
    asked: Vec<KeyValue>,
    attempts: u32,
    waits: RequestWaits,
    events: Vec<trace::Event>,
    is_compacted: bool,
    /// When the request was sent the last time.
    sent: Option<SystemTime>,
    /// When the last piece of the reply came.
    piece: Option<SystemTime>,
    /// The reply so far, if spans have content.
    reply: Option<Fold>,
}

impl Turn {
    /// A turn that starts with `event`. `input` is what the model reads, if spans have content.
    pub(super) fn new(event: &Event, input: Option<String>, at: SystemTime) -> Self {
        Self {
            agent: event.agent.clone(),
            conversation: event.conversation.clone(),
            started: at,
            reply: input.is_some().then(Fold::default),
            sent: None,
            input,
            model: None,
            asked: Vec::new(),
            attempts: 0,
            waits: RequestWaits::default(),
            events: Vec::new(),
            is_compacted: false,
            piece: None,
        }
    }

    pub(super) fn agent(&self) -> &Arc<str> {
        &self.agent
    }

    pub(super) fn started(&self) -> SystemTime {
        self.started
    }

    /// Whether a wait is open. The next delta ends it.
    pub(super) fn waits(&self) -> bool {
        self.waits.is_open()
    }

    pub(super) fn provider(&self, shared: &Shared) -> Option<&KeyValue> {
        self.asked.iter().find(|attribute| attribute.key.as_str() == shared.names.provider_name)
    }

    /// Takes the reply so far, to which all its deltas were added.
    pub(super) fn content(&mut self) -> Option<Vec<Block>> {
        Some(self.reply.take()?.finish().ok()?.content)
    }

    pub(super) fn hear(&mut self, shared: &Shared, delta: &Delta, at: SystemTime) {
        self.end_wait(shared, at);
        // A delta that does not fit is the backend's fault, and the turn will fail.
        let fits = self.reply.as_mut().is_none_or(|reply| reply.push(delta.clone()).is_ok());
        self.reply = self.reply.take().filter(|_| fits);
        match delta {
            Delta::Notice(notice) => self.hear_notice(shared, notice, at),
            Delta::Restarted { reason } => {
                self.piece = None;
                // A guard that wants another reply says why, in words about the reply.
                let why = shared.content.then(|| KeyValue::new(own::REASON, reason.clone()));
                self.add_event(own::event::RESTARTED, at, why.into_iter().collect());
            }
            Delta::Piece { piece: Piece::Text(_) | Piece::Thinking(_) | Piece::Input(_), .. } => {
                if let (Some(metrics), Some(last)) = (&shared.metrics, self.piece.replace(at)) {
                    metrics.chunk(between(last, at), &self.metric_attributes(shared));
                }
            }
            _ => {}
        }
    }

    fn hear_notice(&mut self, shared: &Shared, notice: &Notice, at: SystemTime) {
        let because = |reason: &String| vec![KeyValue::new(own::REASON, reason.clone())];
        match notice {
            Notice::Sent { provider, model, server } => {
                self.attempts += 1;
                self.sent = Some(at);
                self.model = Some(model.into());
                self.asked = asked(shared, provider, model, server.as_deref());
            }
            Notice::Wait { wait, reason } => {
                let expected = KeyValue::new(own::EXPECTED, millis(*wait));
                let attributes = [vec![expected], because(reason)].concat();
                self.add_event(own::event::WAIT_GATE, at, attributes);
                self.waits.begin(RequestWait::Gate, at);
            }
            Notice::Retry { attempt, wait, reason } => {
                let attempt = KeyValue::new(own::ATTEMPT, i64::from(*attempt));
                let expected = KeyValue::new(own::EXPECTED, millis(*wait));
                let attributes = [vec![attempt, expected], because(reason)].concat();
                self.add_event(own::event::WAIT_RETRY, at, attributes);
                self.waits.begin(RequestWait::Retry, at);
            }
            Notice::Omitted { parts } => {
                self.add_event(own::event::OMITTED, at, because(&parts.join("; ")));
            }
            Notice::Compacted { .. } => {
                self.is_compacted = true;
                self.add_event(own::event::COMPACTED, at, Vec::new());
            }
            Notice::NotCompacted { reason } => self.add_event(own::event::NOT_COMPACTED, at, because(reason)),
            Notice::Estimated { reason } => self.add_event(own::event::ESTIMATED, at, because(reason)),
            Notice::Guard { guard, did } => {
                let guard = KeyValue::new(own::GUARD, guard.clone());
                self.add_event(own::event::GUARD, at, [vec![guard], because(did)].concat());
            }
            Notice::Budget { message } => self.add_event(own::event::BUDGET, at, because(message)),
            _ => {}
        }
    }

    fn add_event(&mut self, name: &'static str, at: SystemTime, attributes: Vec<KeyValue>) {
        self.events.push(trace::Event::new(name, at, attributes, 0));
    }

    fn end_wait(&mut self, shared: &Shared, at: SystemTime) {
        if let (Some((what, duration)), Some(metrics)) = (self.waits.end(at), &shared.metrics) {
            metrics.wait(what.word(), duration, &KeyValue::new(shared.names.agent_name, self.agent.clone()));
        }
    }

    /// Makes the span under `parent`. The reply is `Err` if there is none.
    pub(super) fn end(
        mut self,
        shared: &Shared,
        parent: &Context,
        reply: Result<Reply<'_>, &Failure>,
        usage: &Usage,
        at: SystemTime,
    ) {
        self.end_wait(shared, at);
        if let (Ok(Reply { model: Some(model), .. }), true) = (&reply, self.asked.is_empty()) {
            // A backend that does not say what it asks for.
            self.model = Some((*model).to_owned());
            self.asked.push(KeyValue::new(shared.names.request_model, (*model).to_owned()));
        }
        let first_piece = reply.as_ref().ok().and_then(|reply| self.since_sent(reply.first_piece?));
        self.measure(shared, &reply, first_piece, usage, at);
        let name = self.model.as_ref().map_or("chat".to_owned(), |model| format!("chat {model}"));
        let failure = reply.as_ref().err().copied();
        let mut attributes = self.attributes(shared, usage);
        match reply {
            Ok(reply) => attributes.extend(reply.attributes(shared, first_piece)),
            Err(failure) => attributes.push(failure.attribute(shared.names)),
        }
        let span = SpanBuilder::from_name(name)
            .with_kind(SpanKind::Client)
            .with_start_time(self.started)
            .with_attributes(attributes)
            .with_events(self.events);
        let context = shared.start(span, parent);
        if let Some(failure) = failure {
            context.span().set_status(failure.status());
        }
        context.span().end_with_timestamp(at);
    }

    fn measure(
        &self,
        shared: &Shared,
        reply: &Result<Reply<'_>, &Failure>,
        first_piece: Option<Duration>,
        usage: &Usage,
        at: SystemTime,
    ) {
        let (names, Some(metrics)) = (shared.names, &shared.metrics) else { return };
        let model = reply.as_ref().ok().and_then(|reply| reply.model);
        let mut attributes = self.metric_attributes(shared);
        attributes.extend(model.map(|model| KeyValue::new(names.response_model, model.to_owned())));
        metrics.usage(usage, reply.is_ok(), &attributes);
        attributes.extend(reply.as_ref().err().map(|failure| failure.attribute(names)));
        metrics.turn(between(self.started, at), first_piece, &attributes);
    }

    /// The time from when the request was sent to the first piece of the reply. `None` if it was
    /// sent again after that.
    fn since_sent(&self, first_piece: Duration) -> Option<Duration> {
        let first_piece = self.started + first_piece;
        first_piece.duration_since(self.sent.unwrap_or(self.started)).ok()
    }

    fn attributes(&mut self, shared: &Shared, usage: &Usage) -> Vec<KeyValue> {
        let names = shared.names;
        let mut attributes = vec![
            KeyValue::new(names.operation_name, "chat"),
            KeyValue::new(names.agent_name, self.agent.clone()),
            KeyValue::new(names.conversation_id, self.conversation.clone()),
            KeyValue::new(names.input_tokens, count(usage.all_input_tokens())),
            KeyValue::new(names.output_tokens, count(usage.output_tokens)),
        ];
        attributes.append(&mut self.asked);
        attributes.extend(shared.requests.take(&self.conversation));
        let (read, written) = (usage.cache_read_input_tokens, usage.cache_creation_input_tokens);
        let cached = [(names.cache_read_tokens, read), (names.cache_write_tokens, written)];
        let cached = cached.into_iter().filter(|(_, tokens)| *tokens > 0);
        attributes.extend(cached.map(|(name, tokens)| KeyValue::new(name, count(tokens))));
        if usage.cost.micros() > 0 {
            attributes.push(KeyValue::new(own::COST, dollars(usage)));
        }
        if self.attempts > 0 {
            attributes.push(KeyValue::new(own::ATTEMPTS, i64::from(self.attempts)));
        }
        attributes.extend(self.waits.attributes());
        if let (true, Some(name)) = (self.is_compacted, names.conversation_compacted) {
            attributes.push(KeyValue::new(name, true));
        }
        attributes.extend(self.input.take().map(|input| KeyValue::new(names.input_messages, input)));
        attributes
    }

    fn metric_attributes(&self, shared: &Shared) -> Vec<KeyValue> {
        let operation = KeyValue::new(shared.names.operation_name, "chat");
        [operation].into_iter().chain(self.asked.iter().cloned()).collect()
    }
}

/// Who is asked for what. A server with a port has both in one text.
fn asked(shared: &Shared, provider: &str, model: &str, server: Option<&str>) -> Vec<KeyValue> {
    let names = shared.names;
    let mut attributes = vec![
        KeyValue::new(names.provider_name, provider.to_owned()),
        KeyValue::new(names.request_model, model.to_owned()),
    ];
    if let Some(server) = server {
        let port = |port: &str| port.parse::<u16>().ok();
        let split = server.rsplit_once(':').and_then(|(host, end)| Some((host, port(end)?)));
        let (host, port) = split.map_or((server, None), |(host, port)| (host, Some(port)));
        attributes.push(KeyValue::new(names.server_address, host.to_owned()));
        attributes.extend(port.map(|port| KeyValue::new(names.server_port, i64::from(port))));
    }
    attributes
}
