//! What is heard of turns.

use std::time::SystemTime;

use agent_core::{Event, EventKind};

use crate::otel::{
    content, conversation::Conversation, failure::Failure, open_runs::OpenRuns, reply::Reply, shared::Shared,
    turn::Turn,
};

impl OpenRuns {
    pub(super) fn hear_turn(&mut self, shared: &Shared, event: &Event, at: SystemTime) {
        let Some(conversation) = self.conversations.get_mut(&event.conversation) else { return };
        let waits = match &event.kind {
            EventKind::Delta(delta) => conversation.turn.as_mut().is_some_and(|turn| {
                turn.hear(shared, delta, at);
                turn.waits()
            }),
            _ => {
                conversation.hear_turn(shared, event, at);
                false
            }
        };
        if waits {
            self.waiting.insert(event.conversation.clone());
        } else {
            self.waiting.remove(&event.conversation);
        }
        if let (EventKind::TurnFailed { .. }, true) = (&event.kind, conversation.is_over_after_failure()) {
            let failure = conversation.failed.take();
            self.close(shared, &event.conversation, at, None, failure);
        }
    }
}

impl Conversation {
    fn hear_turn(&mut self, shared: &Shared, event: &Event, at: SystemTime) {
        match &event.kind {
            EventKind::TurnStarted { messages } => {
                self.let_speak(shared, event, at);
                (self.failed, self.has_answered) = (None, false);
                let results = std::mem::take(&mut self.results);
                let input = shared.content.then(|| content::input(&results, messages, shared.names));
                self.turn = Some(Turn::new(event, input, at));
            }
            EventKind::TurnEnded { stop_reason, calls, usage, response, model, first_piece } => {
                self.has_answered = *calls == 0;
                let content = self.turn.as_mut().and_then(Turn::content);
                let reply = Reply {
                    id: response.as_deref(),
                    model: model.as_deref(),
                    stop_reason,
                    first_piece: *first_piece,
                    content,
                };
                self.end_turn(shared, event, Ok(reply), usage, at);
            }
            EventKind::TurnFailed { error, kind, usage } => {
                let failure = Failure::of_turn(*kind, error);
                self.end_turn(shared, event, Err(&failure), usage, at);
                self.failed = Some(failure);
            }
            _ => {}
        }
    }

    fn end_turn(
        &mut self,
        shared: &Shared,
        event: &Event,
        reply: Result<Reply<'_>, &Failure>,
        usage: &agent_core::Usage,
        at: SystemTime,
    ) {
        let Some(turn) = self.turn.take() else { return };
        let invocation = self.invocation(&event.agent);
        invocation.requests += 1;
        invocation.usage += *usage;
        if let Some(provider) = turn.provider(shared) {
            invocation.provider = Some(provider.clone());
        }
        turn.end(shared, &invocation.context, reply, usage, at);
    }
}
