//! Cases of whole runs.

use std::sync::PoisonError;

use agent_core::{Agent, AgentBuilder, Conversation, End, RunError};
use serde_json::Value;

use crate::conformance::{
    case::STILL_HERE,
    likeness,
    mismatch::{Checked, Mismatch, must, same},
    stage::Stage,
    tools::{Made, tools},
};

/// The most attempts at a run.
const ATTEMPTS: usize = 3;

/// The run makes these calls and ends like this, and afterwards the conversation can go on.
pub(super) async fn check(stage: &Stage, calls: &[(&str, Value)], end: &str) -> Checked {
    let (tools, made) = tools();
    let agent = tools
        .into_iter()
        .fold(Agent::builder("kit", stage.llm.clone()).system("You know the weather."), AgentBuilder::tool);
    let agent = agent.build().map_err(|error| Mismatch::new("an agent", error))?;
    let mut conversation = agent.start("How is the weather?");
    let got = finish(&agent, &mut conversation).await?;
    same(end, &got.to_string())?;
    made_are(calls, &made)?;
    conversation.say("And now?");
    let got = finish(&agent, &mut conversation).await?;
    same(STILL_HERE, &got.to_string())?;
    made_are(calls, &made)
}

/// Runs to the end. A run whose request failed is continued if the error allows that.
async fn finish(agent: &Agent, conversation: &mut Conversation) -> Result<End, Mismatch> {
    let mut attempt = 1;
    loop {
        match agent.run(conversation).await {
            Ok(end) => return Ok(end),
            Err(RunError::Model(failure)) if failure.error.is_retryable() && attempt < ATTEMPTS => {
                attempt += 1
            }
            Err(RunError::Model(failure)) => {
                return Err(Mismatch::new("a run that ends", likeness::error(&failure.error)));
            }
            Err(error) => return Err(Mismatch::new("a run that ends", error)),
        }
    }
}

/// These calls were made, each once, in any order.
fn made_are(calls: &[(&str, Value)], made: &Made) -> Checked {
    let line = |name: &str, input: &Value| format!("{name} {input}");
    let mut expected: Vec<String> = calls.iter().map(|(name, input)| line(name, input)).collect();
    let made = made.lock().unwrap_or_else(PoisonError::into_inner);
    let mut got: Vec<String> = made.iter().map(|(name, input)| line(name, input)).collect();
    expected.sort();
    got.sort();
    let calls = |calls: Vec<String>| {
        format!("calls: {}", if calls.is_empty() { "none".to_owned() } else { calls.join(", ") })
    };
    must(expected == got, || Mismatch::new(calls(expected), calls(got)))
}
