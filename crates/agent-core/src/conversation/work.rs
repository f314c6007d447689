//! The work of a tools' turn.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Conversation, Rules, ToolCall};

/// A piece of work of a tools' turn: a call or a delegation. It is plain data, so another process
/// can carry it out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Work {
    /// A call of a tool.
    Call(Call),
    /// A task for another agent.
    Delegate(Delegation),
}

/// A call of a tool, with the agent and the conversation that it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The id of the conversation.
    pub conversation: Arc<str>,
    /// The number of delegations between the user and that conversation: 0 for the user's own.
    pub depth: u32,
    /// The agent that made the call.
    pub agent: Arc<str>,
    /// The call itself.
    pub call: Arc<ToolCall>,
    /// The place of the call among the calls of its reply, from 0.
    #[serde(default)]
    pub place: usize,
    /// Whether a person has approved the call, after an [`Outcome::Wait`](crate::Outcome::Wait).
    #[serde(alias = "allowed")]
    pub approved: bool,
    /// Whether the call may be [detached](crate::ToolSpec::detach_after), if its tool allows it.
    /// Steps of plans can't be, and a call that is made in its own conversation is not again.
    #[serde(default)]
    pub may_detach: bool,
}

impl Call {
    /// How long the call may take before it is detached, by the spec of its tool. `None` if it is an
    /// ordinary call. A host that can detach calls gives those of such tools the outcome
    /// [`Outcome::Detach`](crate::Outcome::Detach) instead of making them.
    pub fn detach_after(&self, rules: &dyn Rules) -> Option<Duration> {
        let may_detach = self.may_detach
            && self.depth < rules.limits().deepest()
            && !rules.limits().is_beyond(self.place)
            && self.call.malformed().is_none();
        rules.spec(&self.agent, &self.call.name).filter(|_| may_detach)?.detach_after
    }
}

/// A task for another agent, and the call that led to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delegation {
    /// The agent that delegates.
    pub by: Arc<str>,
    /// The call whose result the answer will be.
    pub call: Arc<ToolCall>,
    /// The other agent's conversation in its current state.
    pub conversation: Box<Conversation>,
}

impl Delegation {
    /// The call that led to it, with the agent and the conversation that made it.
    pub fn as_call(&self) -> Call {
        let id = self.conversation.id();
        Call {
            conversation: id.rsplit_once('/').map_or(id, |(parent, _)| parent).into(),
            depth: self.conversation.depth().saturating_sub(1),
            agent: self.by.clone(),
            call: self.call.clone(),
            place: 0,
            approved: false,
            may_detach: true,
        }
    }

    /// Whether it is the work of a call that may be [detached](crate::Outcome::Detach), or is.
    pub fn is_detachable(&self) -> bool {
        self.conversation.is_detachable()
    }

    /// The call of a step of a [plan](crate::conversation::Plan) that begins now, and is made for
    /// each item of a list. No tool is called for the step itself, so a host tells listeners that it
    /// begins ([`Perform::on_items`](crate::host::Perform::on_items)). `None` for everything else.
    pub fn begins_items(&self) -> Option<Call> {
        self.conversation.are_new_items().then(|| self.as_call())
    }
}

impl Work {
    /// The id of the call.
    pub fn id(&self) -> &str {
        &self.tool_call().id
    }

    pub(crate) fn tool_call(&self) -> &Arc<ToolCall> {
        match self {
            Self::Call(Call { call, .. }) | Self::Delegate(Delegation { call, .. }) => call,
        }
    }
}
