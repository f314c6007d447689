//! The values of the run that the tools of a team need.

use std::sync::Arc;

use crate::{Agent, MissingValue, tool::values::Values, tool_spec::Need};

/// The needs of all tools of a team, found when the team is built.
#[derive(Clone, Debug)]
pub(crate) struct Needs(Arc<[Needed]>);

#[derive(Debug)]
struct Needed {
    agent: String,
    tool: String,
    need: Need,
}

impl Needs {
    pub(crate) fn of(agents: &[Agent]) -> Self {
        let of_agent = |agent: &Agent| {
            let (name, specs) = (agent.name().to_owned(), agent.specs().clone());
            let needed = specs.iter().flat_map(|spec| {
                let needed = |&need: &Need| Needed { agent: name.clone(), tool: spec.name.clone(), need };
                spec.needs.iter().map(needed)
            });
            needed.collect::<Vec<_>>()
        };
        Self(agents.iter().flat_map(of_agent).collect())
    }

    /// Checks that each need has its value.
    pub(crate) fn check(&self, values: &Values) -> Result<(), MissingValue> {
        match self.0.iter().find(|needed| !values.has(needed.need)) {
            None => Ok(()),
            Some(Needed { agent, tool, need }) => Err(values.missing(agent, tool, *need)),
        }
    }
}
