//! Agents, teams of them, and the rules and limits they run under.

pub(crate) mod build_error;
pub(crate) mod team;

pub use build_error::BuildError;
pub use team::Team;

pub use crate::conversation::{limits::Limits, rules::Rules};

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::{
    BASE_PROMPT, Block, Content, Conversation, Early, Json, Llm, Tool, ToolSpec, tool::bounded::Bounded,
};

/// The most bytes of words that one tool result may have, and all results of a turn together, if
/// nothing else is said.
const MAX_RESULT_BYTES: usize = 400_000;
const MAX_RESULTS_BYTES: usize = 4_000_000;

/// An agent: who it is (the system prompt, which begins with [`BASE_PROMPT`]), what it thinks with
/// (an [`Llm`]) and what it can do ([`Tool`]s). Cloning is cheap.
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
    /// Begins an agent of this name, which thinks with this model.
    pub fn builder(name: impl Into<String>, llm: impl Llm + 'static) -> AgentBuilder {
        AgentBuilder {
            name: name.into(),
            llm: Arc::new(llm),
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

    /// A conversation with this agent that begins with what the user says.
    pub fn start(&self, content: impl Into<Content>) -> Conversation {
        Conversation::start(self.name(), content)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its system prompt, as text blocks.
    pub fn system(&self) -> &[Block] {
        &self.0.system
    }

    /// Its model.
    pub fn llm(&self) -> &Arc<dyn Llm> {
        &self.0.llm
    }

    /// What its tools are, in the order they were given.
    pub fn specs(&self) -> &Arc<[ToolSpec]> {
        &self.0.specs
    }

    /// Its tools that run at the API's.
    pub fn server_tools(&self) -> &Arc<[Json]> {
        &self.0.server_tools
    }

    /// The most tokens one of its replies may have.
    pub fn max_tokens(&self) -> u32 {
        self.0.max_tokens
    }

    /// The most bytes of words that the results of all calls of one of its replies may have
    /// together.
    pub fn max_results_bytes(&self) -> usize {
        self.0.max_results_bytes
    }

    /// How many turns it may have, if that is not left to the run's limits.
    pub fn turns(&self) -> Option<u32> {
        self.0.turns
    }

    /// Whether it sends again what its model refused: see [`AgentBuilder::resend_refused`].
    pub fn resend_refused(&self) -> bool {
        self.0.resend_refused
    }

    /// Which of its calls may start while the reply that makes them still streams.
    pub fn early(&self) -> Early {
        self.0.early
    }

    /// Fields of its requests that only its backend knows.
    pub fn extra(&self) -> &BTreeMap<String, Json> {
        &self.0.extra
    }

    /// Its tool of this name.
    pub fn tool(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        let place = self.0.specs.iter().position(|spec| spec.name == name)?;
        Some(&self.0.tools[place])
    }

    pub(crate) fn wrap_tools(&self, wrap: &dyn Fn(Arc<dyn Tool>) -> Arc<dyn Tool>) -> Self {
        let tools = self.0.tools.iter().cloned().map(wrap).collect();
        Self(Arc::new(Inner { tools, ..(*self.0).clone() }))
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

/// Builds an [`Agent`]; from [`Agent::builder`].
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
    /// The agent's own system prompt: who it is and what it is to do. In front of it stands
    /// [`BASE_PROMPT`], unless [`base_prompt`](Self::base_prompt) replaces or removes that.
    pub fn system(self, prompt: impl Into<String>) -> Self {
        self.system_blocks([Block::text(prompt)])
    }

    /// The same as blocks, for prompts with `cache_control` or other fields.
    pub fn system_blocks(mut self, prompt: impl IntoIterator<Item = Block>) -> Self {
        self.system = prompt.into_iter().collect();
        self
    }

    /// Replaces [`BASE_PROMPT`], which stands in front of each agent's own prompt; an empty text
    /// removes it.
    pub fn base_prompt(mut self, prompt: impl Into<String>) -> Self {
        self.base_prompt = prompt.into();
        self
    }

    /// A tool it can call. For tools of different types, call this once for each.
    pub fn tool(self, tool: impl Tool + 'static) -> Self {
        self.tools([tool])
    }

    /// More tools it can call: an array or another collection of tools of one type. Tools of
    /// different types have one type as `Arc<dyn Tool>`.
    pub fn tools(mut self, tools: impl IntoIterator<Item = impl Tool + 'static>) -> Self {
        self.tools.extend(tools.into_iter().map(|tool| Arc::new(tool) as Arc<dyn Tool>));
        self
    }

    /// A tool that runs at the API's, as it defines it:
    /// `json!({"type": "web_search_20260318", …})`. Its calls and results pass through unchanged.
    pub fn server_tool(mut self, definition: impl Into<Json>) -> Self {
        self.server_tools.push(definition.into());
        self
    }

    /// The most bytes of words one tool result may have; 400,000. What is longer is cut, and the
    /// result says so.
    pub fn max_result_bytes(mut self, bytes: usize) -> Self {
        self.max_result_bytes = bytes;
        self
    }

    /// The most bytes of words that the results of all calls of one reply may have together;
    /// 4,000,000, or what [one result](Self::max_result_bytes) may have if that is more. Each call
    /// has an equal part of it: what is longer is cut, and the result says so. That holds for
    /// delegations, too. Pictures and other blocks share 32 MB in the same way.
    pub fn max_results_bytes(mut self, bytes: usize) -> Self {
        self.max_results_bytes = Some(bytes);
        self
    }

    /// The most tokens one reply may have; 8,000.
    pub fn max_tokens(mut self, tokens: u32) -> Self {
        self.max_tokens = tokens;
        self
    }

    /// How many turns the agent may have, instead of the run's limit.
    pub fn max_turns(mut self, turns: u32) -> Self {
        self.turns = Some(turns);
        self
    }

    /// Whether what a model refused is sent again with what follows; no. A refusal is a property of all that was asked, so
    /// the API refuses what follows, too, unless the refused reply and what it was asked are left out. With `true`, all of the
    /// record is sent, as for a backend of which one knows better; what was [taken back](Conversation::take_back) still is not.
    /// Source: <https://docs.claude.com/en/docs/test-and-evaluate/strengthen-guardrails/handle-streaming-refusals>.
    pub fn resend_refused(mut self, resend_refused: bool) -> Self {
        self.resend_refused = resend_refused;
        self
    }

    /// Which of its calls may start while the reply that makes them still streams: those of
    /// read-only tools, if this is not called. [`Early::All`] is for a program that vouches for all
    /// of its tools.
    pub fn early(mut self, early: Early) -> Self {
        self.early = early;
        self
    }

    /// A field of its requests that only its backend knows, as JSON: `("tool_choice", json!(…))`.
    /// It stands in each of them; but agent-llm's `Claude` forces a `tool_choice` only in the first
    /// since the user spoke.
    pub fn extra(mut self, field: impl Into<String>, value: impl Into<Json>) -> Self {
        self.extra.insert(field.into(), value.into());
        self
    }

    /// The agent; an error if a name is not allowed, two tools share one, or an input schema is not
    /// one of an object.
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
