//! The calls of tools.

use agent_core::{Event, EventKind, event::QueueReason};

use super::{TimelineBuilder, draft::Draft, runs::Place};
use crate::{
    bar::{Bar, BarKind},
    state::State,
};

impl TimelineBuilder {
    /// An event of a call. All others are left out.
    pub(super) fn call_event(&mut self, place: &Place, event: &Event, kind: &EventKind) {
        let at = place.at;
        match kind {
            EventKind::CallQueued { id, tool, why } => {
                self.open(place, event, id, tool).enter(queued(*why), at);
            }
            EventKind::CallStarted { id, tool, input } => {
                self.open(place, event, id, tool).begin(input.text(), at);
            }
            // Its steps are within it.
            EventKind::PlanStarted { id, tool } => {
                self.open(place, event, id, tool).enter(State::Delegated, at);
            }
            EventKind::CallCouldStartEarlier { id, tool, by } => {
                self.open(place, event, id, tool).bar.could_start = Some(at.saturating_sub(*by));
            }
            EventKind::CallDetached { id, tool }
            | EventKind::CallDiscarded { id, tool }
            | EventKind::CallGoesOn { id, tool, .. }
            | EventKind::CallProgress { id, tool, .. } => {
                let text = note_of(kind);
                let call = self.open(place, event, id, tool);
                call.note(at, &text);
                if matches!(kind, EventKind::CallDetached { .. }) {
                    call.bar.detached = Some(at);
                }
            }
            EventKind::Delegated { id, to, .. } => self.delegated(place, event, (id, to)),
            EventKind::CallEnded { id, tool, is_error, result } => {
                self.call_ended(place, event, (id, tool), *is_error, result);
            }
            EventKind::CallWaiting { id, question, .. } => {
                let call = self.open(place, event, id, "");
                call.enter(State::Person, at);
                call.note(at, question);
            }
            EventKind::TransferAsked { id, to } => self.transfer_asked(place, event, (id, to)),
            _ => {}
        }
    }

    fn delegated(&mut self, place: &Place, event: &Event, (id, to): (&str, &str)) {
        let call = self.open(place, event, id, to);
        // A plan and a call in the background are conversations of the same agent, which has nothing
        // to do with them.
        if *to != *event.agent {
            call.bar.label = to.to_owned();
        }
        call.enter(State::Delegated, place.at);
    }

    /// The call is over as far as time is concerned: the turn of the other agent comes next.
    fn transfer_asked(&mut self, place: &Place, event: &Event, (id, to): (&str, &str)) {
        let call = self.open(place, event, id, to);
        call.note(place.at, &format!("asks to transfer the conversation to {to}"));
        call.end(place.at);
    }

    fn call_ended(
        &mut self,
        place: &Place,
        event: &Event,
        (id, tool): (&str, &str),
        is_error: bool,
        result: &str,
    ) {
        // The call of a transfer has ended as far as time is concerned.
        let known = self.runs.call(place, id).filter(|&call| !self.drafts[call].bar.is_open);
        let is_over = known.filter(|&call| self.drafts[call].bar.details.answered.is_empty());
        let call = match is_over {
            Some(call) => &mut self.drafts[call],
            None => self.open(place, event, id, tool),
        };
        if is_error {
            call.lose_attempt(place.at.max(call.bar.end));
            call.fail(result);
        } else {
            call.answer(result);
        }
        if call.bar.is_open {
            call.end(place.at);
        }
    }

    /// The bar of a call that is not over. It is added if there is none.
    fn open(&mut self, place: &Place, event: &Event, id: &str, tool: &str) -> &mut Draft {
        let known = self.runs.call(place, id).filter(|&call| self.drafts[call].bar.is_open);
        let call = known.unwrap_or_else(|| {
            self.end_wait(place, event, id);
            let turn = self.runs.last_turn(place);
            self.runs.add_call(place, id, self.drafts.next());
            let key = format!("{}/{id}", event.conversation);
            let whose = (event.conversation.clone(), event.agent.clone());
            let bar = Bar::new(BarKind::Call, key, Some(place.whole), whose, place.at);
            let bar = Bar { turn, label: tool.to_owned(), tool: Some(tool.to_owned()), ..bar };
            self.drafts.add(bar, place.run)
        });
        &mut self.drafts[call]
    }
}

impl TimelineBuilder {
    /// A call begins that waited for a person in an earlier run. It waited until now, and so did the
    /// calls that it is within.
    fn end_wait(&mut self, place: &Place, event: &Event, id: &str) {
        let mut waits = self.runs.earlier_call(place, &event.conversation, id);
        waits = waits.filter(|&call| self.drafts[call].state() == Some(State::Person));
        while let Some(draft) = waits.map(|call| &mut self.drafts[call]) {
            if !draft.bar.is_open || draft.bar.kind != BarKind::Call {
                break;
            }
            draft.end(place.at);
            waits = draft.bar.parent;
        }
    }
}

/// What a call that is queued waits for.
fn queued(why: QueueReason) -> State {
    match why {
        QueueReason::Exclusive => State::Exclusive,
        _ => State::Permit,
    }
}

/// What an event of a call says beside its result.
fn note_of(kind: &EventKind) -> String {
    match kind {
        EventKind::CallDiscarded { .. } => {
            "its reply does not count, so no message tells of its result".to_owned()
        }
        EventKind::CallGoesOn { why, .. } => {
            format!("its result is not used, but its function still runs: {why}")
        }
        EventKind::CallDetached { .. } => "goes on in the background".to_owned(),
        EventKind::CallProgress { text, .. } => text.into(),
        _ => String::new(),
    }
}
