//! Teams: agents that can send work to each other.

use std::sync::Arc;

use crate::{
    Agent, BuildError, Call, Limits, Llm, MissingValue, Outcome, Rules, Tool, ToolSpec, Usage,
    agent::{build_error, needs::Needs},
    tool::values::Values,
};

/// A group of agents that can send work to each other, with the limits of their runs. Building a
/// team fails if a tool leads to an agent that is not in the team. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Team {
    agents: Arc<[Agent]>,
    needs: Needs,
    limits: Limits,
    leaves_detached: bool,
}

impl Team {
    /// Builds a team of these agents, with the default [`Limits`]. Fails if two agents have the
    /// same name, or if a tool leads to an agent that is not among them.
    pub fn new(agents: impl IntoIterator<Item = Agent>) -> Result<Self, BuildError> {
        let agents: Arc<[Agent]> = agents.into_iter().collect();
        build_error::check_team(&agents)?;
        let needs = Needs::of(&agents);
        Ok(Self { agents, needs, limits: Limits::default(), leaves_detached: false })
    }

    /// Sets whether a run may end with an answer, or because a call waits for a person, while
    /// [detached](ToolSpec::detach_after) calls go on. By default a run waits for them, and the agent reads their results. With `true` the run
    /// ends, and what goes on is stopped. What has ended of it is kept, and the next run continues
    /// it.
    pub fn leave_detached(mut self, leave: bool) -> Self {
        self.leaves_detached = leave;
        self
    }

    /// Returns the team with other limits.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Returns the team with a wrapper around each tool. Use it in a host that does something
    /// before or after every call. The tools keep their own specs.
    pub fn wrap_tools(self, wrap: impl Fn(Arc<dyn Tool>) -> Arc<dyn Tool>) -> Self {
        let agents = self.agents.iter().map(|agent| agent.wrap_tools(&wrap)).collect();
        Self { agents, ..self }
    }

    /// Returns the team with a wrapper around the model backend of each agent. Use it for a wrapper
    /// that all agents of a run need.
    pub fn wrap_models(self, wrap: impl Fn(Arc<dyn Llm>) -> Arc<dyn Llm>) -> Self {
        let agents = self.agents.iter().map(|agent| agent.wrap_model(&wrap)).collect();
        Self { agents, ..self }
    }

    /// Checks that the tools of all agents have the values that they need.
    pub(crate) fn check_values(&self, values: &Values) -> Result<(), MissingValue> {
        self.needs.check(values)
    }

    /// Whether a tool of the team has a [`timeout`](ToolSpec::timeout).
    pub(crate) fn has_timeouts(&self) -> bool {
        self.agents.iter().flat_map(|agent| agent.specs().iter()).any(|spec| spec.timeout.is_some())
    }

    /// Whether calls of a tool of the team may be detached.
    pub(crate) fn may_detach(&self) -> bool {
        self.agents.iter().flat_map(|agent| agent.specs().iter()).any(|spec| spec.detach_after.is_some())
    }

    /// The agents whose backends do not know their prices.
    pub(crate) fn unpriced_agents(&self) -> Vec<String> {
        let knows_prices = |agent: &&Agent| agent.llm().max_cost(&Usage::new(1, 1)).is_some();
        let unpriced = self.agents.iter().filter(|agent| !knows_prices(agent));
        unpriced.map(|agent| agent.name().to_owned()).collect()
    }

    /// Whether a tool of the team has a budget with money.
    pub(crate) fn has_tools_with_money(&self) -> bool {
        let mut specs = self.agents.iter().flat_map(|agent| agent.specs().iter());
        specs.any(|spec| spec.budget.as_ref().is_some_and(|budget| budget.usd.is_some()))
    }

    /// The agent with this name; `None` if the team has no such agent.
    pub fn agent(&self, name: &str) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.name() == name)
    }

    /// Finds the tool of a call. If the agent has no such tool, or the input is not a JSON object,
    /// the `Err` is the error result to record for the model.
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
        // An agent that is not in the team has no limit here: the run then fails because the agent
        // is missing, and not because of its turns.
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

    fn leaves_detached(&self) -> bool {
        self.leaves_detached
    }
}
