//! The usage of each agent.

use std::{collections::BTreeMap, fmt, ops::AddAssign, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Usage, is_zero};
use crate::{Spent, Usd};

/// What each agent has used: tokens, money, requests and tool calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, AgentUsage>", into = "BTreeMap<String, AgentUsage>")]
pub struct UsageByAgent(
    /// Sorted by name. Usually there is only one agent, for which a map would be large.
    Vec<(Arc<str>, AgentUsage)>,
);

/// What one agent has used.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentUsage {
    /// The tokens and the cost of all its requests.
    #[serde(flatten)]
    pub usage: Usage,
    /// How many requests to its model were answered, or failed or broke off after they had used
    /// tokens.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub requests: u64,
    /// How many of its tool calls were made. Calls that were delegated to other agents count.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub calls: u64,
    /// The usage of each model that answered, as far as the replies name their models.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, Usage>,
}

impl UsageByAgent {
    /// Adds the usage of one request of an agent.
    pub fn add(&mut self, agent: &str, usage: Usage) {
        self.add_reply(agent, None, usage);
    }

    /// Adds the usage of one request of an agent that this model has answered.
    pub(crate) fn add_reply(&mut self, agent: &str, model: Option<&str>, usage: Usage) {
        let row = self.row(agent);
        row.usage += usage;
        row.requests = row.requests.saturating_add(1).saturating_add(usage.broken_off.attempts);
        match model.and_then(|model| row.models.get_mut(model)) {
            Some(sum) => *sum += usage,
            None => row.models.extend(model.map(|model| (model.to_owned(), usage))),
        }
    }

    /// Counts a tool call of an agent.
    pub(crate) fn count_call(&mut self, agent: &str) {
        let row = self.row(agent);
        row.calls = row.calls.saturating_add(1);
    }

    /// The usage of one agent. Zero if the agent's model was not asked.
    pub fn of(&self, agent: &str) -> Usage {
        self.agent(agent).map(|row| row.usage).unwrap_or_default()
    }

    /// All that one agent has used; `None` if it has used nothing.
    pub fn agent(&self, agent: &str) -> Option<&AgentUsage> {
        self.place(agent).ok().map(|place| &self.0[place].1)
    }

    /// The usage of each agent, sorted by the agents' names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Usage)> {
        self.agents().map(|(agent, row)| (agent, row.usage))
    }

    /// All that each agent has used, sorted by the agents' names.
    pub fn agents(&self) -> impl Iterator<Item = (&str, &AgentUsage)> {
        self.0.iter().map(|(agent, row)| (&**agent, row))
    }

    /// The usage of all agents together.
    pub fn total(&self) -> Usage {
        let mut total = Usage::default();
        self.iter().for_each(|(_, usage)| total += usage);
        total
    }

    fn row(&mut self, agent: &str) -> &mut AgentUsage {
        let place = self.place(agent).unwrap_or_else(|place| {
            self.0.insert(place, (agent.into(), AgentUsage::default()));
            place
        });
        &mut self.0[place].1
    }

    /// The index of the agent, or the index at which to insert it.
    fn place(&self, agent: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| (**other).cmp(agent))
    }
}

impl From<BTreeMap<String, AgentUsage>> for UsageByAgent {
    fn from(usage: BTreeMap<String, AgentUsage>) -> Self {
        Self(usage.into_iter().map(|(agent, row)| (agent.into(), row)).collect())
    }
}

impl From<UsageByAgent> for BTreeMap<String, AgentUsage> {
    fn from(usage: UsageByAgent) -> Self {
        usage.0.into_iter().map(|(agent, row)| (agent.to_string(), row)).collect()
    }
}

impl AddAssign<&UsageByAgent> for UsageByAgent {
    fn add_assign(&mut self, other: &Self) {
        other.agents().for_each(|(agent, row)| *self.row(agent) += row);
    }
}

impl AddAssign<&AgentUsage> for AgentUsage {
    fn add_assign(&mut self, other: &Self) {
        self.usage += other.usage;
        self.requests = self.requests.saturating_add(other.requests);
        self.calls = self.calls.saturating_add(other.calls);
        for (model, usage) in &other.models {
            *self.models.entry(model.clone()).or_default() += *usage;
        }
    }
}

/// What a conversation has spent, by its [`usage`](crate::Conversation::usage_by_agent). To restore
/// a [`SharedBudget`](crate::budget::SharedBudget) after a restart, add up its conversations.
impl From<&UsageByAgent> for Spent {
    fn from(usage: &UsageByAgent) -> Self {
        let mut spent = Self::default();
        for (_, agent) in usage.agents() {
            let (requests, calls) = (agent.requests, agent.calls);
            spent += Self { requests, calls, ..agent.usage.of_one_request() };
        }
        spent
    }
}

/// Writes a line for each agent, and one for each of its models if there are several or they have a
/// cost, for people to read.
impl fmt::Display for UsageByAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (agent, row)) in self.agents().enumerate() {
            let start = if number == 0 { "" } else { "\n" };
            write!(f, "{start}{agent}: {} requests, {} calls, {}", row.requests, row.calls, row.usage)?;
            let is_shown = row.models.len() > 1 || row.usage.cost > Usd::ZERO;
            for (model, usage) in row.models.iter().filter(|_| is_shown) {
                write!(f, "\n  {model}: {usage}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_printed_by_agent_and_model() {
        let (mut all, mut others) = (UsageByAgent::default(), UsageByAgent::default());
        all.add_reply("clerk", Some("small"), Usage::new(10, 2));
        all.add_reply("clerk", Some("large"), Usage { cost: Usd::dollars(0.5), ..Usage::new(20, 3) });
        all.count_call("clerk");
        others.add("adder", Usage::new(1, 1));
        others.add_reply("clerk", Some("small"), Usage::new(100, 20));
        all += &others;
        insta::assert_snapshot!(all, @r"
        adder: 1 requests, 0 calls, 1 input tokens, 1 output tokens
        clerk: 3 requests, 1 calls, 130 input tokens, 25 output tokens, $0.50
          large: 20 input tokens, 3 output tokens, $0.50
          small: 110 input tokens, 22 output tokens
        ");
        let written = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<UsageByAgent>(&written).unwrap(), all);
    }

    #[test]
    fn usage_of_earlier_versions_is_read() {
        let written = r#"{"clerk":{"input_tokens":3,"output_tokens":4}}"#;
        let read: UsageByAgent = serde_json::from_str(written).unwrap();
        assert_eq!((read.of("clerk"), read.agent("clerk").unwrap().requests), (Usage::new(3, 4), 0));
    }
}
