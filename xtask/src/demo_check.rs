//! Whether the demo shows what it promises.

use std::io::{self, Read};

use serde::Deserialize;
use serde_json::Value;

use crate::task::{Done, verdict};

/// The scenario in which specialists work one after the other, then in parallel.
const SCENARIO: &str = "agents-as-tools";

/// Three specialists in parallel take a third of the time, less a little.
const LEAST_SPEEDUP: f64 = 2.8;

/// What may come on top of the longest specialist's own time, as a factor.
const MOST_OVERHEAD: f64 = 1.05;

/// Reads the output of `cargo xtask demo --json` from stdin and fails unless its figures keep the bounds.
pub(crate) fn run() -> Done {
    let mut output = String::new();
    io::stdin().read_to_string(&mut output)?;
    match figures(&output) {
        Ok(figures) => verdict(&figures.summary(), &figures.wrong()),
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
struct Figures {
    sequential_ms: f64,
    concurrent_ms: f64,
    longest_chain_ms: f64,
}

/// Finds the scenario's figures in the last line. Other scenarios may have other figures.
fn figures(output: &str) -> Result<Figures, String> {
    let line = output.lines().last().unwrap_or_default();
    let demo: Value = serde_json::from_str(line)
        .map_err(|error| format!("the last line should be one JSON object, but: {error}: {line:?}"))?;
    let scenarios = demo["scenarios"].as_array().into_iter().flatten();
    let scenario = scenarios
        .clone()
        .find(|scenario| scenario["name"] == SCENARIO)
        .ok_or_else(|| format!("no scenario is named {SCENARIO:?}: {line}"))?;
    Figures::deserialize(scenario).map_err(|error| format!("scenario {SCENARIO:?}: {error}: {scenario}"))
}

impl Figures {
    fn speedup(&self) -> f64 {
        self.sequential_ms / self.concurrent_ms
    }

    fn overhead(&self) -> f64 {
        self.concurrent_ms / self.longest_chain_ms
    }

    fn summary(&self) -> String {
        let Self { sequential_ms, concurrent_ms, longest_chain_ms } = self;
        format!(
            "demo: {sequential_ms} ms in sequence, {concurrent_ms} ms in parallel ({:.2} times as fast); \
             the longest chain is {longest_chain_ms} ms (times {:.3})",
            self.speedup(),
            self.overhead()
        )
    }

    /// Figures that are not above zero would make any quotient true, so they are wrong too.
    fn wrong(&self) -> Vec<String> {
        let figures = [self.sequential_ms, self.concurrent_ms, self.longest_chain_ms];
        let checks = [
            (figures.iter().all(|ms| *ms > 0.0), "a figure is not above zero".to_string()),
            (self.speedup() >= LEAST_SPEEDUP, format!("it should be {LEAST_SPEEDUP} times as fast at least")),
            (
                self.overhead() <= MOST_OVERHEAD,
                format!("it should take the longest chain times {MOST_OVERHEAD} at most"),
            ),
        ];
        checks
            .into_iter()
            .filter(|(good, _)| !good)
            .map(|(_, why)| format!("{}: {why}", self.summary()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::figures;

    fn check(sequential: f64, concurrent: f64, chain: f64, expected: &[&str]) {
        let line = format!(
            r#"{{"scenarios":[{{"name":"parallel-calls"}},{{"name":"agents-as-tools","sequential_ms":{sequential},
"concurrent_ms":{concurrent},"longest_chain_ms":{chain},"sequential_total_ms":1}}]}}"#
        );
        let figures = figures(&format!("building\n{}\n", line.replace('\n', ""))).unwrap();
        let wrong = figures.wrong();
        let why: Vec<&str> = wrong.iter().filter_map(|wrong| wrong.rsplit(": ").next()).collect();
        assert_eq!(why, expected, "{sequential} {concurrent} {chain}");
    }

    #[test]
    fn figures_keep_their_bounds() {
        let (slow, late) = (
            "it should be 2.8 times as fast at least",
            "it should take the longest chain times 1.05 at most",
        );
        check(3000.0, 1000.0, 990.0, &[]);
        check(2800.0, 1000.0, 1000.0, &[]);
        check(2799.0, 1000.0, 1000.0, &[slow]);
        check(3000.0, 1050.0, 1000.0, &[]);
        check(3000.0, 1051.0, 1000.0, &[late]);
        check(1000.0, 1000.0, 500.0, &[slow, late]);
        check(3000.0, 0.0, 1000.0, &["a figure is not above zero"]);
    }

    #[test]
    fn what_is_no_result_is_an_error() {
        let check = |output: &str, expected: &str| {
            let error = figures(output).err().unwrap();
            assert!(error.starts_with(expected), "{error}");
        };
        check("", "the last line should be one JSON object");
        check("{\"scenarios\":[]}\ndone", "the last line should be one JSON object");
        check("{}", "no scenario is named \"agents-as-tools\"");
        check(
            r#"{"scenarios":[{"name":"agents-as-tools"}]}"#,
            "scenario \"agents-as-tools\": missing field `sequential_ms`",
        );
    }
}
