//! Whose turn it is: the one place that decides it.

use super::{Conversation, Slot, State};
use crate::{End, Rules, StopReason, Transfer, Waiting, Work};

/// Who does what next.
pub(super) enum Next {
    Model,
    Tools(Vec<Work>),
    User(End),
}

impl Conversation {
    pub(super) fn next(&self, rules: &dyn Rules) -> Next {
        use StopReason::*;
        let Some(reason) = &self.stop else {
            return match self.messages.iter().any(|message| message.without_blanks().is_some()) {
                true => self.model(rules),
                false => Next::User(End::Other("nothing was said yet: say something first".to_owned())),
            };
        };
        Next::User(match reason {
            ToolUse if self.slots.is_empty() => End::Other("tool_use without a tool call".to_owned()),
            ToolUse => return self.tools(rules),
            PauseTurn | Compaction => return self.model(rules),
            EndTurn | StopSequence => End::Answered(self.text()),
            MaxTokens | ContextWindowExceeded => End::Cut(reason.clone()),
            Refusal => End::Refused(self.stop_details.clone()),
            Other(word) => End::Other(word.clone()),
        })
    }

    fn model(&self, rules: &dyn Rules) -> Next {
        match self.turns < rules.turns(&self.agent) {
            true => Next::Model,
            false => Next::User(End::TurnLimit(self.turns)),
        }
    }

    /// Calls that come first are made one at a time, before all others. The others start together,
    /// but for the exclusive ones, each of which is a barrier. A transfer takes place once what goes
    /// before it is done.
    fn tools(&self, rules: &dyn Rules) -> Next {
        let first = |slot: &&Slot| self.spec(slot, rules).is_some_and(|spec| spec.first);
        if let Some(slot) = self.slots.iter().filter(first).find(|slot| !slot.is_done()) {
            return match (&slot.state, slot.work(self, rules)) {
                (State::Transfer(_), _) => Next::Model,
                (_, Some(work)) => Next::Tools(vec![work]),
                (_, None) => Next::User(End::Waiting(self.all_waiting(rules))),
            };
        }
        let work = self.startable(rules);
        if !work.is_empty() {
            return Next::Tools(work);
        }
        let waiting = self.all_waiting(rules);
        match waiting.is_empty() {
            true => Next::Model, // Nothing else is left but a transfer.
            false => Next::User(End::Waiting(waiting)),
        }
    }

    fn startable(&self, rules: &dyn Rules) -> Vec<Work> {
        let mut batch = Vec::new();
        for slot in self.slots.iter().filter(|slot| !slot.is_done()) {
            let exclusive = self.spec(slot, rules).is_some_and(|spec| spec.exclusive);
            let Some(work) = slot.work(self, rules) else {
                match exclusive {
                    true => break,
                    false => continue,
                }
            };
            if exclusive {
                let earlier = self.slots.iter().take_while(|other| other.call.id != slot.call.id);
                if earlier.into_iter().all(Slot::is_settled) {
                    batch.push(work);
                }
                break;
            }
            batch.push(work);
        }
        batch
    }

    fn spec<'r>(&self, slot: &Slot, rules: &'r dyn Rules) -> Option<&'r crate::ToolSpec> {
        rules.spec(&self.agent, &slot.call.name)
    }

    /// The calls a person is asked about, if nothing else can be done.
    pub(super) fn waiting(&self, rules: &dyn Rules) -> Option<Vec<Waiting>> {
        match self.next(rules) {
            Next::User(End::Waiting(calls)) => Some(calls),
            _ => None,
        }
    }

    /// All calls a person is asked about, those of delegated conversations too, in call order.
    fn all_waiting(&self, rules: &dyn Rules) -> Vec<Waiting> {
        let mut all = Vec::new();
        for slot in &self.slots {
            match &slot.state {
                State::Waiting { question } => all.push(Waiting {
                    key: self.key(slot),
                    agent: self.agent.clone(),
                    call: slot.call.clone(),
                    question: question.clone(),
                }),
                State::Delegated(child) => all.extend(child.waiting(rules).unwrap_or_default()),
                _ => {}
            }
        }
        all
    }

    pub(super) fn key(&self, slot: &Slot) -> String {
        format!("{}/{}", self.id, slot.call.id)
    }

    /// The transfer that takes place next, and the place of its call: the first in call order.
    pub(super) fn transfer(&self) -> Option<(usize, &Transfer)> {
        self.slots.iter().enumerate().find_map(|(place, slot)| match &slot.state {
            State::Transfer(transfer) => Some((place, transfer)),
            _ => None,
        })
    }
}
