//! The outcomes of tool calls.

use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{Control, Plan};
use crate::{BudgetExceeded, Call, Content, DelegationLimits, UsageByAgent, panic_message::panic_message};

/// The text before the reason in the result of a denied call.
pub(super) const DENIED: &str = "denied: ";

/// The outcome of a tool call: a result, or a request to do something else. It is plain data; the
/// host that runs the conversation carries it out.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// A result, which the model reads.
    Output(Content),
    /// An error, which the model reads. The run goes on. An error can hold text and pictures
    /// ([`Block::text`](crate::Block::text), [`Block::image`](crate::Block::image)).
    Error(Content),
    /// A result that is the answer of the run. The model reads it as the result of the call, but is
    /// not asked again: when all calls of the reply have their results, the run ends with
    /// [`End::Answered`](crate::End::Answered) and the text of this content.
    ///
    /// - If several calls of a reply answer, the first one in call order is the answer. A call that
    ///   fails beside it changes nothing.
    /// - If other calls wait for a person, the run waits first. If another call asks for a
    ///   transfer, the other agent answers; the run ends with this answer only if the transfer
    ///   fails.
    /// - If the user goes on before the run has ended, or the reply was cut, it is an ordinary
    ///   result.
    Answer {
        /// The answer. It is never cut.
        content: Content,
        /// What models read of the answer, if the whole is too long for a result. A tool leaves it
        /// empty; the library fills it in from the limits of results.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cut: Option<Content>,
    },
    /// Transfers the conversation to another agent, which then answers the user.
    Transfer(Transfer),
    /// Gives a task to another agent, in a separate conversation. That agent's answer is the result
    /// of the call.
    Delegate {
        /// The name of the agent.
        to: String,
        /// The task, as the first message that the agent reads.
        task: Content,
        /// The limits of the call. A tool leaves them empty; the library fills them in from the
        /// settings of the tool and its agent.
        #[serde(default, skip_serializing_if = "DelegationLimits::is_nothing")]
        #[serde(alias = "promised")]
        limits: Box<DelegationLimits>,
    },
    /// Makes other calls of the agent's tools, which may depend on each other. What the plan shows
    /// of their results is the result of the call. The calls are made in a separate conversation of
    /// the same agent, in which no model is asked. It counts as one level of delegation.
    Plan {
        /// The calls.
        plan: Arc<Plan>,
        /// The limits of the call. A tool leaves them empty; the library fills them in from the
        /// settings of the tool and its agent.
        #[serde(default, skip_serializing_if = "DelegationLimits::is_nothing")]
        limits: Box<DelegationLimits>,
    },
    /// The call is made in a separate conversation of the same agent, in which no model is asked, so
    /// that it can go on while this conversation does. It counts as one level of delegation. A host
    /// gives this outcome to calls of tools with [`detach_after`](crate::ToolSpec::detach_after);
    /// a tool does not return it.
    Detach,
    /// Looks after calls that are [detached](crate::ToolSpec::detach_after): the host does what the
    /// call asks, and gives it its result. The input of the call is an object. `"calls"` is a list of
    /// ids; without it, all calls are meant that go on. `detached_tools` of agent-tools are tools
    /// with this outcome.
    Control(Control),
    /// The call waits until a person approves or denies it.
    Wait {
        /// The question for the person. The question may contain text of models, so control
        /// characters in it are [escaped](crate::message::safe_lines).
        question: String,
    },
}

/// A request to transfer the conversation to another agent. The transfer takes effect when that
/// agent gives its first reply. If that request fails, so does the transfer: the call that asked
/// for it gets an error result, and the agent that made the call keeps the conversation.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The name of the agent.
    pub to: String,
    /// The text of the error result if the transfer fails, for the agent that asked for it. `{why}`
    /// in this text is replaced by the reason.
    pub if_failed: String,
    /// Whether the conversation returns to the asking agent if the other agent fails later in the
    /// same run.
    pub comes_back: bool,
    /// The most transfers since the user spoke, if that is less than
    /// [`Limits::transfers`](crate::Limits::transfers). `None` if only that limit applies.
    pub at_most: Option<u32>,
    /// How many times the same agent may transfer the conversation to the same other agent while no
    /// other call has succeeded in between. `None` means no limit.
    pub repeats: Option<u32>,
}

impl Transfer {
    /// Makes a transfer to the agent `to`. By default the conversation does not come back, and only
    /// the run's limit applies. For `if_failed`, see [`Transfer::if_failed`].
    pub fn new(to: impl Into<String>, if_failed: impl Into<String>) -> Self {
        let (to, if_failed) = (to.into(), if_failed.into());
        Self { to, if_failed, comes_back: false, at_most: None, repeats: None }
    }

    /// Sets [`Transfer::comes_back`].
    pub fn comes_back(mut self, comes_back: bool) -> Self {
        self.comes_back = comes_back;
        self
    }

