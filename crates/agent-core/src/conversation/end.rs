//! How a run ends.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{BudgetExceeded, Json, LlmError, StopReason, ToolCall, safe_lines};

/// How a run ended. After it, the user says something, or a person decides about waiting calls.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum End {
    /// The agent has answered. This is the text of the answer.
    Answered(String),
    /// Only calls that wait for a person are left. Decide each with
    /// [`Conversation::approve`](crate::Conversation::approve) or `deny`, and run again. To decide
    /// before, while other calls run, use [`Run::decisions`](crate::Run::decisions).
    Waiting(Vec<PendingApproval>),
    /// The reply was cut, for this reason. The calls in that reply were not made;
    /// [`Conversation::open_calls`](crate::Conversation::open_calls) returns them.
    ///
    /// A run that you cancel ends with `Cut(StopReason::Cancelled)` only if it had
    /// [`keep_partial_reply`](crate::Run::keep_partial_reply) and a part of a reply was recorded.
    /// Otherwise it ends with the error [`RunError::Cancelled`](crate::RunError::Cancelled).
    Cut(StopReason),
    /// The model refused to answer. The value is what the API says about the refusal, unchanged.
    ///
    /// The refused reply and the messages since the user spoke stay in
    /// [`Conversation::messages`](crate::Conversation::messages). But later requests leave them
    /// out, because the API would refuse again (see
    /// [`AgentBuilder::resend_refused`](crate::AgentBuilder::resend_refused)). Effects of calls
    /// that were made since the user spoke are not undone. A note before the user's next message
    /// tells the model which tools were called and whether they failed. Calls in the refused reply
    /// itself were not made; [`Conversation::open_calls`](crate::Conversation::open_calls) returns
    /// them.
    Refused(Option<Json>),
    /// The agent made as many requests as [`Limits::turns`](crate::Limits::turns) allows, this
    /// number, and has not answered.
    TurnLimit(u32),
    /// A [budget](crate::budget) can't pay for the next request. Everything until then is recorded.
    /// To continue, run the conversation again with a larger budget. The budget of a run starts
    /// again when the user says something.
    Budget(BudgetExceeded),
    /// Any other reason: the API's stop reason, or what is wrong with the conversation.
    Other(String),
}

impl End {
    /// The text of [`Answered`](Self::Answered). Empty for all other ends, which contain no answer.
    pub fn text(&self) -> &str {
        match self {
            Self::Answered(text) => text,
            _ => "",
        }
    }
}

/// Writes the end for people to read: the answer, or why there is none. It is [safe to
/// show](crate::message::safe_lines).
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            // A model that only thinks does that, for example.
            Self::Answered(text) if text.trim().is_empty() => "the model answered without a word".to_owned(),
            Self::Answered(text) => text.clone(),
            Self::Waiting(calls) => {
                let calls: Vec<String> = calls.iter().map(PendingApproval::to_string).collect();
                format!("waiting for a person: {}", calls.join("; "))
            }
            Self::Cut(reason) => format!("the reply was cut: {}", reason.as_str()),
            Self::Refused(details) => refused(details.as_ref()),
            Self::TurnLimit(turns) => format!("no answer after {turns} turns"),
            Self::Budget(exceeded) => exceeded.to_string(),
            Self::Other(why) => why.clone(),
        };
        f.write_str(&safe_lines(&text))
    }
}

/// Who refused, and the words of the refusal. The Messages API gives a category and an explanation. A
/// wrapper that refuses in the place of the model adds its name and what it refused. Details without
/// any of these are shown as they are.
fn refused(details: Option<&Json>) -> String {
    let Some(details) = details else { return "the model declined".to_owned() };
    let fields: Map<String, Value> = details.parse().unwrap_or_default();
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let words = text("explanation").map(|words| format!(": {words}"));
    match (text("guard"), text("category")) {
        (Some(guard), _) => {
            let what = text("refused").map(|what| format!(" the {what}")).unwrap_or_default();
            format!("guard {guard:?} refused{what}{}", words.unwrap_or_default())
        }
        (None, Some(category)) => format!("the model declined ({category}){}", words.unwrap_or_default()),
        (None, None) => format!("the model declined{}", words.unwrap_or_else(|| format!(": {details}"))),
    }
}

