//! The tools of the suite that ask the client something by their result (2026-07-28).

use rmcp::{
    ErrorData,
    model::{
        ClientCapabilities, InputRequest, InputRequests, InputRequiredResult, InputResponses,
        RequestStateCodec,
    },
};
use serde_json::{Value, json};

/// What one of these tools asks, round by round.
pub(crate) struct Questions {
    name: &'static str,
    rounds: Vec<Vec<(&'static str, Value)>>,
    /// Whether it knows the round by a state that the client sends back.
    has_state: bool,
}

/// What to answer to the client.
pub(crate) enum Step {
    Ask(InputRequiredResult),
    Done(String),
}

pub(crate) fn all() -> Vec<Questions> {
    let asks = |name, rounds, has_state| Questions { name, rounds, has_state };
    let name = || ("user_name", form("name", "string", "What is your name?"));
    let context = ("user_context", form("context", "string", "Which context?"));
    let greeting = || ("greeting", sample("Generate a greeting"));
    let capital = ("capital_question", sample("What is the capital of France?"));
    let roots = || ("client_roots", json!({"method": "roots/list", "params": {}}));
    let confirm = || vec![vec![("confirm", form("ok", "boolean", "Please confirm"))]];
    let step1 = ("step1", form("name", "string", "Step 1: What is your name?"));
    let step2 = ("step2", form("color", "string", "Step 2: What is your favorite color?"));
    let several = vec![vec![name(), greeting(), roots()]];
    vec![
        asks("test_input_required_result_elicitation", vec![vec![name()]], false),
        asks("test_streaming_elicitation", vec![vec![name()]], false),
        asks("test_input_required_result_sampling", vec![vec![capital]], false),
        asks("test_input_required_result_list_roots", vec![vec![roots()]], false),
        asks("test_input_required_result_capabilities", vec![vec![name(), greeting()]], false),
        asks(crate::prompts::ASKS, vec![vec![context]], false),
        asks("test_input_required_result_request_state", confirm(), true),
        asks("test_input_required_result_tampered_state", confirm(), true),
        asks("test_input_required_result_multiple_inputs", several, true),
        asks("test_input_required_result_multi_round", vec![vec![step1], vec![step2]], true),
    ]
}

fn form(field: &str, kind: &str, message: &str) -> Value {
    let schema = json!({"type": "object", "properties": {field: {"type": kind}}, "required": [field]});
    json!({"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}})
}

fn sample(text: &str) -> Value {
    let message = json!({"role": "user", "content": {"type": "text", "text": text}});
    json!({"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": 100}})
}

impl Questions {
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// What comes next after these answers.
    pub(crate) fn step(
        &self,
        codec: &RequestStateCodec,
        client: &ClientCapabilities,
        state: Option<&str>,
        answers: Option<&InputResponses>,
    ) -> Result<Step, ErrorData> {
        let round = self.round(codec, state)?;
        let is_answered =
            |key: &str| answers.is_some_and(|answers| answers.get(key).is_some_and(Value::is_object));
        let asked: Vec<&(&str, Value)> =
            self.rounds[round].iter().filter(|(_, request)| can_answer(client, request)).collect();
        let next = if asked.iter().all(|(key, _)| is_answered(key)) { round + 1 } else { round };
        if next == self.rounds.len() {
            return Ok(Step::Done(format!("state-ok: {}", said(answers))));
        }
        let requests: InputRequests = self.rounds[next]
            .iter()
            .filter(|(_, request)| can_answer(client, request))
            .map(|(key, request)| ((*key).to_owned(), read(request)))
            .collect();
        let state = self.has_state.then(|| codec.seal(next.to_string().as_bytes()));
        Ok(Step::Ask(InputRequiredResult::new(Some(requests), state)))
    }

    fn round(&self, codec: &RequestStateCodec, state: Option<&str>) -> Result<usize, ErrorData> {
        let Some(state) = state.filter(|_| self.has_state) else { return Ok(0) };
        let invalid = || ErrorData::invalid_params("the requestState is not one of this server", None);
        let round = codec.open(state).map_err(|_| invalid())?;
        let round = String::from_utf8(round).ok().and_then(|round| round.parse().ok());
        round.filter(|round| *round < self.rounds.len()).ok_or_else(invalid)
    }
}

/// Only what the client can do may be asked.
fn can_answer(client: &ClientCapabilities, request: &Value) -> bool {
    match request["method"].as_str() {
        Some("elicitation/create") => client.elicitation.is_some(),
        Some("sampling/createMessage") => client.sampling.is_some(),
        _ => client.roots.is_some(),
    }
}

fn read(request: &Value) -> InputRequest {
    serde_json::from_value(request.clone()).expect("the requests above are valid")
}

/// What the client has answered, for the result.
fn said(answers: Option<&InputResponses>) -> String {
    let answers = answers.map(|answers| json!(answers)).unwrap_or_default();
    let name = answers["user_name"]["content"]["name"].as_str();
    name.map_or_else(|| answers.to_string(), |name| format!("Hello, {name}! {answers}"))
}
