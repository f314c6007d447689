//! The usage of each agent's model.

use std::{collections::BTreeMap, ops::AddAssign, sync::Arc};

use serde::{Deserialize, Serialize};

use super::Usage;

/// The usage of each agent's model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, Usage>", into = "BTreeMap<String, Usage>")]
pub struct UsageByAgent(
    /// Sorted by name. Usually there is only one agent, for which a map would be large.
    Vec<(Arc<str>, Usage)>,
);

impl UsageByAgent {
    /// Adds the usage of one request of an agent.
    pub fn add(&mut self, agent: &str, usage: Usage) {
        match self.place(agent) {
            Ok(place) => self.0[place].1 += usage,
            Err(place) => self.0.insert(place, (agent.into(), usage)),
        }
    }

    /// The usage of one agent. Zero if the agent's model was not asked.
    pub fn of(&self, agent: &str) -> Usage {
        self.place(agent).map(|place| self.0[place].1).unwrap_or_default()
    }

    /// The usage of each agent, sorted by the agents' names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Usage)> {
        self.0.iter().map(|(agent, usage)| (&**agent, *usage))
    }

    /// The usage of all agents together.
    pub fn total(&self) -> Usage {
        let mut total = Usage::default();
        self.iter().for_each(|(_, usage)| total += usage);
        total
    }

    /// The index of the agent, or the index at which to insert it.
    fn place(&self, agent: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| (**other).cmp(agent))
    }
}

impl From<BTreeMap<String, Usage>> for UsageByAgent {
    fn from(usage: BTreeMap<String, Usage>) -> Self {
        Self(usage.into_iter().map(|(agent, usage)| (agent.into(), usage)).collect())
    }
}

impl From<UsageByAgent> for BTreeMap<String, Usage> {
    fn from(usage: UsageByAgent) -> Self {
        usage.0.into_iter().map(|(agent, usage)| (agent.to_string(), usage)).collect()
    }
}

impl AddAssign<&UsageByAgent> for UsageByAgent {
    fn add_assign(&mut self, other: &Self) {
        other.iter().for_each(|(agent, usage)| self.add(agent, usage));
    }
}
