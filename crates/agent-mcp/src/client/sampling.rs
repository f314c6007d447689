//! Requests of a server to the team's models.

// Sampling is deprecated in the newest revision, and both revisions are spoken.
#![expect(deprecated)]

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use agent_core::{
    Block, BoxStream, Context, Delta, Json, Llm, LlmError, Message, Request, StopReason, Team, Usage,
    budget::Usd, model::fold,
};
use rmcp::model::{
    ContentBlock, CreateMessageRequestParams, CreateMessageResult, Role, SamplingMessage,
    SamplingMessageContentBlock,
};

use super::content;

/// The most conversations that are remembered. Their calls end long before that many others begin.
const CONVERSATIONS: usize = 1_000;

/// Lets servers ask the models of a team (the protocol's *sampling*), in a call that the team
/// makes. By default a server can't.
///
/// The agent that makes the call answers with its own model, and the budgets of its run pay. The
/// server decides what the model reads, so allow it only to servers that you trust with the costs.
/// The model gets no tools and nothing of the conversation.
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
    /// The last requests of conversations, without what they said: who pays is in them.
    asking: Mutex<VecDeque<Asking>>,
}

impl Default for Inner {
    fn default() -> Self {
        Self { max_tokens: 4_000, usage: Mutex::default(), asking: Mutex::default() }
    }
}

struct Asking {
    request: Request,
    llm: Arc<dyn Llm>,
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

    /// What all answers have used so far. It is not a part of the usage of conversations, which has
    /// only what their agents asked themselves.
    pub fn usage(&self) -> Usage {
        *self.0.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a wrapper around the models of a team, so that they can be asked.
    pub fn around(&self, team: Team) -> Team {
        team.wrap_models(|llm| Arc::new(Watched { llm, sampling: self.0.clone() }))
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
        let (mut request, llm) = self
            .0
            .of(context)
            .ok_or("this program can't ask a model for this call: its team has no `Sampling::around`")?;
        request.system = asked.system_prompt.into_iter().map(Block::text).collect();
        request.messages = messages(&asked.messages)?;
        request.places = vec![None; request.messages.len()];
        request.max_tokens = asked.max_tokens.min(self.0.max_tokens);
        let reply = fold(llm.stream(request), |_| {}).await;
        let used = reply.as_ref().map_or_else(LlmError::usage, |reply| reply.usage);
        *self.0.usage.lock().unwrap_or_else(PoisonError::into_inner) += used;
        let reply = reply.map_err(|error| error.to_string())?;
        let text = Message::assistant(reply.content).text();
        let message = SamplingMessage::new(Role::Assistant, SamplingMessageContentBlock::text(text));
        let model = reply.model.unwrap_or_else(|| "unknown".to_owned());
        Ok(CreateMessageResult::new(message, model).with_stop_reason(match reply.stop_reason {
            StopReason::MaxTokens => CreateMessageResult::STOP_REASON_END_MAX_TOKEN,
            StopReason::StopSequence => CreateMessageResult::STOP_REASON_END_SEQUENCE,
            _ => CreateMessageResult::STOP_REASON_END_TURN,
        }))
    }
}

impl Inner {
    /// Remembers who asks, and who pays.
    fn watch(&self, request: &Request, llm: &Arc<dyn Llm>) {
        let mut request = request.clone();
        request.messages = Vec::new();
        request.places = Vec::new();
        request.tools = [].into();
        request.server_tools = [].into();
        request.previous_reply = None;
        request.container = None;
        request.answer_schema = None;
        request.extra.clear();
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        asking.retain(|other| other.request.conversation != request.conversation);
        asking.push_back(Asking { request, llm: llm.clone() });
        if asking.len() > CONVERSATIONS {
            asking.pop_front();
        }
    }

    fn of(&self, context: &Context) -> Option<(Request, Arc<dyn Llm>)> {
        let asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        let found = asking.iter().find(|asking| *asking.request.conversation == *context.conversation())?;
        Some((found.request.clone(), found.llm.clone()))
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

/// A model whose requests are remembered.
struct Watched {
    llm: Arc<dyn Llm>,
    sampling: Arc<Inner>,
}

impl Llm for Watched {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        self.sampling.watch(&request, &self.llm);
        self.llm.stream(request)
    }

    fn supports_answer_schema(&self, schema: &Json) -> bool {
        self.llm.supports_answer_schema(schema)
    }

    fn max_cost(&self, usage: &Usage) -> Option<Usd> {
        self.llm.max_cost(usage)
    }
}

impl fmt::Debug for Sampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampling").field("max_tokens", &self.0.max_tokens).finish_non_exhaustive()
    }
}
