//! A team: agents that can send work to each other.

use std::sync::Arc;

use crate::{Agent, BuildError, Call, Limits, Outcome, Rules, Tool, ToolSpec, agent::build_error};

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
        build_error::check_team(&agents)?;
        Ok(Self { agents, limits: Limits::default() })
    }

    /// The same team under other limits.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same team with something around each of its tools, for what a host does before or after
    /// any call. What is wrapped around a tool has the tool's own spec.
    pub fn wrap_tools(self, wrap: impl Fn(Arc<dyn Tool>) -> Arc<dyn Tool>) -> Self {
        let agents = self.agents.iter().map(|agent| agent.wrap_tools(&wrap)).collect();
        Self { agents, ..self }
    }

    /// Whether a tool in it has a [`timeout`](ToolSpec::timeout).
    pub(crate) fn has_timeouts(&self) -> bool {
        self.agents.iter().flat_map(|agent| agent.specs().iter()).any(|spec| spec.timeout.is_some())
    }

    /// The agent of this name.
    pub fn agent(&self, name: &str) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.name() == name)
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

impl Rules for Team {
    fn spec(&self, agent: &str, tool: &str) -> Option<&ToolSpec> {
        Some(self.agent(agent)?.tool(tool)?.spec())
    }

    fn turns(&self, agent: &str) -> u32 {
        // An agent that is not here may have had more: the run then says that it is not here, and
        // takes nothing from it.
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
