//! Agents, teams of agents, and the rules and limits of their runs.

pub(crate) mod build_error;
pub(crate) mod needs;
pub(crate) mod team;

pub use build_error::BuildError;
pub use team::Team;

pub use crate::conversation::{limits::Limits, rules::Rules};

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::{
    BASE_PROMPT, Block, Content, Conversation, Early, Json, Llm, Tool, ToolSpec, model::Metered,
    tool::bounded::Bounded,
};

/// The default for the most bytes of text in one tool result, and in all results of a turn
/// together.
const MAX_RESULT_BYTES: usize = 400_000;
const MAX_RESULTS_BYTES: usize = 4_000_000;

/// An agent: a name, a system prompt, a model backend ([`Llm`]) and tools ([`Tool`]). The system
/// prompt begins with [`BASE_PROMPT`]. Clones are cheap.
#[derive(Clone)]
pub struct Agent(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    name: Arc<str>,
    system: Vec<Block>,
    llm: Arc<dyn Llm>,
    tools: Vec<Arc<dyn Tool>>,
    specs: Arc<[ToolSpec]>,
    server_tools: Arc<[Json]>,
    max_results_bytes: usize,
    max_tokens: u32,
    turns: Option<u32>,
    resend_refused: bool,
    early: Early,
    extra: BTreeMap<String, Json>,
}

impl Agent {
    /// Starts to build an agent with this name and model backend.
    pub fn builder(name: impl Into<String>, llm: impl Llm + 'static) -> AgentBuilder {
        AgentBuilder {
            name: name.into(),
            llm: Arc::new(Metered::new(llm)),
            base_prompt: BASE_PROMPT.to_owned(),
            system: Vec::new(),
            tools: Vec::new(),
            server_tools: Vec::new(),
            max_result_bytes: MAX_RESULT_BYTES,
            max_results_bytes: None,
            max_tokens: 8_000,
            turns: None,
            resend_refused: false,
            early: Early::default(),
            extra: BTreeMap::new(),
        }
    }

    /// Starts a conversation with this agent. `content` is the user's first message.
    pub fn start(&self, content: impl Into<Content>) -> Conversation {
        Conversation::start(self.name(), content)
    }

    /// The name of the agent.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The system prompt, as text blocks. It includes the base prompt.
    pub fn system(&self) -> &[Block] {
        &self.0.system
    }

    /// The model backend.
    pub fn llm(&self) -> &Arc<dyn Llm> {
        &self.0.llm
    }

    /// The specs of the tools, in the order in which the tools were added.
    pub fn specs(&self) -> &Arc<[ToolSpec]> {
        &self.0.specs
    }

    /// The definitions of the tools that run on the API's servers.
    pub fn server_tools(&self) -> &Arc<[Json]> {
        &self.0.server_tools
    }

    /// The most tokens that one reply may have.
    pub fn max_tokens(&self) -> u32 {
        self.0.max_tokens
    }

    /// The most bytes of text that the results of all calls of one reply may have together.
    pub fn max_results_bytes(&self) -> usize {
        self.0.max_results_bytes
    }

    /// How many turns (requests to its model) the agent may have before the user speaks again.
    /// `None` if the run's limit applies ([`Limits::turns`]).
    pub fn turns(&self) -> Option<u32> {
        self.0.turns
    }

    /// Whether the agent sends refused exchanges again; see [`AgentBuilder::resend_refused`].
    pub fn resend_refused(&self) -> bool {
        self.0.resend_refused
    }

    /// Which calls may start while the reply that makes them still streams; see [`Early`].
    pub fn early(&self) -> Early {
        self.0.early
    }

    /// Extra fields of the agent's requests; see [`AgentBuilder::extra`].
    pub fn extra(&self) -> &BTreeMap<String, Json> {
        &self.0.extra
    }

    /// The tool with this name; `None` if the agent has no such tool.
    pub fn tool(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        let place = self.0.specs.iter().position(|spec| spec.name == name)?;
        Some(&self.0.tools[place])
    }

    pub(crate) fn wrap_tools(&self, wrap: &dyn Fn(Arc<dyn Tool>) -> Arc<dyn Tool>) -> Self {
        let tools = self.0.tools.iter().cloned().map(wrap).collect();
        Self(Arc::new(Inner { tools, ..(*self.0).clone() }))
    }

    /// Returns the agent with a wrapper around its model backend.
    pub fn wrap_model(&self, wrap: impl FnOnce(Arc<dyn Llm>) -> Arc<dyn Llm>) -> Self {
        let llm = wrap(self.0.llm.clone());
        Self(Arc::new(Inner { llm, ..(*self.0).clone() }))
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        self.0.name.clone()
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tools: Vec<&str> = self.0.specs.iter().map(|spec| spec.name.as_str()).collect();
        f.debug_struct("Agent").field("name", &self.0.name).field("tools", &tools).finish_non_exhaustive()
    }
}

/// Builds an [`Agent`]. [`Agent::builder`] returns it.
#[must_use]
pub struct AgentBuilder {
    name: String,
    llm: Arc<dyn Llm>,
    base_prompt: String,
    system: Vec<Block>,
    tools: Vec<Arc<dyn Tool>>,
    server_tools: Vec<Json>,
    max_result_bytes: usize,
    max_results_bytes: Option<usize>,
    max_tokens: u32,
    turns: Option<u32>,
    resend_refused: bool,
    early: Early,
    extra: BTreeMap<String, Json>,
}

