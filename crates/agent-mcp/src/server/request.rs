//! What a client asks with a call.

use std::collections::BTreeMap;

use agent_core::{conversation::check_session_id, sessions::Decision};
use rmcp::{
    ErrorData, RoleServer,
    model::{CallToolRequestParams, JsonObject},
    service::RequestContext,
};
use uuid::Uuid;

use super::{Caller, approval};
use crate::idempotency::{IDEMPOTENCY_KEY, MAX_KEY};

/// What a client asks with a call.
pub(crate) struct CallRequest {
    pub(crate) tool: String,
    pub(crate) input: JsonObject,
    pub(crate) key: String,
    pub(crate) has_key: bool,
    pub(crate) continues: bool,
    pub(crate) decisions: BTreeMap<String, Decision>,
    pub(crate) caller: Option<Caller>,
    pub(crate) extensions: http::Extensions,
}

impl CallRequest {
    pub(crate) fn read(
        params: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<Self, ErrorData> {
        let given = given_key(&params, context)?;
        let decisions = params.input_responses.iter().flat_map(approval::decisions).collect();
        let http = context.extensions.get::<http::request::Parts>();
        let extensions = http.map(|parts| parts.extensions.clone()).unwrap_or_default();
        let caller = extensions.get::<Caller>().cloned();
        // The key of a call without one is in the state that the client sends back.
        let continues = params.request_state.is_some();
        let key = given.clone().or(params.request_state).unwrap_or_else(|| Uuid::new_v4().to_string());
        check_key(&key)?;
        let (tool, input) = (params.name.into_owned(), params.arguments.unwrap_or_default());
        Ok(Self { tool, input, key, has_key: given.is_some(), continues, decisions, caller, extensions })
    }

    /// The id of the conversation. No tool and no caller has a `:` in its name. The id of a session
    /// has no `/`, which keys often have.
    pub(crate) fn id(&self) -> String {
        let caller = self.caller.as_ref().map_or("", Caller::name);
        format!("{}:{caller}:{}", self.tool, without_slashes(&self.key))
    }
}

fn given_key(
    params: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<Option<String>, ErrorData> {
    let in_params = params.meta.as_ref().and_then(|meta| meta.get(IDEMPOTENCY_KEY));
    match in_params.or_else(|| context.meta.get(IDEMPOTENCY_KEY)) {
        None => Ok(None),
        Some(serde_json::Value::String(key)) => Ok(Some(key.clone())),
        Some(_) => {
            Err(ErrorData::invalid_params(format!("_meta[{IDEMPOTENCY_KEY:?}] must be a string"), None))
        }
    }
}

fn check_key(key: &str) -> Result<(), ErrorData> {
    let invalid =
        |why: String| ErrorData::invalid_params(format!("the idempotency key is invalid: {why}"), None);
    if key.len() > MAX_KEY {
        return Err(invalid(format!("it has {} bytes, and may have {MAX_KEY}", key.len())));
    }
    check_session_id(&without_slashes(key)).map_err(|error| invalid(error.to_string()))
}

/// The key with its slashes escaped as in a URL. Different keys stay different.
fn without_slashes(key: &str) -> String {
    key.replace('%', "%25").replace('/', "%2F")
}
