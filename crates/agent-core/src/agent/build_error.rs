//! What is checked when agents and teams are built, so that no run stumbles over it.

use serde::Deserialize;

use crate::{Agent, Json, ToolSpec, tool::input_schema};

/// Why an agent or a team can't be built.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// An agent's name is not one.
    #[error("agent {agent:?}: a name is 1 to 128 of the characters a-z, A-Z, 0-9, _ and -")]
    AgentName {
        /// The name.
        agent: String,
    },
    /// A tool's name is not one.
    #[error(
        "agent {agent:?}, tool {tool:?}: a tool's name is 1 to 128 of the characters a-z, A-Z, 0-9, _ and -"
    )]
    ToolName {
        /// The agent.
        agent: String,
        /// The name.
        tool: String,
    },
    /// Two tools of an agent have one name.
    #[error("agent {agent:?} has two tools named {tool:?}: rename one, or leave it out")]
    TwoTools {
        /// The agent.
        agent: String,
        /// The name.
        tool: String,
    },
    /// The API would refuse each request with a tool of this input schema: it takes schemas of
    /// objects, without `oneOf`, `anyOf` and `allOf` at the top, of draft 2020-12.
    #[error("agent {agent:?}, tool {tool:?}: the input schema {why}")]
    InputSchema {
        /// The agent.
        agent: String,
        /// The tool.
        tool: String,
        /// What is wrong with it, and the way out.
        why: String,
    },
    /// Equal calls of a tool are to share one, although each may have effects.
    #[error(
        "agent {agent:?}, tool {tool:?} is `shared`: mark it as `read_only` or `idempotent`, too, if it is that"
    )]
    Shared {
        /// The agent.
        agent: String,
        /// The tool.
        tool: String,
    },
    /// A tool says that it can't be used.
    #[error("agent {agent:?}, tool {tool:?}: {fault}")]
    ToolFault {
        /// The agent.
        agent: String,
        /// The tool.
        tool: String,
        /// What is wrong with it: [`ToolSpec::fault`].
        fault: String,
    },
    /// Agents that wait for agents would hold permits that these may need.
    #[error(
        "agent {agent:?}, tool {tool:?} leads to other agents ({}), so it can't have permits: bound the calls of their tools \
         instead, or all calls at once (Limits::calls_at_once)",
        targets.join(", ")
    )]
    Permits {
        /// The agent.
        agent: String,
        /// The tool.
        tool: String,
        /// The agents it leads to.
        targets: Vec<String>,
    },
    /// Two agents of a team have one name.
    #[error("the team has two agents named {agent:?}: rename one, or leave it out")]
    TwoAgents {
        /// The name.
        agent: String,
    },
    /// A tool leads to an agent that is not there.
    #[error(
        "agent {agent:?}, tool {tool:?} leads to agent {target:?}, which is not in the team: {agents}; add it to them"
    )]
    UnknownTarget {
        /// The agent that has the tool.
        agent: String,
        /// The tool.
        tool: String,
        /// The agent that is missing.
        target: String,
        /// The agents there are.
        agents: String,
    },
    /// An agent that sends work to another one can't be run by itself.
    #[error(
        "agent {agent:?} can't run alone: its tool {tool:?} leads to agent {target:?}; run it in a `Team` that has both"
    )]
    RunsAlone {
        /// The agent.
        agent: String,
        /// The tool.
        tool: String,
        /// The agent that is missing.
        target: String,
    },
}

impl BuildError {
    /// The same of an agent for which nobody built a team.
    pub(crate) fn without_team(self) -> Self {
        match self {
            Self::UnknownTarget { agent, tool, target, .. } => Self::RunsAlone { agent, tool, target },
            other => other,
        }
    }
}

pub(crate) fn check_agent(agent: &str) -> Result<(), BuildError> {
    match is_name(agent) {
        true => Ok(()),
        false => Err(BuildError::AgentName { agent: agent.to_owned() }),
    }
}

pub(crate) fn check_tools(agent: &str, specs: &[ToolSpec], server: &[Json]) -> Result<(), BuildError> {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    for named in server.iter().filter_map(|tool| tool.parse::<Named>().ok()) {
        if specs.iter().any(|spec| spec.name == named.name) {
            return Err(BuildError::TwoTools { agent: agent.to_owned(), tool: named.name });
        }
    }
    for (place, spec) in specs.iter().enumerate() {
        let (agent, tool) = (agent.to_owned(), spec.name.clone());
        if !is_name(&tool) {
            return Err(BuildError::ToolName { agent, tool });
        }
        if specs[..place].iter().any(|earlier| earlier.name == tool) {
            return Err(BuildError::TwoTools { agent, tool });
        }
        if let Some(why) = input_schema::wrong(&spec.input_schema) {
            return Err(BuildError::InputSchema { agent, tool, why });
        }
        if let Some(fault) = spec.fault.clone() {
            return Err(BuildError::ToolFault { agent, tool, fault });
        }
        if spec.permits.is_some() && !spec.targets.is_empty() {
            return Err(BuildError::Permits { agent, tool, targets: spec.targets.clone() });
        }
        if spec.shared && !spec.read_only && !spec.idempotent {
            return Err(BuildError::Shared { agent, tool });
        }
    }
    Ok(())
}

pub(crate) fn check_team(agents: &[Agent]) -> Result<(), BuildError> {
    for (place, agent) in agents.iter().enumerate() {
        if agents[..place].iter().any(|earlier| earlier.name() == agent.name()) {
            return Err(BuildError::TwoAgents { agent: agent.name().to_owned() });
        }
        for spec in agent.specs().iter() {
            for target in &spec.targets {
                if !agents.iter().any(|other| other.name() == target) {
                    let names: Vec<&str> = agents.iter().map(Agent::name).collect();
                    return Err(BuildError::UnknownTarget {
                        agent: agent.name().to_owned(),
                        tool: spec.name.clone(),
                        target: target.clone(),
                        agents: names.join(", "),
                    });
                }
            }
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=128).contains(&name.len()) && name.bytes().all(allowed)
}
