//! Why a team can't be served.

use agent_core::{Agent, Team, agent::Rules, tool::MissingValue};

/// The error if a team can't be served to the engine.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServicesError {
    /// A tool of the team needs a value that was not given with
    /// [`Services::with`](crate::Services::with).
    #[error(transparent)]
    MissingValue(#[from] MissingValue),
    /// The team has a [budget](agent_core::budget). Budgets do not hold on Restate yet, because the
    /// processes that serve a run would have to share the accounts.
    #[error(
        "{place} sets a budget, and budgets do not hold on Restate yet: remove it, or run the team in process or on a journal"
    )]
    Budget {
        /// Where the budget is set.
        place: String,
    },
}

impl ServicesError {
    /// Fails if the team has a budget.
    pub(crate) fn check_budgets(team: &Team) -> Result<(), Self> {
        let limits = team.limits();
        let set = [
            ("Limits::budget", limits.budget.is_some()),
            ("Limits::conversation_budget", limits.conversation_budget.is_some()),
            ("Limits::shared_budget", limits.shared_budget.is_some()),
        ];
        let of_limits = set.into_iter().find(|(_, is_set)| *is_set).map(|(name, _)| name.to_owned());
        let of_tool = |agent: &Agent| {
            let tool = agent.specs().iter().find(|spec| spec.budget.is_some())?;
            Some(format!("tool {:?} of agent {:?}", tool.name, agent.name()))
        };
        let names = team.agents();
        let of_tools = || names.iter().filter_map(|name| team.agent(name)).find_map(of_tool);
        of_limits.or_else(of_tools).map_or(Ok(()), |place| Err(Self::Budget { place }))
    }
}

#[cfg(test)]
mod tests {
    use agent_core::{
        Limits, ToolSpec,
        budget::{Budget, SharedBudget},
        script::Script,
    };

    use super::*;

    fn team() -> Team {
        Team::new([Agent::builder("main", Script::new([])).build().unwrap()]).unwrap()
    }

    fn check(team: &Team, expected: &str) {
        let found = ServicesError::check_budgets(team).err().map(|error| error.to_string());
        let rest = "sets a budget, and budgets do not hold on Restate yet: remove it, or run the team in process or on a journal";
        assert_eq!(
            found.unwrap_or_default(),
            if expected.is_empty() { String::new() } else { format!("{expected} {rest}") }
        );
    }

    struct Costly(ToolSpec);

    #[agent_core::async_trait]
    impl agent_core::Tool for Costly {
        fn spec(&self) -> &ToolSpec {
            &self.0
        }

        async fn call(&self, _: agent_core::Json, _: agent_core::Context) -> agent_core::Outcome {
            agent_core::Outcome::output("")
        }
    }

    #[test]
    fn a_budget_that_would_not_hold_is_an_error_when_the_team_is_served() {
        let budget = Budget::new().requests(3);
        let limited = |limits: Limits| team().with_limits(limits);
        check(&team(), "");
        check(&limited(Limits::new().budget(budget.clone())), "Limits::budget");
        check(&limited(Limits::new().conversation_budget(budget.clone())), "Limits::conversation_budget");
        let shared = SharedBudget::new("tenant", budget.clone());
        check(&limited(Limits::new().shared_budget(shared)), "Limits::shared_budget");
        let mut spec = ToolSpec::new("ask", "Asks.", serde_json::json!({"type": "object"}));
        spec.budget = Some(budget);
        let agent = Agent::builder("main", Script::new([])).tool(Costly(spec)).build().unwrap();
        check(&Team::new([agent]).unwrap(), "tool \"ask\" of agent \"main\"");
    }
}
