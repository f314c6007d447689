//! A tool: what it says of itself, what its calls know, and what they lead to.

pub(crate) mod bounded;
pub(crate) mod context;
pub(crate) mod input_schema;
pub(crate) mod receipt;

pub use context::Context;
pub use receipt::Receipt;

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;

pub use crate::conversation::{
    delegation_limits::DelegationLimits,
    outcome::{Done, Outcome, Transfer},
};
pub use crate::tool_spec::{Early, ExclusiveBy, Permits, ToolSpec};
use crate::{Conversation, Json, Request, Rules};

/// Something a model can call: a description for the model, and one method.
///
/// Async, sync, blocking and CPU-bound tools are all this trait; [`ToolSpec::blocking`] says which
/// pool it runs on. A panic in `call` becomes the call's error result.
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
    /// What the model reads, and what the loop may do with its calls. Always the same.
    fn spec(&self) -> &ToolSpec;

    /// Does one call; read the input with [`Json::parse`]. A failure is [`Outcome::Error`], which
    /// the model reads.
    async fn call(&self, input: Json, context: Context) -> Outcome;

    /// What an agent reads that got the conversation by a call of this tool: by default, all of it.
    /// For tools whose calls lead to an [`Outcome::Transfer`]. `rules` know the tools of all
    /// agents, by which the calls in the record can be told apart. A panic in here is a failure of
    /// the agent that was to read.
    fn introduce(&self, _conversation: &Conversation, request: Request, _rules: &dyn Rules) -> Request {
        request
    }
}

#[async_trait]
impl<T: Tool + ?Sized> Tool for Arc<T> {
    fn spec(&self) -> &ToolSpec {
        (**self).spec()
    }

    // Written out, since an `async fn` would box once more what is boxed already.
    fn call<'s, 'f>(&'s self, input: Json, context: Context) -> BoxFuture<'f, Outcome>
    where
        's: 'f,
        Self: 'f,
    {
        (**self).call(input, context)
    }

    fn introduce(&self, conversation: &Conversation, request: Request, rules: &dyn Rules) -> Request {
        (**self).introduce(conversation, request, rules)
    }
}
