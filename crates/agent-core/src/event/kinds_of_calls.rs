//! Makes the events of calls.

use std::sync::Arc;

use super::{EventKind, QueueReason};
use crate::{Call, Outcome, SharedText, ToolCall, safe_lines};

impl EventKind {
    pub(crate) fn call_started(call: &Arc<ToolCall>) -> Self {
        let (id, tool) = named(call);
        Self::CallStarted { id, tool, input: call.input.clone() }
    }

    pub(crate) fn plan_started(call: &Arc<ToolCall>) -> Self {
        let (id, tool) = named(call);
        Self::PlanStarted { id, tool }
    }

    pub(crate) fn call_queued(call: &Arc<ToolCall>, why: QueueReason) -> Self {
        let (id, tool) = named(call);
        Self::CallQueued { id, tool, why }
    }

    pub(crate) fn call_discarded(call: &Arc<ToolCall>) -> Self {
        let (id, tool) = named(call);
        Self::CallDiscarded { id, tool }
    }

    pub(crate) fn call_detached(call: &Arc<ToolCall>) -> Self {
        let (id, tool) = named(call);
        Self::CallDetached { id, tool }
    }

    pub(crate) fn delegated(call: &Call, to: &str) -> Self {
        let id = SharedText::id_of(&call.call);
        let conversation = format!("{}/{id}", call.conversation).into();
        Self::Delegated { id, to: to.into(), conversation }
    }

    pub(crate) fn call_ended(call: &Arc<ToolCall>, is_error: bool, result: impl Into<SharedText>) -> Self {
        let (id, tool) = named(call);
        Self::CallEnded { id, tool, is_error, result: result.into() }
    }

    pub(crate) fn of_outcome(call: &Call, outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Output(content) | Outcome::Answer { content, .. } => {
                Self::call_ended(&call.call, false, content.described())
            }
            Outcome::Error(content) => Self::call_ended(&call.call, true, content.described()),
            Outcome::Transfer(transfer) => {
                Self::TransferAsked { id: SharedText::id_of(&call.call), to: transfer.to.as_str().into() }
            }
            Outcome::Wait { question } => {
                let (id, question) = (SharedText::id_of(&call.call), safe_lines(question).as_ref().into());
                let key = format!("{}/{id}", call.conversation).into();
                Self::CallWaiting { id, key, question }
            }
            Outcome::Delegate { to, .. } => Self::delegated(call, to),
            // It is no event; see `LocalHost::on_outcome`.
            Outcome::Plan { .. } | Outcome::Detach | Outcome::Control(_) => {
                Self::delegated(call, &call.agent)
            }
        }
    }
}

/// The id of a call and the name of its tool, which are in the call already.
pub(crate) fn named(call: &Arc<ToolCall>) -> (SharedText, SharedText) {
    (SharedText::id_of(call), SharedText::name_of(call))
}
