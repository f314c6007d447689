//! Checks of agents and teams when they are built, so that no run fails because of them.

use serde::Deserialize;

use crate::{Agent, Json, ToolSpec, tool::input_schema};

/// The error when an agent or a team can't be built.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The name of an agent is invalid.
    #[error("{agent:?} can't be the name of an agent: use 1 to 128 of the characters a-z, A-Z, 0-9, _ and -")]
    AgentName {
        /// The invalid name.
        agent: String,
    },
    /// The name of a tool is invalid.
    #[error(
        "agent {agent:?}: {tool:?} can't be the name of a tool: use 1 to 128 of the characters a-z, A-Z, 0-9, _ and -"
    )]
    ToolName {
        /// The agent.
        agent: String,
        /// The invalid name.
        tool: String,
    },
    /// Two tools of an agent have the same name.
    #[error("agent {agent:?} has two tools named {tool:?}: rename one, or leave it out")]
    TwoTools {
        /// The agent.
        agent: String,
        /// The name that both have.
        tool: String,
    },
    /// The input schema of a tool is one that the API refuses. A schema must be of type `object`,
    /// without `oneOf`, `anyOf` or `allOf` at the top, in draft 2020-12.
    #[error("agent {agent:?}, tool {tool:?}: the input schema {why}")]
    InputSchema {
        /// The agent.
        agent: String,
        /// The tool.
        tool: String,
        /// What is wrong with the schema, and how to correct it.
        why: String,
    },
    /// A tool is [`shared`](ToolSpec::shared), but its calls may have effects.
    #[error(
        "agent {agent:?}, tool {tool:?} is `shared`, but may have effects: mark it as `read_only` or `idempotent`, or remove `shared`"
    )]
    Shared {
        /// The agent.
        agent: String,
        /// The tool.
        tool: String,
    },
    /// Calls of a tool may be [detached](ToolSpec::detach_after), but what they do can't go on in the
    /// background.
    #[error("agent {agent:?}, tool {tool:?} has `detach_after`, but {why}: remove `detach_after`")]
    Detached {
        /// The agent.
        agent: String,
        /// The tool.
        tool: String,
        /// Why its calls can't be detached.
        why: String,
    },
    /// The spec of a tool has a [`fault`](ToolSpec::fault).
    #[error("agent {agent:?}, tool {tool:?}: {fault}")]
    ToolFault {
        /// The agent.
        agent: String,
        /// The tool.
        tool: String,
        /// What is wrong, from [`ToolSpec::fault`].
        fault: String,
    },
    /// A tool that leads to other agents has [`permits`](ToolSpec::permits). Its call would hold a
    /// permit while it waits for another agent, whose calls may need that permit.
    #[error(
        "agent {agent:?}, tool {tool:?} leads to other agents ({}), so it can't have permits: limit the tools of those \
         agents instead, or all calls (Limits::calls_at_once)",
        targets.join(", ")
    )]
    Permits {
        /// The agent.
        agent: String,
        /// The tool.
        tool: String,
        /// The agents that the tool leads to.
        targets: Vec<String>,
    },
    /// Two agents of a team have the same name.
    #[error("the team has two agents named {agent:?}: rename one, or leave it out")]
    TwoAgents {
        /// The name that both have.
        agent: String,
    },
    /// A tool leads to an agent that is not in the team.
    #[error(
        "agent {agent:?}, tool {tool:?} leads to agent {target:?}, which is not in the team ({agents}): add that agent, or remove the tool"
    )]
    UnknownTarget {
        /// The agent that has the tool.
        agent: String,
        /// The tool.
        tool: String,
        /// The agent that is missing.
        target: String,
        /// The agents of the team, separated by commas.
        agents: String,
    },
    /// An agent is run alone, but one of its tools leads to another agent.
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
    /// Rewrites the error for an agent that is run alone, without a team.
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
        if let Some(why) = why_not_detached(spec) {
            return Err(BuildError::Detached { agent, tool, why: why.to_owned() });
        }
    }
    Ok(())
}

/// Why the calls of a tool that may be detached can't be.
fn why_not_detached(spec: &ToolSpec) -> Option<&'static str> {
    spec.detach_after?;
    match spec {
        _ if spec.transfers => Some("a call can't hand the conversation over from the background"),
        _ if spec.runs_first => Some("other calls wait for it, since it runs first"),
        _ => None,
    }
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
