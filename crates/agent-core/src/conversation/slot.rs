//! One call of the last reply, and its state.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Conversation, Skipped};
use crate::{Block, Call, Content, Delegation, ToolCall, Transfer, Work};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Slot {
    pub(super) call: Arc<ToolCall>,
    pub(super) state: State,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum State {
    /// It is a step of a plan, and waits for other steps.
    Planned,
    /// It has not been made.
    Open,
    /// It has not been made, and a person has approved it.
    #[serde(alias = "Allowed")]
    Approved,
    /// Another agent works on it.
    Delegated(Box<Conversation>),
    /// It waits for a person.
    Waiting { question: String },
    /// It asks to transfer the conversation to another agent.
    Transfer(Transfer),
    /// It has its result.
    Done { content: Content, is_error: bool },
    /// It has its result, which ends the run when all calls of the reply are done. Models read
    /// `cut` if there is one.
    Answer { content: Content, cut: Option<Content> },
    /// It is a step of a plan that was not made, or not to its end.
    Skipped(Skipped),
}

impl Slot {
    pub(super) fn open(call: Arc<ToolCall>) -> Self {
        Self { call, state: State::Open }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done { .. } | State::Answer { .. } | State::Skipped(_))
    }

    /// Whether nothing more happens for the call, except a transfer.
    pub(super) fn is_settled(&self) -> bool {
        self.is_done() || matches!(self.state, State::Transfer(_))
    }

    pub(super) fn finish(&mut self, content: impl Into<Content>, is_error: bool) {
        self.state = State::Done { content: content.into(), is_error };
    }

    pub(super) fn fail(&mut self, message: impl Into<String>) {
        self.finish(message.into(), true);
    }

    /// The work of the call; `None` if it is done or waits for something. Whether a delegated
    /// conversation can go on is decided by [`Conversation::survey`].
    pub(super) fn work(&self, place: usize, conversation: &Conversation) -> Option<Work> {
        match &self.state {
            State::Open | State::Approved => Some(Work::Call(self.as_call(place, conversation))),
            State::Delegated(child) => Some(Work::Delegate(Delegation {
                by: conversation.agent.clone(),
                call: self.call.clone(),
                conversation: child.clone(),
            })),
            State::Planned
            | State::Waiting { .. }
            | State::Transfer(_)
            | State::Done { .. }
            | State::Answer { .. }
            | State::Skipped(_) => None,
        }
    }

    pub(super) fn as_call(&self, place: usize, conversation: &Conversation) -> Call {
        Call {
            conversation: conversation.id.clone(),
            depth: conversation.depth,
            agent: conversation.agent.clone(),
            call: self.call.clone(),
            place,
            approved: matches!(self.state, State::Approved),
            may_detach: !conversation.is_plan(),
        }
    }

    /// The result block of the call. `otherwise` gives the error text if there is no result.
    pub(super) fn into_result(self, otherwise: impl FnOnce(&Self) -> String) -> Block {
        match self.state {
            State::Done { content, is_error } => Block::tool_result(&self.call.id, content, is_error),
            State::Answer { content, cut } => {
                Block::tool_result(&self.call.id, cut.unwrap_or(content), false)
            }
            State::Skipped(skipped) => Block::tool_result(&self.call.id, skipped.text().into(), true),
            _ => Block::tool_result(&self.call.id, otherwise(&self).into(), true),
        }
    }
}
