//! Tools that do as they are told, and who watches them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use agent_core::{
    Block, Content, Context, Conversation, Json, Outcome, Request, Tool, ToolSpec, async_trait,
};
use serde::Deserialize;
use serde_json::json;

use crate::checks::{Verdict, must};

/// What every panic on purpose says.
pub(crate) const ON_PURPOSE: &str = "on purpose";

/// What tools did, by the keys of their calls.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    under_way: usize,
    /// Calls that ran to their end, with the result block if they have one of their own.
    ended: BTreeMap<String, Option<Block>>,
    again: Vec<String>,
}

impl Log {
    fn begin(&self, context: &Context) -> Open {
        let (key, call_id) = (context.key(), context.call_id().to_owned());
        let mut seen = self.seen();
        seen.under_way += 1;
        if seen.ended.contains_key(&key) {
            seen.again.push(key.clone());
        }
        drop(seen);
        Open { log: self.clone(), key, call_id }
    }

    /// Whether a call ran to its end, and with which result, if that is the call's own.
    pub(crate) fn ended(&self, key: &str) -> Option<Option<Block>> {
        self.seen().ended.get(key).cloned()
    }

    /// No call was made again after it had ended, and none is under way while there is no run.
    pub(crate) fn all_is_well(&self) -> Verdict {
        let Seen { under_way, again, .. } = &*self.seen();
        must(again.is_empty(), || format!("made again after they had ended: {}", again.join(", ")))?;
        must(*under_way == 0, || format!("{under_way} calls go on without a run"))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap()
    }
}

/// A call under way; dropping it is an abort, unless the tool panics.
struct Open {
    log: Log,
    key: String,
    call_id: String,
}

impl Open {
    fn end(&self, outcome: &Outcome) {
        let result = match outcome {
            // It is to be made again, once a person has allowed it.
            Outcome::Wait { .. } => return,
            Outcome::Output(content) => Some(self.result(content.clone(), false)),
            Outcome::Error(message) => Some(self.result(message.clone().into(), true)),
            _ => None,
        };
        self.log.seen().ended.insert(self.key.clone(), result);
    }

    fn result(&self, content: Content, is_error: bool) -> Block {
        Block::tool_result(&self.call_id, content, is_error)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.log.seen().under_way -= 1;
        if std::thread::panicking() {
            self.end(&Outcome::error(format!("the tool panicked: {ON_PURPOSE}")));
        }
    }
}

/// A tool whose calls are noted.
pub(crate) struct Watched(pub(crate) Arc<dyn Tool>, pub(crate) Log);

#[async_trait]
impl Tool for Watched {
    fn spec(&self) -> &ToolSpec {
        self.0.spec()
    }

    async fn call(&self, input: Json, context: Context) -> Outcome {
        let open = self.1.begin(&context);
        let outcome = self.0.call(input, context).await;
        open.end(&outcome);
        outcome
    }

    fn introduce(&self, conversation: &Conversation, request: Request) -> Request {
        self.0.introduce(conversation, request)
    }
}

/// A tool whose input says what it does.
struct Act(ToolSpec);

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    ms: u64,
    ask: Option<String>,
    fail: Option<String>,
    say: Option<String>,
    #[serde(default)]
    panic: bool,
}

#[async_trait]
impl Tool for Act {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, input: Json, context: Context) -> Outcome {
        let told: Told = match input.parse() {
            Ok(told) => told,
            Err(error) => return Outcome::error(error.to_string()),
        };
        if told.ms > 0 {
            tokio::time::sleep(Duration::from_millis(told.ms)).await;
        }
        match told {
            Told { panic: true, .. } => panic!("{ON_PURPOSE}"),
            Told { ask: Some(question), .. } if !context.allowed() => Outcome::Wait { question },
            Told { fail: Some(why), .. } => Outcome::error(why),
            Told { say, .. } => Outcome::output(say.unwrap_or_else(|| format!("did {}", context.call_id()))),
        }
    }
}

/// An ordinary tool, one that comes first, one that runs alone and one that has 25 ms.
pub(crate) fn acts() -> [Arc<dyn Tool>; 4] {
    ["act", "act_first", "act_alone", "act_briefly"].map(|name| {
        let mut spec = ToolSpec::new(name, "Does as told.", json!({"type": "object"}));
        spec.first = name == "act_first";
        spec.exclusive = name == "act_alone";
        spec.timeout = (name == "act_briefly").then(|| Duration::from_millis(25));
        Arc::new(Act(spec)) as Arc<dyn Tool>
    })
}
