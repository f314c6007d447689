//! What the tests share: a team whose models always give the same answer to the same history, and
//! tools that count their calls.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_core::{
    Agent, Context, Conversation, Json, Outcome, Request, Role, Team, Tool, ToolSpec, async_trait,
    script::{Reply, Script},
    tool::Transfer,
};
use agent_journal::Journal;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How often each call was made, by its key, and what each agent asked its model.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    made: BTreeMap<String, usize>,
    asked: Vec<String>,
}

impl Log {
    pub(crate) fn made(&self) -> BTreeMap<String, usize> {
        self.0.lock().unwrap().made.clone()
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }
}

/// A tool whose input says what it does: `{"ms": 100}`, then `{"say": "x"}`, `{"fail": "…"}`,
/// `{"to": agent}`, `{"plan": steps}`, `{"transfer": agent}`, `{"ask": question}` or
/// `{"answer": "…"}`.
struct Act {
    spec: ToolSpec,
    log: Log,
}

#[async_trait]
impl Tool for Act {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, input: Json, context: Context) -> Outcome {
        let input: Value = input.parse().unwrap();
        let word = |name: &str| input[name].as_str().map(str::to_owned);
        if let Some(ms) = input["ms"].as_u64() {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        *self.log.0.lock().unwrap().made.entry(context.key()).or_default() += 1;
        if input["plan"].is_object() {
            return Outcome::plan(serde_json::from_value(input["plan"].clone()).unwrap());
        }
        match (word("fail"), word("to"), word("transfer"), word("ask")) {
            (Some(message), ..) => Outcome::error(message),
            (_, Some(to), ..) => Outcome::delegate(to, "Do it."),
            (_, _, Some(to), _) => Outcome::Transfer(Transfer::new(&to, "{why}").comes_back(true)),
            (.., Some(question)) if !context.approved() => Outcome::Wait { question },
            _ if input["answer"].is_string() => Outcome::answer(word("answer").unwrap_or_default()),
            _ => Outcome::output(word("say").unwrap_or_else(|| "done".to_owned())),
        }
    }
}

/// A tool whose calls must not be made twice.
pub(crate) fn act_once(log: &Log) -> impl Tool + 'static {
    Act { spec: ToolSpec::new("act_once", "Does as told.", json!({"type": "object"})), log: log.clone() }
}

/// A tool that follows its input, with a changed spec.
pub(crate) fn tool(name: &str, log: &Log, change: fn(&mut ToolSpec)) -> impl Tool + use<> {
    let mut spec = ToolSpec::new(name, "Does as told.", json!({"type": "object"}));
    change(&mut spec);
    Act { spec, log: log.clone() }
}

/// A reply with calls of these tools with these inputs.
pub(crate) fn calls(calls: impl IntoIterator<Item = (&'static str, Value)>) -> Reply {
    calls.into_iter().fold(Reply::default(), |reply, (tool, input)| reply.and_call(tool, input))
}

/// A team of these agents. The answer of a model depends on how many answers it finds in the
/// history. All agents have the tools `act`, which may be called twice, `act_once`, which must not,
/// and `act_first`, which runs first.
pub(crate) fn team(
    agents: &[&str],
    says: impl Fn(&str, usize) -> Reply + Send + Sync + 'static,
) -> (Team, Log) {
    let log = Log::default();
    let asked = log.clone();
    let model = Script::by(move |request: &Request| {
        let turn = request.messages.iter().filter(|message| message.role() == Role::Assistant).count();
        asked.0.lock().unwrap().asked.push(format!("{} {turn}", request.agent));
        says(&request.agent, turn)
    });
    let tool = |name: &str, change: fn(&mut ToolSpec)| tool(name, &log, change);
    let agents = agents.iter().map(|name| {
        let builder = Agent::builder(*name, model.clone())
            .tool(tool("act", |spec| spec.idempotent = true))
            .tool(tool("act_once", |_| ()))
            .tool(tool("act_first", |spec| (spec.runs_first, spec.idempotent) = (true, true)));
        builder.build().unwrap()
    });
    (Team::new(agents).unwrap(), log)
}

/// A folder with a journal in it.
pub(crate) struct Place {
    _folder: TempDir,
    pub(crate) path: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.journal");
        Self { _folder: folder, path }
    }

    pub(crate) fn open(&self) -> Journal {
        Journal::open(&self.path).unwrap()
    }

    /// Runs SQL on the file, as another program would.
    pub(crate) fn sql(&self, sql: &str) {
        rusqlite::Connection::open(&self.path).unwrap().execute_batch(sql).unwrap();
    }
}

pub(crate) fn start() -> Conversation {
    Conversation::start("main", "Go.").with_id("s")
}
