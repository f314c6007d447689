//! Which permits the calls of a team need.

use std::collections::HashMap;

use agent_core::{Limits, Team, agent::Rules, conversation::Call, tool::Permits};
use serde::{Deserialize, Serialize};

/// A permit that a call needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct NeededPermit {
    /// The name of the limit. All processes that serve the team have the same.
    pub(crate) limit: String,
    /// How many calls it allows.
    pub(crate) most: usize,
}

/// The limits on parallel calls that hold over all processes.
#[derive(Clone, Debug)]
pub(crate) struct CallLimits {
    /// By agent, and by the name of its tool.
    of_tools: HashMap<String, HashMap<String, NeededPermit>>,
    of_run: Option<usize>,
    of_all: Option<NeededPermit>,
}

impl CallLimits {
    pub(crate) fn of(team: &Team) -> Self {
        let limits = team.limits();
        // Each process has its own `Permits`. So what is shared is named by where it is in the team.
        let mut known: Vec<(Permits, NeededPermit)> = Vec::new();
        let mut named = |permits: &Permits, name: String| match known.iter().find(|(one, _)| one == permits) {
            Some((_, needed)) => needed.clone(),
            None => {
                let needed = NeededPermit { limit: name, most: permits.calls() };
                known.push((permits.clone(), needed.clone()));
                needed
            }
        };
        let of_all = limits.permits.as_ref().map(|permits| named(permits, "all".to_owned()));
        let mut of_tools = HashMap::new();
        let mut names = team.agents();
        names.sort_unstable();
        for agent in names {
            let specs = team.agent(agent).map(|agent| agent.specs().clone()).unwrap_or_default();
            let mut specs: Vec<_> =
                specs.iter().filter_map(|spec| Some((&spec.name, spec.permits.as_ref()?))).collect();
            specs.sort_unstable_by_key(|(tool, _)| *tool);
            let own = specs
                .into_iter()
                .map(|(tool, permits)| (tool.clone(), named(permits, format!("tool/{agent}/{tool}"))));
            let own: HashMap<String, NeededPermit> = own.collect();
            if !own.is_empty() {
                of_tools.insert(agent.to_owned(), own);
            }
        }
        Self { of_tools, of_run: limits.calls_at_once.filter(|_| !is_default(limits)), of_all }
    }

    /// The permits that a call of this run needs, each once. All calls take them in this order, so
    /// no two wait for each other.
    pub(crate) fn needed(&self, call: &Call, run: impl FnOnce() -> String) -> Vec<NeededPermit> {
        let of_tool = self.of_tools.get(&*call.agent).and_then(|tools| tools.get(&call.call.name));
        let of_tool = of_tool.filter(|needed| self.of_all.as_ref() != Some(needed)).cloned();
        let of_run = self.of_run.map(|most| NeededPermit { limit: format!("run/{}", run()), most });
        of_tool.into_iter().chain(of_run).chain(self.of_all.clone()).collect()
    }
}

/// How many calls of all runs may run in parallel in one process. The number of a run is kept for
/// each run, over all processes, if the team sets it. Else it protects the process.
pub(crate) fn calls_of_process(limits: &Limits) -> Option<usize> {
    limits.calls_at_once.map(|calls| calls.max(Limits::default().calls_at_once.unwrap_or_default()))
}

/// Whether the team has not set the number of parallel calls of a run.
fn is_default(limits: &Limits) -> bool {
    limits.calls_at_once == Limits::default().calls_at_once
}
