//! What a tool call leads to.

use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use serde::{Deserialize, Serialize};

use crate::{Call, Content, DelegationLimits, UsageByAgent, panic_message::panic_message};

/// What a tool call leads to: a value, carried out by whoever runs the conversation.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// What the model reads.
    Output(Content),
    /// What went wrong, for the model to read; the run goes on. It may hold text and pictures
    /// ([`Block::text`](crate::Block::text), [`Block::image`](crate::Block::image)).
    Error(Content),
    /// The conversation goes over to another agent.
    Transfer(Transfer),
    /// Another agent does a task in a conversation of its own; its answer is the call's result.
    Delegate {
        /// The agent.
        to: String,
        /// What it is told.
        task: Content,
        /// What its tool promises of the whole call; the agent that has the tool fills it in.
        #[serde(default, skip_serializing_if = "DelegationLimits::is_nothing")]
        #[serde(alias = "promised")]
        limits: Box<DelegationLimits>,
    },
    /// The call waits until a person allows it.
    Wait {
        /// What the person is asked. What models wrote may stand in it: it is [made
        /// safe](crate::message::safe_lines) to show.
        question: String,
    },
}

/// The wish to give the conversation to another agent. It takes effect with that agent's first
/// reply; without one, the call is an error result and nothing has changed hands.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The agent.
    pub to: String,
    /// What the asking agent reads if it does not work out; `{why}` in it stands for what went
    /// wrong.
    pub if_failed: String,
    /// Whether the conversation comes back if the other agent fails later, in the same run.
    pub comes_back: bool,
    /// How many transfers there may be since the user spoke, if that is less than the run's limit.
    pub at_most: Option<u32>,
    /// How often the same agent may give the conversation to the same other one while nothing else
    /// gets done; unlimited if absent.
    pub repeats: Option<u32>,
}

impl Transfer {
    /// The conversation goes over to `to`, for good.
    pub fn new(to: impl Into<String>, if_failed: impl Into<String>) -> Self {
        let (to, if_failed) = (to.into(), if_failed.into());
        Self { to, if_failed, comes_back: false, at_most: None, repeats: None }
    }

    /// See [`Transfer::comes_back`].
    pub fn comes_back(mut self, comes_back: bool) -> Self {
        self.comes_back = comes_back;
        self
    }

    /// See [`Transfer::at_most`].
    pub fn at_most(mut self, transfers: u32) -> Self {
        self.at_most = Some(transfers);
        self
    }

    /// See [`Transfer::repeats`].
    pub fn repeats(mut self, times: u32) -> Self {
        self.repeats = Some(times);
        self
    }

    pub(crate) fn failed(&self, why: &str) -> String {
        self.if_failed.replace("{why}", why)
    }
}

impl Outcome {
    /// Words for the model.
    pub fn output(content: impl Into<Content>) -> Self {
        Self::Output(content.into())
    }

    /// A failure, in words for the model, or in blocks.
    pub fn error(content: impl Into<Content>) -> Self {
        Self::Error(content.into())
    }

    /// What the model reads of a Rust error: its words, or of a [`Content`] the blocks it has.
    pub fn failed<E: fmt::Display + 'static>(error: E) -> Self {
        let content = (&error as &dyn Any).downcast_ref::<Content>().cloned();
        Self::Error(content.unwrap_or_else(|| error.to_string().into()))
    }

    /// What the model reads of a call of this tool of which nobody knows how it ended, and which
    /// may not be [made again](crate::ToolSpec::may_be_repeated): for hosts whose runs survive
    /// their process.
    pub fn unknown(tool: &str) -> Self {
        Self::error(format!(
            "outcome unknown: the run was stopped while {tool:?} was being called; it may have had its effect"
        ))
    }

    /// What the model reads of a call that is not made since its run has made as many as it may
    /// ([`Limits::calls`](crate::Limits::calls)): for hosts that count themselves.
    pub fn beyond_calls(most: u32) -> Self {
        Self::error(format!("not run: the limit of {most} tool calls a run is reached"))
    }

    /// What `decide` says of a call of which nobody knows how it ended: what it led to, or `None`
    /// if it is to be made again. If `decide` panics, the call is not made again, and the model
    /// reads that nobody knows.
    pub fn of_unknown(call: &Call, decide: &dyn Fn(&Call) -> Option<Self>) -> Option<Self> {
        // It is foreign code; its panic must not take the run along.
        catch_unwind(AssertUnwindSafe(|| decide(call))).unwrap_or_else(|panic| {
            let (unknown, why) = (Self::unknown(&call.call.name), panic_message(&*panic));
            Some(match unknown {
                Self::Error(unknown) => {
                    Self::error(format!("{}; what was to decide panicked: {why}", unknown.to_text()))
                }
                other => other,
            })
        })
    }

    /// The agent `to` does `task`.
    pub fn delegate(to: impl Into<String>, task: impl Into<Content>) -> Self {
        Self::Delegate { to: to.into(), task: task.into(), limits: Box::default() }
    }
}

impl<C: Into<Content>, E: fmt::Display + 'static> From<Result<C, E>> for Outcome {
    fn from(result: Result<C, E>) -> Self {
        match result {
            Ok(content) => Self::Output(content.into()),
            Err(error) => Self::failed(error),
        }
    }
}

/// A piece of work that has ended: what it led to and what it cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// What it led to.
    pub outcome: Outcome,
    /// What the models in it cost; nothing for a plain tool.
    pub usage: UsageByAgent,
}

impl From<Outcome> for Done {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, usage: UsageByAgent::default() }
    }
}
