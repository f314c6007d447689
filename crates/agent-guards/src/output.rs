//! Checks of what a model says.

use std::{fmt, future::Future, sync::Arc};

use agent_core::{Content, Context, Request, async_trait};

use crate::{BoxError, OutputVerdict};

/// Checks the text of a reply before it is recorded, shown or acted on.
///
/// By default the whole reply is held back until it is checked, so its text no longer streams word
/// by word, and no call starts early. [`Guards::windows`](crate::Guards::windows) checks and shows
/// the text in parts. Replies without text are not checked.
///
/// If a tool [answers](agent_core::Outcome::Answer) in the place of the model, the text of its answer
/// is checked, too.
///
/// Only text is checked. Calls are for a [`CallGuard`](crate::CallGuard). Thinking and other blocks
/// pass unchanged: if users see the model's thinking, hide it where you show it.
///
/// An `Fn(Output) -> impl Future` is an `OutputGuard`, too.
#[async_trait]
pub trait OutputGuard: Send + Sync {
    /// Checks text of a reply. If it refuses, the run ends with a
    /// [`GuardRefusal`](crate::GuardRefusal). If it wants another reply, this one is withdrawn and
    /// not recorded; its tokens count. If it does not allow the answer of a tool, the model reads
    /// its words as an error result, and the run goes on. An error counts as a refusal.
    async fn check(&self, output: Output) -> Result<OutputVerdict, BoxError>;
}

#[async_trait]
impl<F, Fut> OutputGuard for F
where
    F: Fn(Output) -> Fut + Send + Sync,
    Fut: Future<Output = Result<OutputVerdict, BoxError>> + Send,
{
    async fn check(&self, output: Output) -> Result<OutputVerdict, BoxError> {
        self(output).await
    }
}

/// What an [`OutputGuard`] checks. `Debug` shows no text.
#[non_exhaustive]
#[derive(Clone)]
pub struct Output {
    /// The name of the agent that says it.
    pub agent: Arc<str>,
    /// The id of the conversation.
    pub conversation: Arc<str>,
    /// How many delegations lead to the conversation. It is 0 in the user's own conversation. An
    /// answer at a greater depth is the result of another agent's call.
    pub depth: u32,
    /// The end of the text before it that is already shown. Empty unless the text is checked in
    /// [windows](crate::Guards::windows).
    pub before: String,
    /// The text to check: all text blocks of the reply, or the next window.
    pub text: String,
}

impl Output {
    /// An output without text.
    pub(crate) fn of(request: &Request) -> Self {
        Self {
            agent: request.agent.clone(),
            conversation: request.conversation.clone(),
            depth: request.depth,
            before: String::new(),
            text: String::new(),
        }
    }

    /// The answer of a tool.
    pub(crate) fn of_answer(answer: &Content, context: &Context) -> Self {
        Self {
            agent: context.agent().into(),
            conversation: context.conversation().into(),
            depth: context.depth(),
            before: String::new(),
            text: answer.to_text(),
        }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agent, conversation, depth, before: _, text: _ } = self;
        let mut fields = f.debug_struct("Output");
        fields.field("agent", agent).field("conversation", conversation).field("depth", depth);
        fields.finish_non_exhaustive()
    }
}
