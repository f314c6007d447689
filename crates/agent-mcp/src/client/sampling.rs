//! Requests of a server to the team's models.

// Sampling is deprecated in the newest revision, and both revisions are spoken.
#![expect(deprecated)]

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use agent_core::{
    Block, Context, Llm, LlmError, Message, Request, StopReason, Team, Usage, agent::Rules, model::fold,
};
use rmcp::model::{
    ContentBlock, CreateMessageRequestParams, CreateMessageResult, Role, SamplingMessage,
    SamplingMessageContentBlock,
};

use super::content;

/// Lets servers ask the models of a team (the protocol's *sampling*), in a call that the team
/// makes. By default a server can't.
///
/// The agent that makes the call answers with its own model. The budgets of its run pay, and the
/// usage of its conversation has it ([`Context::pay_for`]). The server decides what the model reads,
/// so allow it only to servers that you trust with the costs. The model gets no tools and nothing of
/// the conversation.
///
/// ```no_run
/// # use agent_core::{Conversation, Team};
/// # async fn run(team: Team) -> Result<(), Box<dyn std::error::Error>> {
/// use agent_mcp::{McpServer, Sampling};
///
/// let sampling = Sampling::new();
/// let server = McpServer::command("summaries", [""; 0]).sampling(&sampling).connect().await?;
/// // … build the team with `server.tools()`, then:
/// let team = sampling.around(team);
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct Sampling(Arc<Inner>);

struct Inner {
    max_tokens: u32,
    /// What the answers have used.
    usage: Mutex<Usage>,
    /// The models that answer, by the names of their agents.
    models: Mutex<HashMap<String, Arc<dyn Llm>>>,
}

impl Default for Inner {
    fn default() -> Self {
        Self { max_tokens: 4_000, usage: Mutex::default(), models: Mutex::default() }
    }
}

impl Sampling {
    /// Answers have at most 4,000 tokens.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another limit of the tokens of an answer. A server may ask for less.
    pub fn with_max_tokens(tokens: u32) -> Self {
        Self(Arc::new(Inner { max_tokens: tokens, ..Inner::default() }))
    }

    /// What all answers have used so far, in all runs. The usage of each conversation has its part of
    /// it.
    pub fn usage(&self) -> Usage {
        *self.0.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the agents of this team answer, with their models as they are now, and returns the team.
    /// Put wrappers around the models before. If agents of several teams have one name, the last one
    /// answers for all of them.
    pub fn around(&self, team: Team) -> Team {
        let agents = team.agents().into_iter().filter_map(|name| team.agent(name));
        let models = agents.map(|agent| (agent.name().to_owned(), agent.llm().clone()));
        self.0.models.lock().unwrap_or_else(PoisonError::into_inner).extend(models);
        team
    }

    /// Answers a request of a server, which it made in a call.
    pub(super) async fn answer(
        &self,
        asked: CreateMessageRequestParams,
        context: &Context,
    ) -> Result<CreateMessageResult, String> {
        if asked.tools.is_some_and(|tools| !tools.is_empty()) {
            return Err("this program allows no tools in sampling".to_owned());
        }
        let llm = self.0.model_of(context.agent()).ok_or_else(|| {
            format!(
                "this program can't ask a model for the agent {:?}: its team was not given to `Sampling::around`",
                context.agent()
            )
        })?;
        let mut request = context.pay_for(Request::new(messages(&asked.messages)?));
        request.system = asked.system_prompt.into_iter().map(Block::text).collect();
        request.max_tokens = asked.max_tokens.min(self.0.max_tokens);
        let reply = fold(llm.stream(request), |_| {}).await;
        let used = reply.as_ref().map_or_else(LlmError::usage, |reply| reply.usage);
        *self.0.usage.lock().unwrap_or_else(PoisonError::into_inner) += used;
        let reply = reply.map_err(|error| error.to_string())?;
        if reply.stop_reason == StopReason::Refusal {
            return Err("the model refused to answer".to_owned());
        }
        let text = Message::assistant(reply.content).text();
        let message = SamplingMessage::new(Role::Assistant, SamplingMessageContentBlock::text(text));
        let model = reply.model.map_or_else(|| "unknown".to_owned(), Into::into);
        Ok(CreateMessageResult::new(message, model).with_stop_reason(match reply.stop_reason {
            StopReason::MaxTokens => CreateMessageResult::STOP_REASON_END_MAX_TOKEN,
            StopReason::StopSequence => CreateMessageResult::STOP_REASON_END_SEQUENCE,
            _ => CreateMessageResult::STOP_REASON_END_TURN,
        }))
    }
}

impl Inner {
    fn model_of(&self, agent: &str) -> Option<Arc<dyn Llm>> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner).get(agent).cloned()
    }
}

fn messages(asked: &[SamplingMessage]) -> Result<Vec<Message>, String> {
    let message = |message: &SamplingMessage| {
        let blocks: Result<Vec<Block>, String> = message.content.iter().map(block).collect();
        let blocks = blocks?;
        Ok(match message.role {
            Role::Assistant => Message::assistant(blocks),
            _ => Message::user(blocks),
        })
    };
    asked.iter().map(message).collect()
}

fn block(block: &SamplingMessageContentBlock) -> Result<Block, String> {
    let block = match block {
        SamplingMessageContentBlock::Text(text) => ContentBlock::Text(text.clone()),
        SamplingMessageContentBlock::Image(image) => ContentBlock::Image(image.clone()),
        SamplingMessageContentBlock::Audio(audio) => ContentBlock::Audio(audio.clone()),
        _ => return Err("this program allows only text and pictures in sampling".to_owned()),
    };
    Ok(content::block(&block))
}

impl fmt::Debug for Sampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampling").field("max_tokens", &self.0.max_tokens).finish_non_exhaustive()
    }
}
