//! Tools: their description, what a call knows about its surroundings, and its outcome.

pub(crate) mod bounded;
pub(crate) mod context;
pub(crate) mod input_schema;
pub(crate) mod missing_value;
pub(crate) mod pays;
pub(crate) mod receipt;
pub(crate) mod values;

pub use context::Context;
pub use missing_value::MissingValue;
pub use receipt::Receipt;

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;

pub use crate::conversation::{
    delegation_limits::DelegationLimits,
    outcome::{Done, Outcome, Transfer},
};
pub use crate::tool_spec::{Early, ExclusiveBy, Need, Permits, ToolSpec};
use crate::{Conversation, Json, Request, Rules};

/// Something that a model can call. A tool has a description, which the model reads, and one method
/// that makes a call.
///
/// All kinds of tools use this trait: async, blocking and CPU-bound ones. [`ToolSpec::blocking`]
/// decides where calls run. A panic in `call` becomes the error result of that call.
///
/// ```
/// use agent_core::{Context, Json, Outcome, Tool, ToolSpec, async_trait};
///
/// struct Greet {
///     spec: ToolSpec,
/// }
///
/// #[derive(serde::Deserialize)]
/// struct Guest {
///     name: String,
/// }
///
/// #[async_trait]
/// impl Tool for Greet {
///     fn spec(&self) -> &ToolSpec {
///         &self.spec
///     }
///
///     async fn call(&self, input: Json, _context: Context) -> Outcome {
///         input.parse().map(|guest: Guest| format!("Hello, {}!", guest.name)).into()
///     }
/// }
/// ```
#[async_trait]
pub trait Tool: Send + Sync {
    /// The description of the tool: what the model reads, and how its calls may run. It must always
    /// be the same.
    fn spec(&self) -> &ToolSpec;

    /// Makes one call. Read the input with [`Json::parse`]. Return a failure as [`Outcome::Error`]:
    /// the model reads it, and the run goes on.
    async fn call(&self, input: Json, context: Context) -> Outcome;

    /// Whether the input of each call is a [`Plan`](crate::conversation::Plan) as JSON, which `call`
    /// returns unchanged as [`Outcome::Plan`], or not at all. Then steps whose tools only read may
    /// start while the model still writes the plan. The default is `false`. A wrapper around a tool
    /// must not return `true` if it decides whether a plan is carried out, as a guard does.
    fn input_is_plan(&self) -> bool {
        false
    }

    /// Changes the request of an agent that received the conversation by a call of this tool. The
    /// default returns `request` unchanged, with all messages. Only tools whose calls lead to
    /// [`Outcome::Transfer`] need this method. Look up in `rules` which tool a recorded call
    /// belongs to. A panic here counts as a failure of the agent that received the conversation.
    fn introduce(&self, _conversation: &Conversation, request: Request, _rules: &dyn Rules) -> Request {
        request
    }
}

#[async_trait]
impl<T: Tool + ?Sized> Tool for Arc<T> {
    fn spec(&self) -> &ToolSpec {
        (**self).spec()
    }

    // Without `async fn`, which would box the future a second time.
    fn call<'s, 'f>(&'s self, input: Json, context: Context) -> BoxFuture<'f, Outcome>
    where
        's: 'f,
        Self: 'f,
    {
        (**self).call(input, context)
    }

    fn input_is_plan(&self) -> bool {
        (**self).input_is_plan()
    }

    fn introduce(&self, conversation: &Conversation, request: Request, rules: &dyn Rules) -> Request {
        (**self).introduce(conversation, request, rules)
    }
}
