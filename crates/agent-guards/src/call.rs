//! Checks of what a tool is called with, and of what it returns.

use std::{fmt, future::Future};

use agent_core::{Content, Context, Json, async_trait};

use crate::{BoxError, CallVerdict, Verdict};

/// Checks a call before it is made.
///
/// Calls that delegate to another agent, and handoffs, are calls like any other and are checked,
/// too. An `Fn(ProposedCall) -> impl Future` is a `CallGuard`, too.
#[async_trait]
pub trait CallGuard: Send + Sync {
    /// Checks a call. An error counts as a refusal.
    ///
    /// If a person has approved the call ([`ProposedCall::approved`]), it is checked again, and
    /// [`Ask`](CallVerdict::Ask) then counts as [`Allow`](CallVerdict::Allow).
    async fn check(&self, call: ProposedCall) -> Result<CallVerdict, BoxError>;
}

#[async_trait]
impl<F, Fut> CallGuard for F
where
    F: Fn(ProposedCall) -> Fut + Send + Sync,
    Fut: Future<Output = Result<CallVerdict, BoxError>> + Send,
{
    async fn check(&self, call: ProposedCall) -> Result<CallVerdict, BoxError> {
        self(call).await
    }
}

/// What a [`CallGuard`] checks: a call that a model wants to make. `Debug` does not show the input.
#[non_exhaustive]
#[derive(Clone)]
pub struct ProposedCall {
    /// The name of the agent that makes the call.
    pub agent: String,
    /// The id of the conversation.
    pub conversation: String,
    /// The id of the call.
    pub id: String,
    /// The tool's name.
    pub tool: String,
    /// The input, a JSON object.
    pub input: Json,
    /// Whether a person has approved the call.
    pub approved: bool,
}

impl ProposedCall {
    pub(crate) fn new(tool: &str, input: Json, context: &Context) -> Self {
        Self {
            agent: context.agent().to_owned(),
            conversation: context.conversation().to_owned(),
            id: context.call_id().to_owned(),
            tool: tool.to_owned(),
            input,
            approved: context.approved(),
        }
    }
}

impl fmt::Debug for ProposedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agent, conversation, id, tool, input: _, approved } = self;
        let mut fields = f.debug_struct("ProposedCall");
        fields.field("agent", agent).field("conversation", conversation).field("id", id);
        fields.field("tool", tool).field("approved", approved).finish_non_exhaustive()
    }
}

/// Checks the result of a call before the model reads it, for example for instructions that a web
/// page wants to give to the model. It can't ask a person, because the call has had its effect.
///
/// An answer that [ends the run](agent_core::Outcome::Answer) is a result, too; then an
/// [`OutputGuard`](crate::OutputGuard) checks it. If one of them refuses, the run goes on.
///
/// The result of a delegation is the other agent's answer, which an
/// [`OutputGuard`](crate::OutputGuard) around that agent's model checks. A handoff has no result,
/// and results of the API's own tools, such as its web search, do not pass through this process.
///
/// An `Fn(CallResult) -> impl Future` is a `ResultGuard`, too.
#[async_trait]
pub trait ResultGuard: Send + Sync {
    /// Checks the result of a call, also if it is an error. If it refuses, the model reads its words
    /// as an error result. An error counts as a refusal.
    async fn check(&self, result: CallResult) -> Result<Verdict<Content>, BoxError>;
}

#[async_trait]
impl<F, Fut> ResultGuard for F
where
    F: Fn(CallResult) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Verdict<Content>, BoxError>> + Send,
{
    async fn check(&self, result: CallResult) -> Result<Verdict<Content>, BoxError> {
        self(result).await
    }
}

/// What a [`ResultGuard`] checks. `Debug` shows neither the input nor the result.
#[non_exhaustive]
#[derive(Clone)]
pub struct CallResult {
    /// The call, with the input that the tool got.
    pub call: ProposedCall,
    /// The result.
    pub content: Content,
    /// Whether the call failed.
    pub is_error: bool,
}

impl fmt::Debug for CallResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, content: _, is_error } = self;
        let mut fields = f.debug_struct("CallResult");
        fields.field("call", call).field("is_error", is_error).finish_non_exhaustive()
    }
}
