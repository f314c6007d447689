//! A turn: what a driver is handed, and cannot take twice or out of order.

use std::ops::Deref;

use super::{Conversation, ToolTurn, next::Next};
use crate::{End, Failure, Response, Rules};

/// Whose turn it is. It borrows the conversation, so a turn taken in the wrong order does not
/// compile.
#[derive(Debug)]
pub enum Turn<'a> {
    /// The model's: one request.
    Model(ModelTurn<'a>),
    /// The tools': all calls that may start now.
    Tools(ToolTurn<'a>),
    /// The user's: the run is over.
    User(End),
}

impl Turn<'_> {
    /// How the run ended, if it is the user's turn.
    pub fn into_end(self) -> Option<End> {
        match self {
            Self::User(end) => Some(end),
            Self::Model(_) | Self::Tools(_) => None,
        }
    }
}

/// The model's turn. Read the conversation through it.
#[derive(Debug)]
pub struct ModelTurn<'a> {
    conversation: &'a mut Conversation,
}

impl Conversation {
    /// Whose turn it is, under these rules.
    pub fn turn<'a>(&'a mut self, rules: &'a dyn Rules) -> Turn<'a> {
        match self.next(rules) {
            Next::Model => Turn::Model(ModelTurn { conversation: self }),
            Next::Tools(work, later) => Turn::Tools(ToolTurn::new(self, rules, work, later)),
            // An agent that was given the conversation and does not get done gives it back.
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
    /// Takes in what the model said. A failure that the conversation can go on from (another agent
    /// did not take it over) is taken in too; any other is given back, and nothing has changed but
    /// the [usage](Conversation::usage).
    pub fn answer(self, result: Result<Response, Failure>) -> Result<(), Failure> {
        self.conversation.answer(result)
    }
}
