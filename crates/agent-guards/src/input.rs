//! Checks of what a model is about to read.

use std::{fmt, future::Future, sync::Arc};

use agent_core::{Block, Message, Request, Role, async_trait};

use crate::{BoxError, Judgement, Verdict};

/// Judges what the user said, before anything of the model's reply is shown or done.
///
/// The check runs beside the request to the model, so it makes a run slower only if it takes longer
/// than the reply. If it refuses, the request is stopped and the run ends
/// ([`GuardRefusal`](crate::GuardRefusal)).
///
/// An `Fn(Input) -> impl Future` is an `InputGuard`, too.
#[async_trait]
pub trait InputGuard: Send + Sync {
    /// Judges new messages of the user. An error counts as a refusal.
    async fn check(&self, input: Input) -> Result<Judgement, BoxError>;
}

#[async_trait]
impl<F, Fut> InputGuard for F
where
    F: Fn(Input) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Judgement, BoxError>> + Send,
{
    async fn check(&self, input: Input) -> Result<Judgement, BoxError> {
        self(input).await
    }
}

/// What an [`InputGuard`] judges: all that the user has said since the model's last reply.
///
/// In a delegated conversation, the user is the agent that gave the task. Results of calls are not
/// part of it ([`ResultGuard`](crate::ResultGuard) checks these). `Debug` shows no messages.
#[non_exhaustive]
#[derive(Clone)]
pub struct Input {
    /// The name of the agent that is to read it.
    pub agent: Arc<str>,
    /// The id of the conversation.
    pub conversation: Arc<str>,
    /// How many delegations lead to the conversation. It is 0 in the user's own conversation.
    pub depth: u32,
    /// The new messages, without results of calls. There is at least one.
    pub messages: Vec<Message>,
}

impl Input {
    /// The new messages of a request; `None` if the user said nothing new.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let since = request.messages.iter().rev().take_while(|message| message.role() != Role::Assistant);
        let mut messages: Vec<Message> = since.filter_map(said).collect();
        messages.reverse();
        (!messages.is_empty()).then(|| Self {
            agent: request.agent.clone(),
            conversation: request.conversation.clone(),
            depth: request.depth,
            messages,
        })
    }

    /// The text of the messages. Several messages are separated by a blank line.
    pub fn text(&self) -> String {
        self.messages.iter().map(Message::text).collect::<Vec<String>>().join("\n\n")
    }
}

/// What the user said in a message; `None` if it has only results of calls.
fn said(message: &Message) -> Option<Message> {
    let words = || message.content().iter().filter(|block| !block.is_tool_block()).cloned();
    let is_of_user = message.role() == Role::User && !message.is_background_result();
    let words: Vec<Block> = if is_of_user { words().collect() } else { Vec::new() };
    (!words.is_empty()).then(|| Message::new(Role::User, words))
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agent, conversation, depth, messages } = self;
        let mut fields = f.debug_struct("Input");
        fields.field("agent", agent).field("conversation", conversation).field("depth", depth);
        fields.field("messages", &messages.len()).finish()
    }
}

/// Replaces what the user said, in what the model reads. The record keeps what was said.
///
/// A replacement has to be made before the request, so the request waits for it. Use an
/// [`InputGuard`] if you only want to refuse.
///
/// Each request contains the whole history. So each text of the user in it is given to the rewriter
/// again for each request. Always return the same for the same text: otherwise the model reads
/// another history each time, and the API's prompt cache does not help.
///
/// An `Fn(UserText) -> impl Future` is an `InputRewriter`, too.
#[async_trait]
pub trait InputRewriter: Send + Sync {
    /// Checks one text block of one message of the user. An error counts as a refusal.
    async fn rewrite(&self, text: UserText) -> Result<Verdict<String>, BoxError>;
}

#[async_trait]
impl<F, Fut> InputRewriter for F
where
    F: Fn(UserText) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Verdict<String>, BoxError>> + Send,
{
    async fn rewrite(&self, text: UserText) -> Result<Verdict<String>, BoxError> {
        self(text).await
    }
}

/// What an [`InputRewriter`] checks. `Debug` does not show the text.
#[non_exhaustive]
#[derive(Clone)]
pub struct UserText {
    /// The name of the agent that is to read it.
    pub agent: Arc<str>,
    /// The id of the conversation.
    pub conversation: Arc<str>,
    /// How many delegations lead to the conversation. It is 0 in the user's own conversation.
    pub depth: u32,
    /// The text.
    pub text: String,
}

impl fmt::Debug for UserText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agent, conversation, depth, text: _ } = self;
        let mut fields = f.debug_struct("UserText");
        fields.field("agent", agent).field("conversation", conversation).field("depth", depth);
        fields.finish_non_exhaustive()
    }
}