impl AgentBuilder {
    /// Sets the agent's own part of the system prompt: who the agent is and what it is to do. The
    /// model reads [`BASE_PROMPT`] before this part, unless [`base_prompt`](Self::base_prompt)
    /// replaces or removes the base prompt.
    pub fn system(self, prompt: impl Into<String>) -> Self {
        self.system_blocks([Block::text(prompt)])
    }

    /// Like [`system`](Self::system), but with blocks, for prompts with `cache_control` or other
    /// fields. A second call of either method replaces the first.
    pub fn system_blocks(mut self, prompt: impl IntoIterator<Item = Block>) -> Self {
        self.system = prompt.into_iter().collect();
        self
    }

    /// Replaces [`BASE_PROMPT`], the text before each agent's own system prompt. An empty text
    /// removes it.
    pub fn base_prompt(mut self, prompt: impl Into<String>) -> Self {
        self.base_prompt = prompt.into();
        self
    }

    /// Adds a tool. Call this once for each tool if they have different types.
    pub fn tool(self, tool: impl Tool + 'static) -> Self {
        self.tools([tool])
    }

    /// Adds the tools of a collection. All of them must have one type. To mix types, make each an
    /// `Arc<dyn Tool>`.
    pub fn tools(mut self, tools: impl IntoIterator<Item = impl Tool + 'static>) -> Self {
        self.tools.extend(tools.into_iter().map(|tool| Arc::new(tool) as Arc<dyn Tool>));
        self
    }

    /// Adds a tool that runs on the API's servers, as the API defines it: `json!({"type":
    /// "web_search_20260318", …})`. The calls and results of the tool pass through unchanged.
    pub fn server_tool(mut self, definition: impl Into<Json>) -> Self {
        self.server_tools.push(definition.into());
        self
    }

    /// Sets how many bytes of text one tool result may have. The default is 400,000. A longer
    /// result is cut, with a note that says so.
    pub fn max_result_bytes(mut self, bytes: usize) -> Self {
        self.max_result_bytes = bytes;
        self
    }

    /// Sets how many bytes of text the results of all calls of one reply may have together. The
    /// default is 4,000,000, or [`max_result_bytes`](Self::max_result_bytes) if that is more.
    ///
    /// Each call gets an equal share. A longer result is cut, with a note that says so. This
    /// includes results of delegations. Pictures and other blocks share 32 MB in the same way.
    pub fn max_results_bytes(mut self, bytes: usize) -> Self {
        self.max_results_bytes = Some(bytes);
        self
    }

    /// Sets how many tokens one reply may have. The default is 8,000.
    pub fn max_tokens(mut self, tokens: u32) -> Self {
        self.max_tokens = tokens;
        self
    }

    /// Sets how many turns (requests to its model) the agent may have before the user speaks again.
    /// The default is the run's limit, [`Limits::turns`].
    pub fn max_turns(mut self, turns: u32) -> Self {
        self.turns = Some(turns);
        self
    }

    /// Sets whether a refused exchange is sent again with later messages. The default is `false`.
    ///
    /// An exchange is a question of the user and the reply to it. The API looks at the whole
    /// request when it refuses. So it would refuse all later requests too, unless the refused
    /// exchange is left out. With `true` the exchange is sent again, for backends that behave
    /// differently. Messages that were [taken back](Conversation::take_back) are never sent.
    /// Source:
    /// <https://docs.claude.com/en/docs/test-and-evaluate/strengthen-guardrails/handle-streaming-refusals>.
    pub fn resend_refused(mut self, resend_refused: bool) -> Self {
        self.resend_refused = resend_refused;
        self
    }

    /// Sets which calls may start while the reply that makes them still streams. The default is
    /// calls of read-only tools. [`Early::All`] also starts calls with effects.
    pub fn early(mut self, early: Early) -> Self {
        self.early = early;
        self
    }

    /// Adds a field to the agent's requests that only its backend knows, for example
    /// `.extra("tool_choice", json!(…))`. Every request has it. A second value for the same name
    /// replaces the first. One exception: agent-llm's `Claude` sends a `tool_choice` that forces a
    /// call only in the first request after the user spoke.
    pub fn extra(mut self, field: impl Into<String>, value: impl Into<Json>) -> Self {
        self.extra.insert(field.into(), value.into());
        self
    }

    /// Builds the agent. Fails if a name is invalid, two tools share a name, an input schema is
    /// invalid, or the flags of a tool contradict each other; see [`BuildError`].
    pub fn build(self) -> Result<Agent, BuildError> {
        let specs: Arc<[ToolSpec]> = self.tools.iter().map(|tool| tool.spec().clone()).collect();
        build_error::check_agent(&self.name)?;
        build_error::check_tools(&self.name, &specs, &self.server_tools)?;
        let longest = self.max_result_bytes;
        let bounded = |(tool, spec): (Arc<dyn Tool>, &ToolSpec)| {
            Arc::new(Bounded::new(tool, spec.clone(), longest)) as Arc<dyn Tool>
        };
        let tools = self.tools.into_iter().zip(specs.iter()).map(bounded).collect();
        let prompts = std::iter::once(Block::text(self.base_prompt)).chain(self.system);
        Ok(Agent(Arc::new(Inner {
            name: self.name.into(),
            system: prompts.filter(|block| !block.is_blank()).collect(),
            llm: self.llm,
            tools,
            specs,
            server_tools: self.server_tools.into(),
            max_results_bytes: self.max_results_bytes.unwrap_or(MAX_RESULTS_BYTES.max(longest)),
            max_tokens: self.max_tokens,
            turns: self.turns,
            resend_refused: self.resend_refused,
            early: self.early,
            extra: self.extra,
        })))
    }
}
