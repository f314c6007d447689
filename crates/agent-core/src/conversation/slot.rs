//! One call of the last reply, and how far it has come.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Conversation;
use crate::{Block, Call, Content, Delegation, ToolCall, Transfer, Work};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Slot {
    pub(super) call: Arc<ToolCall>,
    pub(super) state: State,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum State {
    /// Not made yet.
    Open,
    /// Not made yet; a person has allowed it.
    #[serde(alias = "Allowed")]
    Approved,
    /// Another agent is at it.
    Delegated(Box<Conversation>),
    /// A person is asked.
    Waiting { question: String },
    /// It wants the conversation to go over to another agent.
    Transfer(Transfer),
    /// It has its result.
    Done { content: Content, is_error: bool },
}

impl Slot {
    pub(super) fn open(call: Arc<ToolCall>) -> Self {
        Self { call, state: State::Open }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done { .. })
    }

    /// Nothing more happens for it before the conversation goes over.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.state, State::Done { .. } | State::Transfer(_))
    }

    pub(super) fn finish(&mut self, content: impl Into<Content>, is_error: bool) {
        self.state = State::Done { content: content.into(), is_error };
    }

    pub(super) fn fail(&mut self, message: impl Into<String>) {
        self.finish(message.into(), true);
    }

    /// What is to be done for it; `None` if it is done or waits for something. Whether a delegated
    /// conversation can go on is for [`Conversation::survey`] to say.
    pub(super) fn work(&self, place: usize, conversation: &Conversation) -> Option<Work> {
        match &self.state {
            State::Open | State::Approved => Some(Work::Call(self.as_call(place, conversation))),
            State::Delegated(child) => Some(Work::Delegate(Delegation {
                by: conversation.agent.clone(),
                call: self.call.clone(),
                conversation: child.clone(),
            })),
            State::Waiting { .. } | State::Transfer(_) | State::Done { .. } => None,
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
        }
    }

    /// The result block; `otherwise` is the error of a call that has no result.
    pub(super) fn into_result(self, otherwise: impl FnOnce(&Self) -> String) -> Block {
        match self.state {
            State::Done { content, is_error } => Block::tool_result(&self.call.id, content, is_error),
            _ => Block::tool_result(&self.call.id, otherwise(&self).into(), true),
        }
    }
}
