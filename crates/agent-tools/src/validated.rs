//! Tools whose inputs are checked against their schema.

use std::{fmt, sync::Arc};

use agent_core::{
    Context, Conversation, Json, Outcome, Request, Tool, ToolSpec, agent::Rules as RunRules, async_trait,
};
use serde_json::Value;

use crate::rules::{Rules, Which};

/// A wrapper around a tool: each input is checked against the tool's
/// [schema](ToolSpec::input_schema) before the call. Use it for tools whose schema is written by
/// hand or comes from elsewhere. (A [`FnTool`](crate::FnTool) checks its inputs itself.) It needs
/// the feature `validate`.
///
/// If an input breaks a rule of the schema, the tool is not called. The call gets an error result,
/// which says which rule is broken, and where, as a JSON pointer.
///
/// The rules are those of JSON Schema draft 2020-12, or of the draft that `$schema` names. `format`
/// is a rule only in draft-07 and older. A `$ref` must lead to a part of the same schema: no file
/// and no URL is read.
///
/// ```
/// # use agent_core::{Context, Json, Outcome, Tool, ToolSpec, async_trait};
/// # struct Forecast(ToolSpec);
/// # #[async_trait]
/// # impl Tool for Forecast {
/// #     fn spec(&self) -> &ToolSpec { &self.0 }
/// #     async fn call(&self, _: Json, _: Context) -> Outcome { Outcome::output("Rain.") }
/// # }
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use agent_tools::Validated;
/// use serde_json::json;
///
/// let schema = json!({"type": "object", "properties": {"days": {"type": "integer", "maximum": 7}}});
/// let forecast = Validated::new(Forecast(ToolSpec::new("forecast", "The weather to come.", schema)))?;
/// let outcome = forecast.call(json!({"days": 99}).into(), Context::by_hand("call")).await;
/// assert_eq!(outcome, Outcome::error("invalid input: at /days: must be <=7, but got 99"));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Validated {
    tool: Arc<dyn Tool>,
    rules: Rules,
}

/// The error of [`Validated::new`] if the tool's schema is not a valid JSON Schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("inputs of {tool:?} can't be checked by its schema: {why}")]
pub struct InvalidSchema {
    /// The tool's name.
    pub tool: String,
    /// What is wrong with its schema.
    pub why: String,
}

impl Validated {
    /// Wraps a tool. Fails if the schema is not a valid JSON Schema.
    pub fn new(tool: impl Tool + 'static) -> Result<Self, InvalidSchema> {
        let invalid = |why| InvalidSchema { tool: tool.spec().name.clone(), why };
        let schema = tool.spec().input_schema.parse().map_err(|error| invalid(error.to_string()))?;
        let rules = Rules::of(schema).map_err(invalid)?;
        Ok(Self { tool: Arc::new(tool), rules })
    }
}

#[async_trait]
impl Tool for Validated {
    fn spec(&self) -> &ToolSpec {
        self.tool.spec()
    }

    async fn call(&self, input: Json, context: Context) -> Outcome {
        let checked = input.parse::<Value>().map_err(|error| error.to_string());
        match checked.and_then(|input| self.rules.check(&input, Which::All)) {
            Ok(()) => self.tool.call(input, context).await,
            Err(why) => Outcome::error(format!("invalid input: {why}")),
        }
    }

    fn introduce(&self, conversation: &Conversation, request: Request, rules: &dyn RunRules) -> Request {
        self.tool.introduce(conversation, request, rules)
    }
}

impl fmt::Debug for Validated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validated").field("tool", &self.tool.spec().name).finish_non_exhaustive()
    }
}
