//! Which attempts go wrong, and how.

use serde::Deserialize;

use crate::{Fault, RecordedRequest};

/// The faults of a scenario.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Faults(Vec<TurnFaults>);

/// The faults of one turn. Attempts that are not listed succeed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TurnFaults {
    turn: usize,
    /// The agent whose turn it is. Without one, any agent.
    agent: Option<String>,
    attempts: Vec<Option<Fault>>,
}

impl Faults {
    pub(crate) fn add(&mut self, turn: usize, agent: Option<String>, attempts: Vec<Option<Fault>>) {
        self.0.push(TurnFaults { turn, agent, attempts });
    }

    /// The fault of this request, from the first row that matches it.
    pub(crate) fn of(&self, request: &RecordedRequest) -> Option<&Fault> {
        let is_for = |row: &&TurnFaults| {
            row.turn == request.turn && (row.agent.is_none() || row.agent == request.agent)
        };
        let row = self.0.iter().find(is_for)?;
        row.attempts.get(request.attempt - 1)?.as_ref()
    }

    /// Fails if a row names an agent that is not one of these.
    pub(crate) fn check(&self, agents: &[&str]) -> Result<(), String> {
        let named = self.0.iter().filter_map(|row| row.agent.as_deref());
        match named.into_iter().find(|agent| !agents.contains(agent)) {
            Some(agent) => {
                let known: Vec<String> = agents.iter().map(|agent| format!("{agent:?}")).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                Err(format!(
                    "the scenario has faults for the agent {agent:?}, but no such agent; its agents are: {known}"
                ))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use serde_json::Value;

    use super::*;
    use crate::request_reading::RequestReading;

    #[test]
    fn a_fault_is_for_an_attempt_at_a_turn_and_the_first_row_counts() {
        let mut faults = Faults::default();
        faults.add(0, Some("adder".to_owned()), vec![Some(Fault::hang_up())]);
        faults.add(0, None, vec![None, Some(Fault::status(529))]);
        let check = |agent: Option<&str>, said: usize, attempt: usize, expected: Option<Fault>| {
            let reading = RequestReading { turn: said, ..RequestReading::default() };
            let (agent, body) = (agent.map(str::to_owned), Value::Null);
            let request =
                RecordedRequest::new(HeaderMap::new(), String::new(), body, reading, agent, attempt);
            assert_eq!(faults.of(&request), expected.as_ref(), "{request:?}");
        };
        check(Some("adder"), 0, 1, Some(Fault::hang_up()));
        check(Some("adder"), 0, 2, None);
        check(Some("lead"), 0, 1, None);
        check(Some("lead"), 0, 2, Some(Fault::status(529)));
        check(None, 0, 2, Some(Fault::status(529)));
        check(None, 0, 3, None);
        check(None, 1, 2, None);
        assert_eq!(faults.check(&["lead", "adder"]), Ok(()));
        assert_eq!(
            faults.check(&["lead"]).unwrap_err(),
            r#"the scenario has faults for the agent "adder", but no such agent; its agents are: "lead""#
        );
    }
}
