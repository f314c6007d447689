//! A team: agents that can send work to each other.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::{
    Agent, BuildError, Call, Conversation, Failure, Limits, LlmError, LlmErrorKind, Many, Message, Outcome,
    PreviousReply, Request, RequestParts, Rules, Run, RunError, Tool, ToolSpec, TransferRecord, agent::names,
    message::without_tool_blocks::without_tool_blocks, panic_message::panic_message,
};

/// Agents by name, checked when built: every agent that a tool leads to is there. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Team {
    agents: Arc<[Agent]>,
    limits: Limits,
}

impl Team {
    /// A team of these agents, with the default [`Limits`].
    pub fn new(agents: impl IntoIterator<Item = Agent>) -> Result<Self, BuildError> {
        let agents: Arc<[Agent]> = agents.into_iter().collect();
        names::check_team(&agents)?;
        Ok(Self { agents, limits: Limits::default() })
    }

    /// The same team under other limits.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same team with something around each of its tools, for what a host does before or after any call. What is
    /// wrapped around a tool has the tool's own spec.
    pub fn wrap_tools(self, wrap: impl Fn(Arc<dyn Tool>) -> Arc<dyn Tool>) -> Self {
        let agents = self.agents.iter().map(|agent| agent.wrap_tools(&wrap)).collect();
        Self { agents, ..self }
    }

    /// Whether a tool in it has a [`timeout`](ToolSpec::timeout).
    pub(crate) fn has_timeouts(&self) -> bool {
        self.agents.iter().flat_map(|agent| agent.specs().iter()).any(|spec| spec.timeout.is_some())
    }

    /// Runs a conversation until it is the user's turn: `.await` it, or read its events.
    pub fn run<'a>(&self, conversation: &'a mut Conversation) -> Run<'a> {
        Run::new(Ok(self.clone()), conversation)
    }

    /// Runs many conversations, at most so many at once, each on a task of its own: a stream of
    /// them as they end.
    pub fn run_many(&self, conversations: impl IntoIterator<Item = Conversation>, at_most: usize) -> Many {
        Many::new(self.clone(), conversations.into_iter().collect(), at_most)
    }

    /// The agent of this name.
    pub fn agent(&self, name: &str) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.name() == name)
    }

    /// What the agent that speaks next asks its model. The error is [`RunError::UnknownAgent`] if it is not in the team,
    /// and [`RunError::Model`] if what was to say [what it reads](Tool::introduce) panicked.
    pub fn request(&self, conversation: &Conversation) -> Result<Request, RunError> {
        let name = conversation.speaker();
        let Some(agent) = self.agent(name) else {
            return Err(RunError::UnknownAgent { agent: name.to_owned(), agents: self.agents().join(", ") });
        };
        let whole =
            if agent.resend_refused() { conversation.with_refused() } else { Cow::Borrowed(conversation) };
        let conversation = &*whole;
        let request = RequestParts {
            agent: agent.shared_name(),
            conversation: conversation.shared_id(),
            system: agent.system().to_vec(),
            messages: conversation.reads(),
            turns: conversation.turns_of(conversation.speaker()),
            previous_reply: None,
            tools: agent.specs().clone(),
            server_tools: agent.server_tools().clone(),
            container: conversation.container().map(str::to_owned),
            max_tokens: agent.max_tokens(),
            extra: agent.extra().clone(),
        };
        let mut request = self.introduced(conversation, request.into())?;
        if let Some(last) = request.messages.last_mut() {
            *last = last.without_space_at_end();
        }
        let has_tools = !request.tools.is_empty() || !request.server_tools.is_empty();
        if !has_tools {
            without_tool_blocks(&mut request.messages);
        }
        request.previous_reply = previous_reply(conversation, &request.messages);
        Ok(request)
    }

    /// An agent that was given the conversation reads what the tool that did it lets it read.
    fn introduced(&self, conversation: &Conversation, request: Request) -> Result<Request, Failure> {
        let Some(TransferRecord { from, call: Some(call), .. }) = conversation.passage() else {
            return Ok(request);
        };
        let Some(tool) = self.agent(&from).and_then(|agent| agent.tool(&call.name)) else {
            return Ok(request);
        };
        // A tool is foreign code; its panic must not take the run along.
        let introduce = AssertUnwindSafe(|| tool.introduce(conversation, request, self));
        catch_unwind(introduce).map_err(|panic| {
            let why = format!("what {:?} lets it read panicked: {}", call.name, panic_message(&*panic));
            let error = LlmError::new(LlmErrorKind::NotAsked, why);
            Failure { agent: conversation.speaker().to_owned(), error }
        })
    }

    /// Fails with [`RunError::UnknownAgent`] if the agent that has the conversation is not in the team. Then nothing of it
    /// may be answered here, so that a process that has the agent makes its calls. [`LocalHost`](crate::host::LocalHost) asks this before
    /// each turn.
    pub fn check_agent(&self, conversation: &Conversation) -> Result<(), RunError> {
        self.check_name(conversation.agent())
    }

    /// The same of the agent of this name.
    pub(crate) fn check_name(&self, agent: &str) -> Result<(), RunError> {
        match self.agent(agent) {
            Some(_) => Ok(()),
            None => Err(RunError::UnknownAgent { agent: agent.to_owned(), agents: self.agents().join(", ") }),
        }
    }

    /// The tool a call is for, or the error result of a call that can't be made.
    pub fn tool(&self, call: &Call) -> Result<&Arc<dyn Tool>, Outcome> {
        let (name, agent) = (&call.call.name, self.agent(&call.agent));
        let Some(tool) = agent.and_then(|agent| agent.tool(name)) else {
            let specs = agent.map(|agent| agent.specs().as_ref()).unwrap_or_default();
            let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(Outcome::error(format!("there is no tool named {name:?}; tools: {names}")));
        };
        match call.call.malformed() {
            Some(error) => Err(Outcome::error(format!("invalid input: {error}"))),
            None => Ok(tool),
        }
    }
}

/// Where the last reply stands in what is read.
fn previous_reply(conversation: &Conversation, messages: &[Message]) -> Option<PreviousReply> {
    let (response, reply) = conversation.last_reply()?;
    let place = messages.iter().rposition(|message| message.is(reply))?;
    Some(PreviousReply { response: response.clone(), messages: place + 1, reply: reply.clone() })
}

impl Rules for Team {
    fn spec(&self, agent: &str, tool: &str) -> Option<&ToolSpec> {
        Some(self.agent(agent)?.tool(tool)?.spec())
    }

    fn turns(&self, agent: &str) -> u32 {
        // An agent that is not here may have had more: the run then says that it is not here, and takes nothing from it.
        self.agent(agent).map_or(u32::MAX, |agent| agent.turns().unwrap_or(self.limits.turns))
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn agents(&self) -> Vec<&str> {
        self.agents.iter().map(Agent::name).collect()
    }

    fn max_results_bytes(&self, agent: &str) -> usize {
        self.agent(agent).map_or(usize::MAX, Agent::max_results_bytes)
    }
}
