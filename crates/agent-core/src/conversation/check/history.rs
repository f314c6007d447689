//! The API's rules for the messages of a history.

use std::collections::HashSet;

use crate::{Block, BlockKind, Message, Role};

/// The error for messages that are no valid history: which message is wrong, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("message {message} {why}")]
pub struct InvalidHistory {
    /// The index of the message.
    pub message: usize,
    /// What is wrong with it.
    pub why: HistoryFault,
}

/// What is wrong with a message of a history.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryFault {
    /// The first message is a reply.
    #[error("is a reply, but the user speaks first")]
    BeginsWithReply,
    /// A message that is not a reply has tool calls.
    #[error("has tool calls, but is not a reply")]
    CallsOutsideReply,
    /// A message that is not the user's has tool results.
    #[error("has tool results, but is not the user's")]
    ResultsOutsideUser,
    /// Two calls have the same id.
    #[error("repeats the call id {0:?}")]
    RepeatedId(String),
    /// A call has an id that the API does not accept.
    #[error("has the call id {0:?}, but ids are letters, digits, `_` and `-`")]
    InvalidId(String),
    /// A call has a tool name that the API does not accept.
    #[error("calls the tool {0:?}, but names are 1 to 128 letters, digits, `_` and `-`")]
    InvalidName(String),
    /// The input of a call is not a JSON object.
    #[error("has the call {0:?}, whose input is not a JSON object")]
    InvalidInput(String),
    /// The results are not those of the reply before.
    #[error("must begin with the results of the calls {expected:?}, but begins with those of {found:?}")]
    WrongResults {
        /// The ids of the calls that have no result yet.
        expected: Vec<String>,
        /// The ids of the results with which the message begins.
        found: Vec<String>,
    },
}

/// Checks that each call has its own id and exactly one result, in call order and first in the next
/// user message. Returns the ids of the calls that are still open.
pub(super) fn open_calls(messages: &[Message]) -> Result<Vec<&str>, InvalidHistory> {
    let mut all = HashSet::new();
    let mut open: Vec<&str> = Vec::new();
    for (message, content) in messages.iter().enumerate() {
        let wrong = |why| InvalidHistory { message, why };
        let calls: Vec<&str> = content.tool_calls().map(|call| call.id.as_str()).collect();
        if let Some(id) = calls.iter().find(|id| !all.insert(**id)) {
            return Err(wrong(HistoryFault::RepeatedId((*id).to_owned())));
        }
        let results: Vec<Option<&str>> = content.content().iter().map(answers).collect();
        let first = results.iter().take_while(|result| result.is_some()).flatten().copied();
        match (content.role(), results.iter().flatten().count(), first.collect::<Vec<_>>()) {
            (Role::Assistant, 0, _) => open.extend(calls),
            (Role::Assistant, ..) => return Err(wrong(HistoryFault::ResultsOutsideUser)),
            _ if !calls.is_empty() => return Err(wrong(HistoryFault::CallsOutsideReply)),
            (_, count, first) if first == open && count == first.len() => open.clear(),
            (_, _, first) => {
                let owned = |ids: Vec<&str>| ids.into_iter().map(str::to_owned).collect();
                let why = HistoryFault::WrongResults { expected: owned(open), found: owned(first) };
                return Err(wrong(why));
            }
        }
    }
    match messages.first().map(Message::role) {
        Some(Role::Assistant) => Err(InvalidHistory { message: 0, why: HistoryFault::BeginsWithReply }),
        _ => Ok(open),
    }
}

/// The id of the call whose result this block is.
pub(super) fn answers(block: &Block) -> Option<&str> {
    match block.kind() {
        BlockKind::ToolResult { tool_use_id, .. } => Some(tool_use_id),
        _ => None,
    }
}
