//! A tool of a server.

use std::{fmt, sync::Arc};

use agent_core::{Context, Json, Outcome, Tool, ToolSpec, async_trait, message::safe_line};
use rmcp::model::Tool as Definition;
use serde_json::{Map, Value};

use super::{call, calls::Caller, link::Link, list::Offer};

/// A tool of a server. [`McpServer::tools`](super::McpServer::tools) makes them.
#[derive(Clone)]
pub struct McpTool {
    server: Arc<Link>,
    /// What the server said about it when this was made.
    offer: Arc<Offer>,
    spec: ToolSpec,
}

impl McpTool {
    pub(super) fn new(server: Arc<Link>, offer: Arc<Offer>, spec: ToolSpec) -> Self {
        Self { server, offer, spec }
    }

    /// The name of the server.
    pub fn server(&self) -> &str {
        &self.server.name
    }

    /// The server's own name for the tool. That of the spec may be mapped or have a prefix.
    pub fn original_name(&self) -> &str {
        &self.offer.name
    }

    /// All that the server says about the tool, as it was sent.
    pub fn definition(&self) -> &Definition {
        &self.offer.definition
    }

    pub(super) fn is_of(&self, server: &Arc<Link>) -> bool {
        Arc::ptr_eq(&self.server, server)
    }

    pub(super) fn renamed(mut self, name: String) -> Self {
        self.spec.name = name;
        self
    }

    /// The input as the server gets it, if it fits the schema that the server has now.
    fn checked(&self, input: &Json) -> Result<Map<String, Value>, String> {
        let list = self.server.list();
        let (server, name) = (self.server(), self.original_name());
        let gone = || format!("not called: the server {server:?} offers no tool {name:?} any more");
        let offer = list.offer(name).ok_or_else(gone)?;
        let rules = offer.input.as_ref().map_err(|why| format!("not called: {why}"))?;
        let mut input: Value = input.parse().map_err(|error| format!("invalid input: {error}"))?;
        if rules.check(&input).is_err() {
            without_nulls(&mut input, &offer.definition);
        }
        rules.check(&input).map_err(|why| match offer.spec.input_schema == self.spec.input_schema {
            true => format!("invalid input: {why}"),
            false => format!(
                "invalid input: {why}; the tool has changed, and its input must now fit {}",
                offer.spec.input_schema.text()
            ),
        })?;
        match input {
            Value::Object(input) => Ok(input),
            _ => Err("invalid input: it must be an object".to_owned()),
        }
    }
}

/// Models often write `null` for what they leave out. The server would refuse it.
fn without_nulls(input: &mut Value, definition: &Definition) {
    let required = definition.input_schema.get("required").and_then(Value::as_array);
    let is_required =
        |name: &str| required.is_some_and(|names| names.iter().any(|required| required == name));
    if let Value::Object(fields) = input {
        fields.retain(|name, value| !value.is_null() || is_required(name));
    }
}

#[async_trait]
impl Tool for McpTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, input: Json, context: Context) -> Outcome {
        let checked = match self.checked(&input) {
            Ok(checked) => checked,
            Err(why) => return Outcome::error(why),
        };
        if self.spec.needs_approval && !context.approved() {
            let (server, name) = (self.server(), self.original_name());
            // The person reads all of it, on one line, so that nothing is moved out of sight.
            let input = safe_line(input.text());
            let question = format!("May {name:?} of the server {server:?} be called with {input}?");
            return Outcome::Wait { question };
        }
        let may_be_repeated = self.spec.may_be_repeated(context.approved());
        let caller = Arc::new(Caller::of(context, self.spec.needs_approval));
        call::make(&self.server, &self.offer.name, checked, &caller, may_be_repeated).await
    }
}

impl fmt::Debug for McpTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpTool")
            .field("server", &self.server.name)
            .field("name", &self.offer.name)
            .finish_non_exhaustive()
    }
}
