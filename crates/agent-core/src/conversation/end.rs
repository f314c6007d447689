//! How a run ends.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Json, LlmError, StopReason, ToolCall, safe_lines};

/// Why it is the user's turn.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum End {
    /// The agent has answered, in these words.
    Answered(String),
    /// All that is left to do waits for a person; see
    /// [`Conversation::approve`](crate::Conversation::approve).
    Waiting(Vec<PendingApproval>),
    /// The reply was cut, for this reason. Its calls were not made:
    /// [`Conversation::open_calls`](crate::Conversation::open_calls) are these.
    Cut(StopReason),
    /// The model declined; what the API says of it, as it came. The record keeps what it was asked
    /// and what it said; what is sent from then on leaves both out, since the API would refuse such
    /// a request again ([`AgentBuilder::resend_refused`](crate::AgentBuilder::resend_refused)).
    /// What calls did since the user spoke is done. In front of what the user says next, the model
    /// reads which tools were called and whether that failed, and no more of it. Calls that stand
    /// in what it said were not made: see
    /// [`Conversation::open_calls`](crate::Conversation::open_calls).
    Refused(Option<Json>),
    /// The agent has had this many turns and is not done.
    TurnLimit(u32),
    /// Any other reason: the API's word for it, or what is wrong with the conversation.
    Other(String),
}

impl End {
    /// The words of the answer; empty if there is none.
    pub fn text(&self) -> &str {
        match self {
            Self::Answered(text) => text,
            _ => "",
        }
    }
}

/// For people: the answer, or why there is none; [safe to show](crate::message::safe_lines).
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Answered(text) => text.clone(),
            Self::Waiting(calls) => {
                let calls: Vec<String> = calls.iter().map(PendingApproval::to_string).collect();
                format!("waiting for a person: {}", calls.join("; "))
            }
            Self::Cut(reason) => format!("the reply was cut: {}", reason.as_str()),
            Self::Refused(None) => "the model declined".to_owned(),
            Self::Refused(Some(details)) => format!("the model declined: {details}"),
            Self::TurnLimit(turns) => format!("no answer after {turns} turns"),
            Self::Other(why) => why.clone(),
        };
        f.write_str(&safe_lines(&text))
    }
}

/// A call that waits for a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PendingApproval {
    /// What to allow or deny it by: the conversation's id and the call's, `run/call_0_1`.
    pub key: String,
    /// The agent that makes the call.
    pub agent: String,
    /// The call.
    pub call: Arc<ToolCall>,
    /// What the person is asked, [safe to show](crate::message::safe_lines).
    pub question: String,
}

/// For people: the question, and the key to decide it by.
impl fmt::Display for PendingApproval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.question, self.key)
    }
}

/// A model did not answer. The conversation is as it was but for what that cost
/// ([`LlmError::usage`]), and a new run asks again.
///
/// Its text says the model's error, too. So that error is not its
/// [`source`](std::error::Error::source) as well: programs that print an error with its causes, as
/// with `anyhow`, would say it twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("agent {agent:?} got no answer: {error}")]
pub struct Failure {
    /// The agent whose model it was.
    pub agent: String,
    /// Why.
    pub error: LlmError,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_printed_for_people() {
        let check = |end: End, expected: &str| assert_eq!(end.to_string(), expected);
        let call =
            ToolCall { id: "a".to_owned(), name: "pay".to_owned(), input: serde_json::json!({}).into() };
        let (key, agent, question) = ("run/a".to_owned(), "main".to_owned(), "Pay 3 EUR?".to_owned());
        check(
            End::Waiting(vec![PendingApproval { key, agent, call: call.into(), question }]),
            "waiting for a person: Pay 3 EUR? (run/a)",
        );
        check(End::Answered("It rains.".to_owned()), "It rains.");
        check(End::Cut(StopReason::MaxTokens), "the reply was cut: max_tokens");
        check(End::Refused(None), "the model declined");
        check(End::TurnLimit(3), "no answer after 3 turns");
        check(End::Other("nothing was said".to_owned()), "nothing was said");
    }
}
