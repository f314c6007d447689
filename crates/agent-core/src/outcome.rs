//! What a tool call leads to.

use serde::{Deserialize, Serialize};

use crate::{Content, Usage};

/// What a tool call leads to: a value, carried out by whoever runs the conversation.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// What the model reads.
    Output(Content),
    /// What went wrong, for the model to read; the run goes on.
    Error(String),
    /// The conversation goes over to another agent.
    Transfer(Transfer),
    /// Another agent does a task in a conversation of its own; its answer is the call's result.
    Delegate {
        /// The agent.
        to: String,
        /// What it is told.
        task: Content,
    },
    /// The call waits until a person allows it.
    Wait {
        /// What the person is asked.
        question: String,
    },
}

/// The wish to give the conversation to another agent. It takes effect with that agent's first reply.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The agent.
    pub to: String,
    /// What the asking agent reads if the other one does not answer; why is added.
    pub if_failed: String,
}

impl Outcome {
    /// Words for the model.
    pub fn output(content: impl Into<Content>) -> Self {
        Self::Output(content.into())
    }

    /// A failure, in words for the model.
    pub fn error(message: impl Into<String>) -> Self {
        Self::Error(message.into())
    }

    /// The conversation goes over to `to`.
    pub fn transfer(to: impl Into<String>, if_failed: impl Into<String>) -> Self {
        Self::Transfer(Transfer { to: to.into(), if_failed: if_failed.into() })
    }

    /// The agent `to` does `task`.
    pub fn delegate(to: impl Into<String>, task: impl Into<Content>) -> Self {
        Self::Delegate { to: to.into(), task: task.into() }
    }
}

impl<C: Into<Content>, E: std::fmt::Display> From<Result<C, E>> for Outcome {
    fn from(result: Result<C, E>) -> Self {
        match result {
            Ok(content) => Self::Output(content.into()),
            Err(error) => Self::Error(error.to_string()),
        }
    }
}

/// A piece of work that has ended: what it led to and what it cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// What it led to.
    pub outcome: Outcome,
    /// What the models in it cost; nothing for a plain tool.
    pub usage: Usage,
}

impl From<Outcome> for Done {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, usage: Usage::default() }
    }
}
