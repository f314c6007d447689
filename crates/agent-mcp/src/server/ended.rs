//! How a call has ended, for the clients that wait for it.

use std::sync::Arc;

use agent_core::{Content, Conversation, End, conversation::PendingApproval};

use super::tool_caller::{CALL, TOOL_CALLER};

/// How the run of a call has ended.
#[derive(Clone, Debug)]
pub(crate) enum Ended {
    /// The call has its result.
    Result(Arc<CallResult>),
    /// These calls wait for a person.
    Waiting(Arc<[PendingApproval]>),
}

/// The result of a call.
#[derive(Debug)]
pub(crate) struct CallResult {
    pub(crate) content: Content,
    pub(crate) is_error: bool,
}

impl Ended {
    /// Reads it from the conversation of the call.
    pub(crate) fn of(end: &End, conversation: &Conversation) -> Self {
        match end {
            End::Waiting(calls) => Self::Waiting(calls.clone().into()),
            // The result of a plain tool is in the record. If the call was a transfer, another agent
            // has answered.
            End::Answered(text) if conversation.agent() != TOOL_CALLER => Self::output(text.clone()),
            End::Answered(text) => tool_result(conversation).unwrap_or_else(|| Self::output(text.clone())),
            other => tool_result(conversation).unwrap_or_else(|| Self::error(other.to_string())),
        }
    }

    pub(crate) fn error(text: impl Into<String>) -> Self {
        Self::Result(Arc::new(CallResult { content: Content::Text(text.into()), is_error: true }))
    }

    fn output(content: impl Into<Content>) -> Self {
        Self::Result(Arc::new(CallResult { content: content.into(), is_error: false }))
    }
}

/// The result of the call to a plain tool; `None` if there is none, or an agent was called.
fn tool_result(conversation: &Conversation) -> Option<Ended> {
    if conversation.agent() != TOOL_CALLER {
        return None;
    }
    let mut results = conversation.messages().iter().flat_map(|message| message.tool_results());
    let (_, content, is_error) = results.find(|(id, ..)| *id == CALL)?;
    Some(Ended::Result(Arc::new(CallResult { content: content.clone(), is_error })))
}
