//! What the tests of guards have in common.

use std::time::Duration;

use agent_core::{
    Agent, AgentBuilder, Conversation, Delta, End, EventKind, Team, Tool,
    event::LiveText,
    model::Notice,
    script::{Reply, Script},
};
use agent_guards::Guards;
use agent_tools::FnTool;
use tokio::time::Instant;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

#[derive(serde::Deserialize, schemars::JsonSchema)]
pub(crate) struct Note {
    pub(crate) text: String,
}

/// A tool that repeats its input, and fails if the input is "fail".
pub(crate) fn note() -> FnTool {
    FnTool::new("note", "Notes a text.", |note: Note| match &*note.text {
        "fail" => Err("no paper".to_owned()),
        text => Ok(format!("noted {text}")),
    })
}

/// The agent "main" with a tool.
pub(crate) fn agent(model: &Script, tool: impl Tool + 'static) -> AgentBuilder {
    Agent::builder("main", model.clone()).tool(tool)
}

/// What came of a run: its end, what was shown, what guards told listeners, and how long it took.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) end: End,
    pub(crate) shown: Vec<String>,
    pub(crate) told: Vec<String>,
    pub(crate) took: Duration,
    pub(crate) conversation: Conversation,
}

/// Runs a team on what the user says.
pub(crate) async fn run(team: &Team, mut conversation: Conversation) -> Ran {
    let began = Instant::now();
    let (mut live, mut shown, mut told) = (LiveText::top_level(), Vec::new(), Vec::new());
    let mut run = team.run(&mut conversation);
    while let Some(event) = run.next().await {
        shown.extend(live.see(&event).iter().map(ToString::to_string));
        match &event.kind {
            EventKind::Delta(Delta::Notice(Notice::Guard { guard, did })) => {
                told.push(format!("{guard} {did}"))
            }
            EventKind::CallProgress { text, .. } => told.push(text.into()),
            _ => {}
        }
    }
    let end = run.await.unwrap();
    Ran { end, shown, told, took: began.elapsed(), conversation }
}

/// Runs the agent "main", which has the tool `note`, on these words.
pub(crate) async fn run_main(guards: &Guards, model: &Script, words: &str) -> Ran {
    let team = Team::new([agent(model, note()).build().unwrap()]).unwrap();
    run(&guards.around(team), Conversation::start("main", words)).await
}

/// The results that the model read in its last request.
pub(crate) fn results_read(model: &Script) -> Vec<String> {
    let requests = model.requests();
    let last = requests.last().unwrap();
    let results = last.messages.iter().flat_map(|message| message.tool_results());
    results.map(|(_, content, failed)| format!("{}{content}", if failed { "error: " } else { "" })).collect()
}

/// A call of the tool `note`.
pub(crate) fn call(text: &str) -> Reply {
    Reply::call("note", serde_json::json!({ "text": text }))
}