/// A call that waits for a person to approve or deny it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PendingApproval {
    /// The key for `approve` and `deny`: the id of the conversation and the id of the call, joined
    /// by `/`, for example `run/call_0_1`.
    pub key: String,
    /// The agent that makes the call.
    pub agent: String,
    /// The call.
    pub call: Arc<ToolCall>,
    /// The question for the person. It is [safe to show](crate::message::safe_lines).
    pub question: String,
}

/// Writes the question and the key, for people to read.
impl fmt::Display for PendingApproval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.question, self.key)
    }
}

/// The error if a model did not answer. The conversation is unchanged except for its usage, to
/// which [`LlmError::usage`] was added. To send the request again, run the conversation again.
///
/// The text of this error includes the text of the model's error.
/// [`source`](std::error::Error::source) returns `None`, so programs that print an error with its
/// causes, as `anyhow` does, print the model's error only once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("agent {agent:?} got no answer: {error}")]
pub struct Failure {
    /// The agent whose model was asked.
    pub agent: String,
    /// The model's error.
    pub error: LlmError,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Programs print an error with its causes. What is a cause as well must not be in the text.
    #[test]
    fn a_failure_says_the_models_error_once() {
        let error = LlmError::new(crate::LlmErrorKind::Authentication, "that key is revoked");
        let failure = Failure { agent: "main".to_owned(), error: error.clone() };
        assert_eq!(failure.to_string(), format!("agent \"main\" got no answer: {error}"));
        assert!(std::error::Error::source(&failure).is_none());
        assert!(std::error::Error::source(&crate::RunError::from(failure)).is_none());
    }

    #[test]
    fn an_end_is_printed_for_people() {
        let check = |end: End, expected: &str| assert_eq!(end.to_string(), expected);
        let call = ToolCall { id: "a".to_owned(), name: "pay".to_owned(), input: json!({}).into() };
        let (key, agent, question) = ("run/a".to_owned(), "main".to_owned(), "Pay 3 EUR?".to_owned());
        check(
            End::Waiting(vec![PendingApproval { key, agent, call: call.into(), question }]),
            "waiting for a person: Pay 3 EUR? (run/a)",
        );
        check(End::Answered("It rains.".to_owned()), "It rains.");
        check(End::Answered("\n".to_owned()), "the model answered without a word");
        check(End::Cut(StopReason::MaxTokens), "the reply was cut: max_tokens");
        check(End::Refused(None), "the model declined");
        let refused = |details: serde_json::Value| End::Refused(Some(details.into()));
        let by_guard = json!({"type": "refusal", "category": "guard", "guard": "law", "refused": "input", "explanation": "No legal questions."});
        check(refused(by_guard), r#"guard "law" refused the input: No legal questions."#);
        check(refused(json!({"guard": "law"})), r#"guard "law" refused"#);
        let by_model = json!({"type": "refusal", "category": "cyber", "explanation": "It may do harm."});
        check(refused(by_model), "the model declined (cyber): It may do harm.");
        let silent = json!({"type": "refusal", "category": "cyber", "explanation": null});
        check(refused(silent), "the model declined (cyber)");
        check(refused(json!({"explanation": "Ask a lawyer."})), "the model declined: Ask a lawyer.");
        check(refused(json!({"code": 7})), r#"the model declined: {"code":7}"#);
        check(refused(json!(["no"])), r#"the model declined: ["no"]"#);
        check(End::TurnLimit(3), "no answer after 3 turns");
        check(End::Other("nothing was said".to_owned()), "nothing was said");
    }
}
