//! The turns of models.

use std::time::Duration;

use agent_core::{
    Delta, Event, EventKind, Message, Usage,
    message::BlockKind,
    model::{Notice, Piece},
};

use super::{TimelineBuilder, draft::Draft, runs::Place, texts};
use crate::{
    bar::{Bar, BarKind},
    milliseconds,
    state::State,
};

impl TimelineBuilder {
    pub(super) fn turn_started(&mut self, place: &Place, event: &Event, messages: &[Message]) {
        // One that was not told to end ends here.
        self.in_turn(place, |turn| turn.end(place.at));
        let asked = texts::of_messages(messages) + &self.results(place);
        let number = self.runs.add_turn(place, self.drafts.next());
        let id = format!("{}#{number}", event.conversation);
        let whose = (event.conversation.clone(), event.agent.clone());
        let bar = Bar::new(BarKind::Turn, id, Some(place.whole), whose, place.at);
        let turn = self.drafts.add(bar, place.run);
        self.drafts[turn].enter(State::FirstToken, place.at);
        self.drafts[turn].ask(&asked);
        let whole = &mut self.drafts[place.whole];
        whole.reopen();
        if whole.bar.kind == BarKind::Run && whole.bar.details.asked.is_empty() {
            whole.ask(&texts::of_user(messages));
        }
    }

    pub(super) fn delta(&mut self, place: &Place, delta: &Delta) {
        let at = place.at;
        self.in_turn(place, |turn| turn.reply.add(delta));
        self.in_turn(place, |turn| match delta {
            Delta::Notice(notice) => heed(turn, notice, at),
            Delta::Restarted { reason } => {
                turn.lose_attempt(at);
                turn.begin_attempt(at);
                turn.enter(State::FirstToken, at);
                turn.note(at, &format!("the reply begins again: {reason}"));
            }
            Delta::Start { model, .. } => {
                let details = &mut turn.bar.details;
                details.model = model.as_ref().map(Into::into).or(details.model.take());
                end_wait(turn, at);
            }
            Delta::Block { block, .. } => match block.kind() {
                BlockKind::Thinking { .. } | BlockKind::RedactedThinking => piece(turn, State::Thinking, at),
                _ => piece(turn, State::Streaming, at),
            },
            Delta::Piece { piece: Piece::Thinking(_) | Piece::Signature(_), .. } => {
                piece(turn, State::Thinking, at);
            }
            Delta::Piece { .. } | Delta::Complete(_) => piece(turn, State::Streaming, at),
            _ => end_wait(turn, at),
        });
    }

    pub(super) fn turn_ended(&mut self, place: &Place, ended: &EventKind) {
        let EventKind::TurnEnded { stop_reason, usage, model, first_piece, .. } = ended else { return };
        let at = place.at;
        self.in_turn(place, |turn| {
            first_piece.iter().for_each(|after| turn.split_at_first_piece((*after).min(at - turn.bar.start)));
            let details = &mut turn.bar.details;
            details.usage = Some(*usage);
            details.stop_reason = Some(stop_reason.as_str().to_owned());
            details.model = model.as_ref().map(Into::into).or(details.model.take());
            turn.answer(&turn.reply.text());
            turn.end(at);
        });
    }

    pub(super) fn turn_failed(&mut self, place: &Place, error: &str, usage: &Usage) {
        let at = place.at;
        self.in_turn(place, |turn| {
            turn.bar.details.usage = Some(*usage);
            turn.lose_attempt(at);
            turn.answer(&turn.reply.text());
            turn.fail(error);
            turn.end(at);
        });
        // A run that was cancelled, or whose model failed, tells no other end.
        let whole = &mut self.drafts[place.whole];
        if whole.bar.kind == BarKind::Run && whole.bar.is_open {
            whole.fail(error);
            whole.end(at);
            whole.may_go_on = true;
        }
    }

    /// The results of the calls since the last turn, which the model reads now.
    fn results(&mut self, place: &Place) -> String {
        let calls = self.runs.take_calls(place).into_iter().map(|call| {
            let Bar { label, is_failed, details, .. } = &self.drafts[call].bar;
            match (&details.error, is_failed) {
                (Some(error), true) => format!("{label} failed: {error}"),
                _ => format!("result of {label}: {}", details.answered),
            }
        });
        calls.collect::<Vec<_>>().join("\n")
    }

    /// Does something with the turn of the conversation that is not over.
    fn in_turn(&mut self, place: &Place, change: impl FnOnce(&mut Draft)) {
        let turn = self.runs.last_turn(place).map(|turn| &mut self.drafts[turn]);
        if let Some(turn) = turn.filter(|turn| turn.bar.is_open) {
            change(turn);
        }
    }
}

/// A notice: what the request waits for, or a note.
fn heed(turn: &mut Draft, notice: &Notice, at: Duration) {
    match notice {
        Notice::Wait { reason, .. } => {
            turn.enter(State::Gate, at);
            turn.note(at, &format!("waits: {reason}"));
        }
        Notice::Retry { attempt, wait, reason } => {
            turn.lose_attempt(at);
            turn.enter(State::Retry, at);
            let wait = milliseconds::words(*wait);
            turn.note(at, &format!("attempt {attempt} failed, again in {wait}: {reason}"));
        }
        Notice::Sent { provider, model, server } => {
            let details = &mut turn.bar.details;
            (details.provider, details.model) = (Some(provider.into()), Some(model.into()));
            details.server = server.as_ref().map(Into::into);
            end_wait(turn, at);
        }
        other => {
            end_wait(turn, at);
            if let Some(text) = texts::of_notice(other) {
                turn.note(at, &text);
            }
        }
    }
}

/// The request is with the server again.
fn end_wait(turn: &mut Draft, at: Duration) {
    if turn.state().is_some_and(State::is_wait) {
        turn.begin_attempt(at);
        turn.enter(State::FirstToken, at);
    }
}

/// A piece of the reply has arrived.
fn piece(turn: &mut Draft, state: State, at: Duration) {
    end_wait(turn, at);
    turn.has_pieces = true;
    turn.enter(state, at);
}
