//! Which agents can take over, and by which rules.

use std::sync::Arc;

use agent_core::Tool;

use crate::{
    HistoryFilter, MixedTurn, OnFailure,
    tool::{HandoffTool, Settings},
};

/// The agents to which an agent can hand the conversation over, and the rules for that.
///
/// Give the agent the tools of this value: `Agent::builder(…).tools(handoff)`. The agents
/// that it names must be in the same [`Team`](agent_core::Team); if one is missing, the team can't
/// be built.
#[derive(Clone, Debug)]
pub struct Handoff {
    targets: Vec<(String, String)>,
    one_tool_per_agent: bool,
    settings: Settings,
}

impl Handoff {
    /// Allows handoffs to these agents. Each is a pair: the agent's name in the team, and what the
    /// agent is good for, which the model reads. Give a list also for one agent:
    /// `Handoff::to([("billing", "Invoices and refunds.")])`.
    pub fn to<N: Into<String>, D: Into<String>>(targets: impl IntoIterator<Item = (N, D)>) -> Self {
        let targets = targets.into_iter().map(|(name, what_for)| (name.into(), what_for.into()));
        Self { targets: targets.collect(), one_tool_per_agent: false, settings: Settings::default() }
    }

    /// Gives the model one tool `transfer_to_AGENT {reason}` for each agent. The default is one
    /// tool `handoff {name, reason}`, whose description lists the agents.
    pub fn one_tool_per_agent(mut self) -> Self {
        self.one_tool_per_agent = true;
        self
    }

    /// Sets what happens with a reply that has both handoffs and other calls. The default is
    /// [`MixedTurn::HandoffFirst`].
    pub fn mixed_turn(mut self, policy: MixedTurn) -> Self {
        self.settings.mixed_turn = policy;
        self
    }

    /// Sets what happens if the other agent fails after it took over. The default is
    /// [`OnFailure::Return`].
    pub fn on_failure(mut self, policy: OnFailure) -> Self {
        self.settings.on_failure = policy;
        self
    }

    /// Sets what the other agent reads of the history. The default is
    /// [`HistoryFilter::WithoutHandoffs`].
    pub fn reads(mut self, view: HistoryFilter) -> Self {
        self.settings.reads = view;
        self
    }

    /// Sets how many handoffs, by all agents together, there may be before the user speaks again. A
    /// further handoff fails. By default only the limit of the run applies,
    /// [`Limits::transfers`](agent_core::Limits), which always applies as well.
    pub fn at_most(mut self, handoffs: u32) -> Self {
        self.settings.at_most = Some(handoffs);
        self
    }

    /// Sets how many times this agent may hand over to the same other agent before the user speaks
    /// again or a call of another tool succeeds. The default is 1. A further handoff fails. This
    /// stops two agents that hand over to each other for ever.
    pub fn repeats(mut self, times: u32) -> Self {
        self.settings.repeats = times;
        self
    }

    /// The tools to give to the agent that can hand over: `.tools(handoff)`.
    pub fn tools(&self) -> Vec<Arc<dyn Tool>> {
        let shared = |tool: HandoffTool| Arc::new(tool) as Arc<dyn Tool>;
        match self.one_tool_per_agent {
            false => vec![shared(HandoffTool::to_any(&self.targets, &self.settings))],
            true => {
                let names = self.targets.iter().map(|(name, _)| name.clone()).collect::<Vec<String>>();
                let tool = |(name, what_for): &(String, String)| {
                    shared(HandoffTool::to_one(name, what_for, &names, &self.settings))
                };
                self.targets.iter().map(tool).collect()
            }
        }
    }
}

/// So that an agent takes it as its tools: `.tools(handoff)`.
impl IntoIterator for Handoff {
    type Item = Arc<dyn Tool>;
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.tools().into_iter()
    }
}

/// So that several agents take the same: `.tools(&handoff)`.
impl IntoIterator for &Handoff {
    type Item = Arc<dyn Tool>;
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.tools().into_iter()
    }
}
