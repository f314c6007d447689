//! The tools' turn.

use std::fmt;

use super::{Conversation, State};
use crate::{Delegation, Done, Outcome, Rules, Work};

/// The tools' turn: the work that may start now, and where each piece is recorded as it ends.
pub struct ToolTurn<'a> {
    conversation: &'a mut Conversation,
    rules: &'a dyn Rules,
    work: Vec<Work>,
}

impl<'a> ToolTurn<'a> {
    pub(super) fn new(conversation: &'a mut Conversation, rules: &'a dyn Rules, work: Vec<Work>) -> Self {
        Self { conversation, rules, work }
    }

    /// What may start now, in call order; never empty.
    pub fn work(&self) -> &[Work] {
        &self.work
    }

    /// Records what a call led to, in any order; gives back what is still to do for that call. With
    /// the last result in, the user message with all of them stands in the conversation.
    ///
    /// # Panics
    /// If the call is none of this turn's, or has its result already: a bug of the host.
    pub fn record(&mut self, id: &str, done: Done) -> Option<Work> {
        let (state, more) = self.admit(id, done.outcome);
        let slots = &mut self.conversation.slots;
        let slot = slots.iter_mut().find(|slot| slot.call.id == id && !slot.is_done());
        let slot = slot.unwrap_or_else(|| panic!("call {id:?} is not open in this turn"));
        slot.state = state;
        self.conversation.usage += done.usage;
        self.conversation.append_results_if_done();
        more
    }

    /// Keeps how far a delegated conversation has come, for a later run to go on with.
    pub fn keep(&mut self, id: &str, conversation: Conversation) {
        let slot = self.conversation.slots.iter_mut().find(|slot| slot.call.id == id);
        if let Some(State::Delegated(child)) = slot.map(|slot| &mut slot.state) {
            **child = conversation;
        }
    }

    /// What an outcome means under the rules: some are refused, with words the model reads.
    fn admit(&self, id: &str, outcome: Outcome) -> (State, Option<Work>) {
        let failed = |message: String| (State::Done { content: message.into(), is_error: true }, None);
        let (conversation, limits) = (&*self.conversation, self.rules.limits());
        match outcome {
            Outcome::Output(content) => (State::Done { content, is_error: false }, None),
            Outcome::Error(message) => failed(message),
            Outcome::Wait { question } => (State::Waiting { question }, None),
            Outcome::Transfer(transfer) => match self.unknown(&transfer.to) {
                Some(error) => failed(transfer.failed(&error)),
                None => match conversation.forbidden(&transfer, limits.transfers) {
                    Some(why) => failed(transfer.failed(&why)),
                    None => (State::Transfer(transfer), None),
                },
            },
            Outcome::Delegate { to, task } => match self.unknown(&to) {
                Some(error) => failed(error),
                None if conversation.depth >= limits.depth => {
                    failed(format!("not delegated to {to:?}: the depth limit of {} is reached", limits.depth))
                }
                None if task.is_blank() => failed(format!("not delegated to {to:?}: the task is empty")),
                None => {
                    let child = conversation.child(id, to, task);
                    let more = self.delegation(id, child.clone());
                    (State::Delegated(Box::new(child)), more)
                }
            },
        }
    }

    fn delegation(&self, id: &str, conversation: Conversation) -> Option<Work> {
        let slot = self.conversation.slots.iter().find(|slot| slot.call.id == id)?;
        let (by, call) = (self.conversation.agent.clone(), slot.call.clone());
        Some(Work::Delegate(Delegation { by, call, conversation }))
    }

    fn unknown(&self, agent: &str) -> Option<String> {
        let agents = self.rules.agents();
        let known = agents.contains(&agent);
        (!known).then(|| format!("there is no agent named {agent:?}; agents: {}", agents.join(", ")))
    }
}

impl fmt::Debug for ToolTurn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolTurn").field("work", &self.work).finish_non_exhaustive()
    }
}
