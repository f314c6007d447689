//! Which agents can take over, and how.

use std::sync::Arc;

use agent_core::Tool;

use crate::{
    HistoryFilter, MixedTurn, OnFailure,
    tool::{HandoffTool, Way},
};

/// Whom an agent can hand the conversation over to, and how that goes. [`Handoff::tools`] are the tools
/// to give to the agent.
#[derive(Clone, Debug)]
pub struct Handoff {
    targets: Vec<(String, String)>,
    one_tool_per_agent: bool,
    way: Way,
}

impl Handoff {
    /// Handoffs to these agents of the team: each one's name, and what it is for.
    pub fn to<N: Into<String>, D: Into<String>>(targets: impl IntoIterator<Item = (N, D)>) -> Self {
        let targets = targets.into_iter().map(|(name, what_for)| (name.into(), what_for.into()));
        Self { targets: targets.collect(), one_tool_per_agent: false, way: Way::default() }
    }

    /// One tool `transfer_to_AGENT {reason}` per agent, instead of one tool `handoff {name, reason}`.
    pub fn one_tool_per_agent(mut self) -> Self {
        self.one_tool_per_agent = true;
        self
    }

    /// What becomes of a reply that mixes handoffs with other calls; [`MixedTurn::HandoffFirst`].
    pub fn mixed_turn(mut self, policy: MixedTurn) -> Self {
        self.way.mixed_turn = policy;
        self
    }

    /// What becomes of the conversation if the other agent fails later; [`OnFailure::Return`].
    pub fn on_failure(mut self, policy: OnFailure) -> Self {
        self.way.on_failure = policy;
        self
    }

    /// What the other agent reads; [`HistoryFilter::WithoutHandoffs`].
    pub fn reads(mut self, view: HistoryFilter) -> Self {
        self.way.reads = view;
        self
    }

    /// How many handoffs there may be before the user speaks again, if that is less than
    /// [`Limits::transfers`](agent_core::Limits).
    pub fn at_most(mut self, handoffs: u32) -> Self {
        self.way.at_most = Some(handoffs);
        self
    }

    /// How often this agent may hand over to the same other one before the user speaks again while no
    /// tool gives a result in between; 1.
    pub fn repeats(mut self, times: u32) -> Self {
        self.way.repeats = times;
        self
    }

    /// The tools to give to the agent: `.tools(handoff.tools())`.
    pub fn tools(&self) -> Vec<Arc<dyn Tool>> {
        let shared = |tool: HandoffTool| Arc::new(tool) as Arc<dyn Tool>;
        match self.one_tool_per_agent {
            false => vec![shared(HandoffTool::to_any(&self.targets, &self.way))],
            true => {
                let names = self.targets.iter().map(|(name, _)| name.clone()).collect::<Vec<String>>();
                let tool = |(name, what_for): &(String, String)| {
                    shared(HandoffTool::to_one(name, what_for, &names, &self.way))
                };
                self.targets.iter().map(tool).collect()
            }
        }
    }
}