    /// Sets [`Transfer::at_most`].
    pub fn at_most(mut self, transfers: u32) -> Self {
        self.at_most = Some(transfers);
        self
    }

    /// Sets [`Transfer::repeats`].
    pub fn repeats(mut self, times: u32) -> Self {
        self.repeats = Some(times);
        self
    }

    pub(crate) fn failed(&self, why: &str) -> String {
        self.if_failed.replace("{why}", why)
    }
}

impl Outcome {
    /// Makes a result for the model: text or blocks.
    pub fn output(content: impl Into<Content>) -> Self {
        Self::Output(content.into())
    }

    /// Makes an answer that ends the run; see [`Outcome::Answer`].
    pub fn answer(content: impl Into<Content>) -> Self {
        Self::Answer { content: content.into(), cut: None }
    }

    /// Makes an error for the model: text or blocks.
    pub fn error(content: impl Into<Content>) -> Self {
        Self::Error(content.into())
    }

    /// Makes an error for the model from a Rust error. The model reads its `Display` text, or its
    /// blocks if it is a [`Content`].
    pub fn failed<E: fmt::Display + 'static>(error: E) -> Self {
        let content = (&error as &dyn Any).downcast_ref::<Content>().cloned();
        Self::Error(content.unwrap_or_else(|| error.to_string().into()))
    }

    /// Makes the error result of a call that started, whose outcome is unknown, and that may not be
    /// [made again](crate::ToolSpec::may_be_repeated). It is for hosts whose runs survive their
    /// process.
    pub fn unknown(tool: &str) -> Self {
        Self::error(format!(
            "outcome unknown: the run was stopped while {tool:?} was being called; it may have had its effect"
        ))
    }

    /// Makes the error result of a call that a person denied for this reason. It is for hosts.
    pub fn denied(reason: &str) -> Self {
        Self::error(format!("{DENIED}{reason}"))
    }

    /// Makes the error result of a call that is not made because its run has reached
    /// [`Limits::calls`](crate::Limits::calls). It is for hosts that count calls themselves.
    pub fn beyond_calls(most: u32) -> Self {
        Self::error(format!("not run: the limit of {most} tool calls per run is reached"))
    }

    /// Makes the error result of a call that is not made because a budget does not allow it. It is
    /// for hosts that count calls themselves.
    pub fn beyond_budget(exceeded: &BudgetExceeded) -> Self {
        Self::error(format!("not run: {exceeded}"))
    }

    /// Asks `decide` what to do about a call whose outcome is unknown. `decide` returns the outcome
    /// to record, or `None` to make the call again. If `decide` panics, this returns
    /// [`unknown`](Self::unknown).
    pub fn of_unknown(call: &Call, decide: &dyn Fn(&Call) -> Option<Self>) -> Option<Self> {
        // `decide` is foreign code. A panic in it must not end the run.
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

    /// Changes what models read of a result. The answer of a run stays whole.
    pub(crate) fn map_result(self, change: impl FnOnce(Content) -> Content) -> Self {
        match self {
            Self::Output(content) => Self::Output(change(content)),
            Self::Error(content) => Self::Error(change(content)),
            Self::Answer { content, cut } => {
                let read = change(cut.unwrap_or_else(|| content.clone()));
                Self::Answer { cut: (read != content).then_some(read), content }
            }
            other => other,
        }
    }

    /// A plan with the most calls that one of its steps may make.
    pub(super) fn with_calls_in_reply(mut self, most: Option<u32>) -> Self {
        if let Self::Plan { limits, .. } = &mut self {
            limits.calls_in_reply = most;
        }
        self
    }

    /// The outcome of a step of a plan. A step can't end the run or hand the conversation over.
    pub(super) fn of_step(self) -> Self {
        match self {
            // Only models read it here.
            Self::Answer { content, cut } => Self::Output(cut.unwrap_or(content)),
            Self::Transfer(transfer) => {
                Self::error(transfer.failed("a step of a plan can't hand the conversation over"))
            }
            other => other,
        }
    }

    /// The outcome of a call that may be detached. The model may have gone on meanwhile.
    pub(super) fn of_detachable(self) -> Self {
        let why = "a call that may go on in the background can't hand the conversation over";
        match self {
            Self::Transfer(transfer) => Self::error(transfer.failed(why)),
            other => other,
        }
    }

    /// Makes a plan: calls that depend on each other.
    pub fn plan(plan: Plan) -> Self {
        Self::Plan { plan: plan.into(), limits: Box::default() }
    }

    /// Makes a delegation: the agent `to` gets `task`, and that agent's answer is the result of the
    /// call.
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

/// The outcome of a call or a delegation that has ended, and its usage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// The outcome.
    pub outcome: Outcome,
    /// The tokens that models used for this call or delegation. Empty for tools that ask no model.
    pub usage: UsageByAgent,
}

impl From<Outcome> for Done {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, usage: UsageByAgent::default() }
    }
}
