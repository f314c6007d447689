//! What the models of each agent cost.

use std::{collections::BTreeMap, ops::AddAssign, sync::Arc};

use serde::{Deserialize, Serialize};

use super::Usage;

/// What the models of each agent cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, Usage>", into = "BTreeMap<String, Usage>")]
pub struct UsageByAgent(
    /// In the order of their names. As a rule there is one, for which a map would be large.
    Vec<(Arc<str>, Usage)>,
);

impl UsageByAgent {
    /// Adds what a request of this agent cost.
    pub fn add(&mut self, agent: &str, usage: Usage) {
        match self.place(agent) {
            Ok(place) => self.0[place].1 += usage,
            Err(place) => self.0.insert(place, (agent.into(), usage)),
        }
    }

    /// What this agent's model cost; nothing if it was not asked.
    pub fn of(&self, agent: &str) -> Usage {
        self.place(agent).map(|place| self.0[place].1).unwrap_or_default()
    }

    /// Each agent that was asked, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Usage)> {
        self.0.iter().map(|(agent, usage)| (&**agent, *usage))
    }

    /// All of it.
    pub fn total(&self) -> Usage {
        let mut total = Usage::default();
        self.iter().for_each(|(_, usage)| total += usage);
        total
    }

    /// Where the agent is, or would be.
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
