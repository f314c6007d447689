//! One call of a tool, from the request to the outcome.

use std::sync::Arc;

use agent_core::Outcome;
use rmcp::{
    ServiceError,
    model::{
        CallToolRequest, CallToolRequestParams, CallToolResult, ClientRequest, CustomResult, MetaObject,
        RequestMetaObject, ServerResult,
    },
};
use serde_json::{Map, Value};

use crate::idempotency::IDEMPOTENCY_KEY;

use super::{
    calls::{Answered, Caller},
    connection::{AUTHORIZATIONS, Connection},
    content,
    error::said,
    link::Link,
    questions::{Answers, Rounds},
    settings::Reach,
    words::{source, words},
};

/// Why a call has no result.
enum Failed {
    /// The server has answered with an error, or the request was never sent.
    Refused(String),
    /// The server wants more rights. It has not made the call.
    Unauthorized(String),
    /// Nobody knows whether the server has made the call.
    Unknown(String),
}

/// Makes a call. If the connection ends and the call may be repeated, it is made once more.
pub(super) async fn make(
    server: &Arc<Link>,
    tool: &str,
    input: Map<String, Value>,
    caller: &Arc<Caller>,
    may_be_repeated: bool,
) -> Outcome {
    let (mut asked, mut is_repeated) = (0, false);
    loop {
        let connection = match server.connection().await {
            Ok(connection) => connection,
            Err(error) => return Outcome::error(format!("not called: {error}")),
        };
        let mut params = CallToolRequestParams::new(tool.to_owned()).with_arguments(input.clone());
        params.meta = meta(server, &connection, caller);
        match once(server, &connection, params, caller).await {
            Ok(outcome) => return answered(server, caller, outcome),
            Err(Failed::Refused(why)) => return refused(server, tool, &why),
            Err(Failed::Unauthorized(challenge)) if asked < AUTHORIZATIONS => {
                asked += 1;
                match connection.authorize(&server.settings, &challenge).await {
                    Ok(true) => continue,
                    Ok(false) => return refused(server, tool, "not authorized"),
                    Err(kind) => return refused(server, tool, &kind.to_string()),
                }
            }
            Err(Failed::Unauthorized(_)) => return refused(server, tool, "not authorized"),
            Err(Failed::Unknown(_)) if may_be_repeated && !is_repeated => is_repeated = true,
            Err(Failed::Unknown(why)) => {
                let lines = said(&connection.last_lines(&server.settings).await);
                return Outcome::error(server.settings.secrets.hide(&format!(
                    "outcome unknown: {why} while {tool:?} of the server {:?} was being called; it may have had its \
                     effect{lines}",
                    server.name
                )));
            }
        }
    }
}

/// What the server reads beside the input: the key of the call, if it knows what that is for.
fn meta(server: &Link, connection: &Connection, caller: &Caller) -> Option<RequestMetaObject> {
    let key = connection.reads_keys().then(|| server.keys.of(&caller.context)).flatten()?;
    Some(RequestMetaObject(MetaObject(Map::from_iter([(IDEMPOTENCY_KEY.to_owned(), Value::String(key))]))))
}

fn answered(server: &Link, caller: &Caller, outcome: Outcome) -> Outcome {
    if matches!(outcome, Outcome::Error(_)) {
        server.keys.fail(&caller.context);
    }
    outcome
}

fn refused(server: &Link, tool: &str, why: &str) -> Outcome {
    let why = server.settings.secrets.hide(why);
    Outcome::error(format!("{tool:?} of the server {:?} failed: {why}", server.name))
}

async fn once(
    server: &Arc<Link>,
    connection: &Arc<Connection>,
    mut params: CallToolRequestParams,
    caller: &Arc<Caller>,
) -> Result<Outcome, Failed> {
    // With the older revision, a process does not say which call a question belongs to.
    let asks = server.settings.sampling.is_some() || server.settings.elicitation.is_some();
    let is_process = matches!(server.settings.reach, Reach::Process(_));
    let _turn = match asks && is_process && !connection.is_stateless() {
        true => Some(server.turn.lock().await),
        false => None,
    };
    let mut rounds = Rounds::default();
    loop {
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params.clone()));
        let sent = connection.calls.send(connection.peer(), request, caller).await;
        let mut sent = sent.map_err(failed)?;
        let result = match sent.answer().await.map_err(failed)? {
            Answered::Question(question) => return Ok(Outcome::Wait { question }),
            Answered::Result(result) => *result,
        };
        let asked = match result {
            ServerResult::InputRequiredResult(asked) => asked,
            result => return result_of(server, &params.name, result),
        };
        match rounds.answer(server, asked, caller).await.map_err(Failed::Refused)? {
            Answers::Given { responses, state } => {
                (params.input_responses, params.request_state) = (responses, state);
            }
            Answers::Person(question) => return Ok(Outcome::Wait { question }),
        }
    }
}

/// The outcome of a call that the server has answered.
fn result_of(server: &Link, tool: &str, result: ServerResult) -> Result<Outcome, Failed> {
    let result = match result {
        ServerResult::CallToolResult(result) => result,
        // Some servers leave the content out if there is none.
        ServerResult::EmptyResult(_) => CallToolResult::default(),
        ServerResult::CustomResult(CustomResult(result)) => return Ok(content::unknown(&result)),
        _ => {
            let why = "the call was made, but its answer is the result of another request";
            return Ok(Outcome::error(why));
        }
    };
    let list = server.list();
    let rules = list.offer(tool).and_then(|offer| offer.output.as_ref());
    let broken = match (&result.structured_content, rules, result.is_error) {
        (_, _, Some(true)) => None,
        (Some(value), Some(rules), _) => rules.check(value).err(),
        _ => None,
    };
    let outcome = content::outcome(result);
    Ok(match (broken, outcome) {
        (Some(why), Outcome::Output(content)) => {
            let why = format!("the call was made, but its result does not fit the tool's own schema: {why}");
            let mut blocks = vec![agent_core::Block::text(why)];
            blocks.extend(content.into_blocks());
            Outcome::error(blocks)
        }
        (_, outcome) => outcome,
    })
}

/// What an error says about whether the call was made.
fn failed(error: ServiceError) -> Failed {
    if let Some(challenge) = error.auth_challenge() {
        return Failed::Unauthorized(challenge.to_owned());
    }
    match error {
        ServiceError::TransportSend(ref send) if never_sent(&*send.error) => {
            Failed::Refused(format!("the server can't be reached: {}", words(&error)))
        }
        ServiceError::TransportSend(_) => {
            Failed::Unknown(format!("the connection failed ({})", words(&error)))
        }
        ServiceError::McpError(_) | ServiceError::UnexpectedResponse | ServiceError::Cancelled { .. } => {
            Failed::Refused(words(&error))
        }
        _ => Failed::Unknown("the connection ended".to_owned()),
    }
}

/// Whether no connection was made, so that the server can't know of the call.
fn never_sent(error: &(dyn std::error::Error + 'static)) -> bool {
    let is_connect = error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect);
    is_connect || source(error).is_some_and(never_sent)
}
