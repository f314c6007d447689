//! Questions to a person, which the client asks for the server.

use agent_core::{conversation::PendingApproval, message::safe_lines, sessions::Decision};
use rmcp::{
    RoleServer,
    model::{
        ClientCapabilities, ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction,
        ElicitationSchema, InputRequest, InputRequests, InputResponses, ProtocolVersion,
    },
    service::RequestContext,
};

/// How the client can be asked.
pub(crate) enum Asks {
    /// By a request of the server, while the call goes on.
    ByRequest,
    /// By a result that asks the client to make the call again with the answers. From 2026-07-28
    /// on.
    ByResult,
    /// Not at all.
    Never,
}

impl Asks {
    pub(crate) fn of(context: &RequestContext<RoleServer>) -> Self {
        let can_ask = context.client_capabilities().as_ref().is_some_and(has_forms);
        let is_new =
            context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
        match (can_ask, is_new) {
            (false, _) => Self::Never,
            (true, false) => Self::ByRequest,
            (true, true) => Self::ByResult,
        }
    }
}

/// A client that names no kind of form can show forms: the first versions had nothing else.
fn has_forms(client: &ClientCapabilities) -> bool {
    client.elicitation.as_ref().is_some_and(|can| can.form.is_some() || can.url.is_none())
}

/// The questions for a result that asks for them, by the keys of their calls.
pub(crate) fn questions(calls: &[PendingApproval]) -> InputRequests {
    let ask = |call: &PendingApproval| InputRequest::Elicitation(ElicitRequest::new(question(call)));
    calls.iter().map(|call| (call.key.clone(), ask(call))).collect()
}

/// The question about a call that waits. Only a person who ticks `approve` approves: a client that
/// accepts an empty form does not.
pub(crate) fn question(call: &PendingApproval) -> ElicitRequestParams {
    let schema = ElicitationSchema::builder()
        .required_bool_with("approve", |field| {
            field.title("Approve").description("Whether the call is made.")
        })
        .optional_string_with("reason", |field| field.title("Reason").description("Why not, for the model."));
    let message = format!("{} asks: {}", call.agent, safe_lines(&call.question));
    ElicitRequestParams::FormElicitationParams {
        meta: None,
        message,
        requested_schema: schema.build_unchecked(),
    }
}

/// The decisions among the answers of a client. An answer that can't be read is none, so the
/// question is asked again.
pub(crate) fn decisions(answers: &InputResponses) -> impl Iterator<Item = (String, Decision)> {
    answers.iter().filter_map(|(key, answer)| {
        let answer: ElicitResult = serde_json::from_value(answer.clone()).ok()?;
        Some((key.clone(), decision(&answer)?))
    })
}

/// What a person has decided; `None` if they have closed the question.
pub(crate) fn decision(answer: &ElicitResult) -> Option<Decision> {
    let field = |name: &str| answer.content.as_ref().and_then(|content| content.get(name));
    let approves = || field("approve").and_then(serde_json::Value::as_bool);
    let reason =
        field("reason").and_then(serde_json::Value::as_str).filter(|reason| !reason.trim().is_empty());
    let deny = || Decision::Deny { reason: reason.unwrap_or("the user did not approve it").to_owned() };
    match answer.action {
        ElicitationAction::Accept if approves()? => Some(Decision::Approve),
        ElicitationAction::Accept | ElicitationAction::Decline => Some(deny()),
        // Closed, or something that this version does not know.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn only_a_ticked_form_approves() {
        let check = |answer: Value, expected: Option<Result<(), &str>>| {
            let read = decision(&serde_json::from_value(answer.clone()).unwrap());
            let expected = expected.map(|decision| match decision {
                Ok(()) => Decision::Approve,
                Err(reason) => Decision::Deny { reason: reason.to_owned() },
            });
            assert_eq!(read, expected, "{answer}");
        };
        let silent = "the user did not approve it";
        check(json!({"action": "accept", "content": {"approve": true}}), Some(Ok(())));
        check(json!({"action": "accept", "content": {"approve": false}}), Some(Err(silent)));
        check(json!({"action": "accept", "content": {"approve": false, "reason": "no"}}), Some(Err("no")));
        check(json!({"action": "decline"}), Some(Err(silent)));
        check(json!({"action": "cancel"}), None);
        check(json!({"action": "accept"}), None);
        check(json!({"action": "accept", "content": {"approve": "yes"}}), None);
    }
}
