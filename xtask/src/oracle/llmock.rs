//! The loop against a third-party server that fails on demand, and says afterwards what its client did wrong: `llmock`.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use agent_core::{Agent, Conversation, End, RunError, Tool, model::LlmErrorKind};
use agent_llm::Claude;
use agent_tools::FnTool;
use futures::future::join_all;
use program::{print, println};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{python::Python, served::Served, task::Done};

/// What fails in which run.
const RUNS: &str = include_str!("../../oracle/llmock.json");

/// Two more than by default, for a request that fails in several ways in a row.
const RETRIES: usize = 4;
/// So long no server in its right mind is silent here, and no run takes.
const IDLE: Duration = Duration::from_secs(3);
const LONGEST: Duration = Duration::from_secs(60);

/// Runs that fail alike.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// What happens.
    run: String,
    /// What the server does instead of what is asked of it, in its own words.
    #[serde(default)]
    faults: Vec<Value>,
    /// For each of these a run, whose stream breaks after so many events.
    at: Option<Vec<u64>>,
    /// Whether there are tools. If so, the server calls the first before it answers.
    tools: Option<bool>,
    /// Whether replies are streamed.
    streamed: Option<bool>,
    /// How many calls are made.
    calls: Option<usize>,
    /// How the run fails, if it must.
    error: Option<LlmErrorKind>,
}

/// A run, and how it must end.
struct Case {
    name: String,
    /// What tells the server whose request it has.
    model: String,
    faults: Vec<Value>,
    has_tools: bool,
    is_streamed: bool,
    calls: usize,
    error: Option<LlmErrorKind>,
}

/// Makes all runs at once, and fails on each that ends as it must not, and on what the server complains of.
pub(super) async fn check(python: &Python) -> Done {
    let rows: Vec<Row> = serde_json::from_str(RUNS).map_err(|error| format!("llmock.json: {error}"))?;
    let cases = cases(rows);
    let faults: Value = cases.iter().flat_map(|case| case.faults.clone()).collect();
    let mut command = python.script("xtask/oracle/failing_server.py");
    let server = Served::start("llmock", &mut command, &faults.to_string())?;
    let claude =
        Claude::builder().base_url(format!("{}/anthropic", server.url())).key("no key is needed here");
    let claude = claude.max_retries(RETRIES).idle_timeout(IDLE).build()?;
    let wrong = join_all(cases.iter().map(|case| case.wrong(&claude))).await;
    for (case, wrong) in cases.iter().zip(&wrong) {
        match wrong {
            None => println!("ok   llmock: {}", case.name),
            Some(wrong) => println!("FAIL llmock: {}: {wrong}", case.name),
        }
    }
    let (report, well_behaved) = server.finish()?;
    print!("{report}");
    match wrong.iter().all(Option::is_none) && well_behaved {
        true => {
            println!("oracle: {} runs against llmock: all ended as they should", cases.len());
            Ok(())
        }
        false => Err("oracle: some runs against llmock failed, see above".into()),
    }
}

fn cases(rows: Vec<Row>) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for row in rows {
        let places = row.at.as_ref().map_or(vec![None], |places| places.iter().copied().map(Some).collect());
        for place in places {
            let model = format!("run-{}", cases.len());
            let mut faults = row.faults.clone();
            for fault in &mut faults {
                // Only this run's requests; what the server has by default goes with it, and matters not.
                fault["match"] = json!({"model": model});
                if let Some(place) = place {
                    fault["after_chunks"] = place.into();
                }
            }
            let name = place.map_or(row.run.clone(), |place| format!("{}, after {place} events", row.run));
            let has_tools = row.tools.unwrap_or(true);
            let calls = row.calls.unwrap_or((has_tools && row.error.is_none()).into());
            let is_streamed = row.streamed.unwrap_or(true);
            cases.push(Case { name, model, faults, has_tools, is_streamed, calls, error: row.error });
        }
    }
    cases
}

impl Case {
    /// What is wrong with how it ends.
    async fn wrong(&self, claude: &Claude) -> Option<String> {
        let calls = Arc::new(AtomicUsize::new(0));
        let ended = match tokio::time::timeout(LONGEST, self.run(claude, &calls)).await {
            Ok(Ok(end)) => end,
            Ok(Err(error)) => return Some(error.to_string()),
            Err(_) => return Some(format!("it did not end in {LONGEST:?}")),
        };
        let made = calls.load(Ordering::Relaxed);
        let answer = format!("Mock response from {}.", self.model);
        let is_right = match (&ended, self.error) {
            (Ok(End::Answered(text)), None) => *text == answer,
            (Err(RunError::Model(failure)), Some(kind)) => failure.error.kind == kind,
            _ => false,
        };
        match is_right && made == self.calls {
            true => None,
            false => Some(format!("{ended:?} after {made} calls")),
        }
    }

    async fn run(
        &self,
        claude: &Claude,
        calls: &Arc<AtomicUsize>,
    ) -> Result<Result<End, RunError>, Box<dyn Error>> {
        let claude = claude.with(|settings| settings.model(&self.model).streaming(self.is_streamed))?;
        let agent = Agent::builder("forecaster", claude).system("You know the weather.");
        let agent = match self.has_tools {
            true => agent.tool(weather(calls.clone())),
            false => agent,
        };
        let mut conversation = Conversation::start("forecaster", "How is the weather?");
        Ok(agent.build()?.run(&mut conversation).await)
    }
}

#[derive(Deserialize, schemars::JsonSchema)]
struct City {
    city: String,
}

/// A tool that counts its calls.
fn weather(calls: Arc<AtomicUsize>) -> impl Tool {
    FnTool::new("weather", "The weather in a city.", move |City { city }: City| {
        calls.fetch_add(1, Ordering::Relaxed);
        Ok::<_, String>(format!("It is sunny in {city}."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_run_for_each_place_and_faults_find_their_run() {
        let rows = json!([
            {"run": "a"},
            {"run": "b", "at": [2, 5], "faults": [{"type": "stream_fault"}]},
            {"run": "c", "error": "not_found", "faults": [{"type": "fail"}]},
        ]);
        let cases = cases(serde_json::from_value(rows).unwrap());
        let told: Vec<String> = cases
            .iter()
            .map(|Case { name, faults, calls, .. }| format!("{name} {calls} {}", json!(faults)))
            .collect();
        let expected = [
            "a 1 []",
            r#"b, after 2 events 1 [{"after_chunks":2,"match":{"model":"run-1"},"type":"stream_fault"}]"#,
            r#"b, after 5 events 1 [{"after_chunks":5,"match":{"model":"run-2"},"type":"stream_fault"}]"#,
            r#"c 0 [{"match":{"model":"run-3"},"type":"fail"}]"#,
        ];
        assert_eq!(told, expected);
    }
}
