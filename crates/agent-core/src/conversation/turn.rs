//! Turns: whose move it is. The types make it impossible to take a turn twice or in the wrong
//! order.

use std::ops::Deref;

use super::{Conversation, ToolTurn, next::Next};
use crate::{End, Failure, Response, Rules};

/// Whose turn it is: the model's, the tools' or the user's. A turn borrows the conversation, so
/// taking turns in the wrong order does not compile.
#[derive(Debug)]
pub enum Turn<'a> {
    /// The model's turn: one request.
    Model(ModelTurn<'a>),
    /// The tools' turn: all calls that may start now.
    Tools(ToolTurn<'a>),
    /// The user's turn: the run is over.
    User(End),
}

impl Turn<'_> {
    /// Returns how the run ended, if it is the user's turn; `None` if it is another turn.
    pub fn into_end(self) -> Option<End> {
        match self {
            Self::User(end) => Some(end),
            Self::Model(_) | Self::Tools(_) => None,
        }
    }
}

/// The model's turn: ask the model and give its reply to [`answer`](Self::answer). It dereferences
/// to the conversation.
#[derive(Debug)]
pub struct ModelTurn<'a> {
    conversation: &'a mut Conversation,
}

impl Conversation {
    /// Decides whose turn it is: the model's, the tools' or the user's. The loop repeats this
    /// question until it is the user's turn. The rules are usually a [`Team`](crate::Team). The
    /// conversation changes only if an agent has no turns left and returns the conversation to the
    /// agent that transferred it.
    pub fn turn<'a>(&'a mut self, rules: &'a dyn Rules) -> Turn<'a> {
        match self.next(rules) {
            Next::Model => Turn::Model(ModelTurn { conversation: self }),
            Next::Tools(work, later) => Turn::Tools(ToolTurn::new(self, rules, work, later)),
            // An agent that reaches its turn limit returns the conversation to the agent that
            // transferred it.
            Next::User(End::TurnLimit(turns))
                if self.return_conversation(&self.turn_limit_message(turns)) =>
            {
                self.turn(rules)
            }
            Next::User(end) => Turn::User(end),
        }
    }
}

impl Deref for ModelTurn<'_> {
    type Target = Conversation;

    fn deref(&self) -> &Conversation {
        self.conversation
    }
}

impl ModelTurn<'_> {
    /// Records the model's reply or failure. A failure is recorded if another agent can go on, for
    /// example when a transfer fails. If no agent can, the failure is returned as the error, and
    /// only the [usage](Conversation::usage) has changed.
    pub fn answer(self, result: Result<Response, Failure>) -> Result<(), Failure> {
        self.conversation.answer(result)
    }
}
