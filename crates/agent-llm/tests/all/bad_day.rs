//! A run of an agent with tools against a server that misbehaves.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_core::{
    Agent, Content, Context, Conversation, End, Event, EventKind, Outcome, RunError, Tool, async_trait,
    script::Reply,
};
use agent_llm::{Claude, ClaudeBuilder, Delta, Json, Notice, RetryPolicy, ToolSpec};
use agent_mock::{Mock, Scenario};
use serde_json::json;

use crate::common::KEY;

/// Calls three tools at once, then answers.
pub(crate) fn plot() -> Scenario {
    let look = |place: &str| json!({"at": place});
    let calls = Reply::text("Let me look at three places…")
        .and_call("look", look("the first"))
        .and_call("look", look("the second"))
        .and_call("look", look("the third place of all"));
    Scenario::new([calls, Reply::text("All three are there.")])
}

/// What the user reads of it, turn by turn.
pub(crate) const SHOWN: [&str; 2] = ["Let me look at three places…", "All three are there."];

/// Up to three retries, each at once; of a server that [`day`] names.
pub(crate) fn settings() -> ClaudeBuilder {
    let policy = RetryPolicy::default().max_retries(3).first_wait(Duration::from_millis(1));
    Claude::builder().key(KEY).retry(policy).base_url("http://127.0.0.1:1")
}

pub(crate) fn client() -> Claude {
    settings().build().unwrap()
}

/// What came of a run.
pub(crate) struct Day {
    pub(crate) end: Result<End, RunError>,
    pub(crate) conversation: Conversation,
    pub(crate) events: Vec<Event>,
    /// How often the tool ran, by place.
    pub(crate) looks: BTreeMap<String, usize>,
    /// How many requests had come in by its end.
    pub(crate) asked: usize,
}

/// Runs an agent against a server with this plot.
pub(crate) async fn day(plot: Scenario, claude: &Claude) -> Day {
    let server = Mock::start(plot).await.unwrap();
    ask(&server, claude, "Is all there?").await
}

/// Runs an agent that is told this.
pub(crate) async fn ask(server: &Mock, claude: &Claude, told: impl Into<Content>) -> Day {
    let look = Look::new();
    let claude = claude.with(|settings| settings.base_url(server.url())).unwrap();
    let agent = Agent::builder("main", claude).tool(look.clone()).build().unwrap();
    let mut conversation = agent.start(told);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let events = heard.clone();
    let end =
        agent.run(&mut conversation).listen(move |event| events.lock().unwrap().push(event.clone())).await;
    let events = heard.lock().unwrap().clone();
    let looks = look.looks.lock().unwrap().clone();
    Day { end, conversation, events, looks, asked: server.count() }
}

impl Day {
    /// What a listener who honours restarts has shown in the end, turn by turn.
    pub(crate) fn shown(&self) -> Vec<String> {
        let mut turns = Vec::new();
        for event in &self.events {
            match &event.kind {
                EventKind::TurnStarted { .. } => turns.push(String::new()),
                EventKind::Delta(Delta::Restarted { .. }) => turns.last_mut().unwrap().clear(),
                EventKind::Delta(delta) => {
                    turns.last_mut().unwrap().push_str(&delta.text().unwrap_or_default());
                }
                _ => {}
            }
        }
        turns
    }

    /// Why attempts failed, and how long was waited then.
    pub(crate) fn retries(&self) -> Vec<(String, Duration)> {
        let retry = |event: &Event| match &event.kind {
            EventKind::Delta(Delta::Notice(Notice::Retry { reason, wait, .. })) => {
                Some((reason.clone(), *wait))
            }
            _ => None,
        };
        self.events.iter().filter_map(retry).collect()
    }

    /// How often what was shown was withdrawn.
    pub(crate) fn withdrawn(&self) -> usize {
        let restarted = |event: &&Event| matches!(event.kind, EventKind::Delta(Delta::Restarted { .. }));
        self.events.iter().filter(restarted).count()
    }
}

/// A tool that counts its calls.
#[derive(Clone)]
struct Look {
    spec: Arc<ToolSpec>,
    looks: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Look {
    fn new() -> Self {
        let schema = json!({"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]});
        Self { spec: Arc::new(ToolSpec::new("look", "Looks.", schema)), looks: Arc::default() }
    }
}

#[derive(serde::Deserialize)]
struct Place {
    at: String,
}

#[async_trait]
impl Tool for Look {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, input: Json, _: Context) -> Outcome {
        match input.parse() {
            Ok(Place { at }) => {
                *self.looks.lock().unwrap().entry(at).or_default() += 1;
                Outcome::output("It is there.")
            }
            Err(error) => Outcome::error(error.to_string()),
        }
    }
}
