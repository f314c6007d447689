//! A scenario as it stands in JSON.

use agent_core::script::Reply;
use serde::Deserialize;

use super::{AgentReplies, Fallback, Scenario};
use crate::faults::Faults;

/// The JSON form of a scenario.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScenarioJson {
    #[serde(default)]
    agents: Vec<AgentReplies>,
    replies: Option<Vec<Reply>>,
    #[serde(default)]
    faults: Faults,
}

impl From<ScenarioJson> for Scenario {
    fn from(ScenarioJson { agents, replies, faults }: ScenarioJson) -> Self {
        let fallback = match replies {
            Some(replies) => Fallback::ByTurn(replies),
            None if agents.is_empty() => Fallback::DefaultReply,
            None => Fallback::Error,
        };
        Self { agents, fallback, faults, limit: None, context: None }
    }
}
