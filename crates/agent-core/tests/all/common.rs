//! Tools and helpers that the tests share.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use agent_core::{
    Agent, AgentBuilder, Context, Conversation, End, Json, Outcome, Team, Tool, ToolSpec, async_trait,
    script::{Reply, Script},
    tool::Transfer,
};
use serde_json::json;
use tokio::time::Instant;

/// Counts the calls of tools.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Shared>);

#[derive(Default)]
struct Shared {
    begun: Mutex<BTreeMap<String, usize>>,
    ended: Mutex<BTreeMap<String, usize>>,
    open: AtomicUsize,
    peak: AtomicUsize,
}

impl Log {
    fn begin(&self, key: String) -> Open {
        *self.0.begun.lock().unwrap().entry(key.clone()).or_default() += 1;
        let open = self.0.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.peak.fetch_max(open, Ordering::SeqCst);
        Open { log: self.clone(), key }
    }

    /// How often each call began, by its key.
    pub(crate) fn begun(&self) -> BTreeMap<String, usize> {
        self.0.begun.lock().unwrap().clone()
    }

    /// How often each call ran to its end.
    pub(crate) fn ended(&self) -> BTreeMap<String, usize> {
        self.0.ended.lock().unwrap().clone()
    }

    /// How many calls are running now.
    pub(crate) fn open(&self) -> usize {
        self.0.open.load(Ordering::SeqCst)
    }

    /// The most calls that ran in parallel.
    pub(crate) fn peak(&self) -> usize {
        self.0.peak.load(Ordering::SeqCst)
    }
}

/// A running call. If it is dropped without `end`, it was aborted.
struct Open {
    log: Log,
    key: String,
}

impl Open {
    fn end(self) {
        *self.log.0.ended.lock().unwrap().entry(self.key.clone()).or_default() += 1;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.log.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A tool whose input says what it does: `{"ms": 100, "say": "x", "fail": "…", "panic": "…"}`. It
/// delegates with `{"to": agent, "task": …}`, transfers with
/// `{"transfer": agent, "comes_back": true}`, waits for a person with `{"ask": question}`, and ends
/// the run with `{"answer": "…"}`.
pub(crate) struct Act {
    spec: ToolSpec,
    log: Log,
}

impl Act {
    pub(crate) fn new(name: &str, log: &Log) -> Self {
        Self { spec: ToolSpec::new(name, "Does as told.", json!({"type": "object"})), log: log.clone() }
    }

    pub(crate) fn spec(mut self, change: impl FnOnce(&mut ToolSpec)) -> Self {
        change(&mut self.spec);
        self
    }
}

#[async_trait]
impl Tool for Act {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, input: Json, context: Context) -> Outcome {
        let input: serde_json::Value = match input.parse() {
            Ok(input) => input,
            Err(error) => return Outcome::error(error.to_string()),
        };
        let word = |name: &str| input[name].as_str().map(str::to_owned);
        let open = self.log.begin(context.key());
        if let Some(ms) = input["ms"].as_u64() {
            match self.spec.blocking {
                true => std::thread::sleep(Duration::from_millis(ms)),
                false => tokio::time::sleep(Duration::from_millis(ms)).await,
            }
        }
        open.end();
        if let Some(message) = word("panic") {
            panic!("{message}");
        }
        match (word("fail"), word("to"), word("transfer"), word("ask")) {
            (Some(message), ..) => Outcome::error(message),
            (.., Some(question)) if !context.approved() => Outcome::Wait { question },
            (_, Some(to), ..) => Outcome::delegate(to, word("task").unwrap_or_else(|| "Well?".to_owned())),
            (_, _, Some(to), _) => {
                let transfer = Transfer::new(&to, format!("could not transfer to {to}: {{why}}"));
                Outcome::Transfer(transfer.comes_back(input["comes_back"] == true))
            }
            _ if input["answer"].is_string() => Outcome::answer(word("answer").unwrap_or_default()),
            _ => Outcome::output(word("say").unwrap_or_else(|| "done".to_owned())),
        }
    }
}

/// An agent with the tools of all tests: `act`, `act_first`, `act_alone`, `act_blocking`, and
/// `act_briefly` (50 ms at most).
pub(crate) fn agent(name: &str, model: &Script, log: &Log) -> AgentBuilder {
    Agent::builder(name, model.clone())
        .tool(Act::new("act", log))
        .tool(Act::new("act_first", log).spec(|spec| spec.runs_first = true))
        .tool(Act::new("act_alone", log).spec(|spec| spec.exclusive = true))
        .tool(Act::new("act_blocking", log).spec(|spec| spec.blocking = true))
        .tool(Act::new("act_briefly", log).spec(|spec| spec.timeout = Some(Duration::from_millis(50))))
}

/// A team with one agent for each part of the script. All have the same tools.
pub(crate) fn team(parts: impl IntoIterator<Item = (&'static str, Vec<Reply>)>) -> (Team, Script, Log) {
    let parts: Vec<(&str, Vec<Reply>)> = parts.into_iter().collect();
    let names: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
    let (model, log) = (Script::by_agent(parts), Log::default());
    let agents = names.into_iter().map(|name| agent(name, &model, &log).build().unwrap());
    (Team::new(agents).unwrap(), model, log)
}

/// How a run ended, and what happened in it.
pub(crate) struct Ran {
    pub(crate) end: End,
    pub(crate) conversation: Conversation,
    pub(crate) took: Duration,
}

/// Runs a conversation of `main` to its end.
pub(crate) async fn run(team: &Team) -> Ran {
    let mut conversation = Conversation::start("main", "Go.");
    let began = Instant::now();
    let end = team.run(&mut conversation).await.unwrap();
    Ran { end, conversation, took: began.elapsed() }
}

/// A reply that calls these tools with these inputs.
pub(crate) fn calls(calls: impl IntoIterator<Item = (&'static str, serde_json::Value)>) -> Reply {
    calls.into_iter().fold(Reply::default(), |reply, (tool, input)| reply.and_call(tool, input))
}

/// A team whose model gives this reply, reads the results, and then says "Done.".
pub(crate) fn one_turn(reply: Reply) -> (Team, Script, Log) {
    team([("main", vec![reply, Reply::text("Done.")])])
}

pub(crate) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
