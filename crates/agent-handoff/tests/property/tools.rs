//! Tools that do as they are told, and who watches them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use agent_core::{
    Block, Content, Context, Conversation, Json, Outcome, Request, Tool, ToolSpec, agent::Rules, async_trait,
    tool::ExclusiveBy,
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
    under_way: Vec<UnderWay>,
    /// Calls that ran to their end, with the result block if they have one of their own; not of tools that
    /// only read, which may be called as often as one likes.
    ended: BTreeMap<String, Option<Block>>,
    again: Vec<String>,
    /// Calls that were made beside others that they should not be made beside.
    beside: Vec<String>,
}

#[derive(Clone, PartialEq)]
struct UnderWay {
    /// The call's.
    key: String,
    conversation: String,
    alone: bool,
    /// What it takes turns by.
    turns_by: Option<String>,
}

impl UnderWay {
    fn excludes(&self, other: &Self) -> bool {
        let same_key = self.turns_by.is_some() && self.turns_by == other.turns_by;
        self.conversation == other.conversation && (self.alone || other.alone || same_key)
    }
}

impl Log {
    fn begin(&self, spec: &ToolSpec, input: &Json, context: &Context) -> Open {
        let (key, call_id) = (context.key(), context.call_id().to_owned());
        let call = UnderWay {
            key: key.clone(),
            conversation: context.conversation().to_owned(),
            alone: spec.exclusive,
            turns_by: spec.exclusive_by.as_ref().and_then(|by| by.key(input)),
        };
        let mut seen = self.seen();
        if seen.under_way.iter().any(|other| call.excludes(other)) {
            seen.beside.push(key.clone());
        }
        if seen.ended.contains_key(&key) {
            seen.again.push(key);
        }
        seen.under_way.push(call.clone());
        drop(seen);
        Open { log: self.clone(), call, call_id, only_reads: spec.read_only }
    }

    /// Whether a call ran to its end, and with which result, if that is the call's own.
    pub(crate) fn ended(&self, key: &str) -> Option<Option<Block>> {
        self.seen().ended.get(key).cloned()
    }

    /// No call was made again after it had ended or beside one that excludes it, and none is under way while
    /// there is no run.
    pub(crate) fn all_is_well(&self) -> Verdict {
        let Seen { under_way, again, beside, .. } = &*self.seen();
        must(again.is_empty(), || format!("made again after they had ended: {}", again.join(", ")))?;
        must(beside.is_empty(), || format!("not made in turn: {}", beside.join(", ")))?;
        must(under_way.is_empty(), || format!("{} calls go on without a run", under_way.len()))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap()
    }
}

/// A call under way; dropping it is an abort, unless the tool panics.
struct Open {
    log: Log,
    call: UnderWay,
    call_id: String,
    only_reads: bool,
}

impl Open {
    fn end(&self, outcome: &Outcome) {
        if self.only_reads {
            return;
        }
        let result = match outcome {
            // It is to be made again, once a person has allowed it, or if its host was stopped before it had done
            // what it is asked for.
            Outcome::Wait { .. } | Outcome::Control(_) => return,
            Outcome::Output(content) | Outcome::Answer { content, .. } => {
                Some(self.result(content.clone(), false))
            }
            Outcome::Error(content) => Some(self.result(content.clone(), true)),
            _ => None,
        };
        self.log.seen().ended.insert(self.call.key.clone(), result);
    }

    fn result(&self, content: Content, is_error: bool) -> Block {
        Block::tool_result(&self.call_id, content, is_error)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut seen = self.log.seen();
        let place = seen.under_way.iter().position(|call| *call == self.call);
        seen.under_way.remove(place.expect("it has begun and not ended"));
        drop(seen);
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
        let open = self.1.begin(self.spec(), &input, &context);
        let outcome = self.0.call(input, context).await;
        open.end(&outcome);
        outcome
    }

    fn introduce(&self, conversation: &Conversation, request: Request, rules: &dyn Rules) -> Request {
        self.0.introduce(conversation, request, rules)
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
    answer: Option<String>,
    #[serde(default)]
    panic: bool,
}

#[async_trait]
impl Tool for Act {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, input: Json, context: Context) -> Outcome {
        // What is read depends on nothing else, so twins read the same.
        let did = if self.0.read_only { input.text() } else { context.call_id() };
        let told: Told = match input.parse() {
            Ok(told) => told,
            Err(error) => return Outcome::error(error.to_string()),
        };
        if told.ms > 0 {
            tokio::time::sleep(Duration::from_millis(told.ms)).await;
        }
        match told {
            Told { panic: true, .. } => panic!("{ON_PURPOSE}"),
            Told { ask: Some(question), .. } if !context.approved() => Outcome::Wait { question },
            Told { fail: Some(why), .. } => Outcome::error(why),
            Told { answer: Some(answer), .. } => Outcome::answer(answer),
            Told { say, .. } => Outcome::output(say.unwrap_or_else(|| format!("did {did}"))),
        }
    }
}

/// An ordinary tool.
pub(crate) fn act(name: &str) -> impl Tool + use<> {
    Act(ToolSpec::new(name, "Does as told.", json!({"type": "object"})))
}

/// Ordinary tools, some that run alone, that take turns, that only read, one that has 25 ms; and one that comes first, if
/// it is wanted: where there is one, nothing starts early.
pub(crate) fn acts(first: bool) -> Vec<Arc<dyn Tool>> {
    let by_file = ExclusiveBy::field("file");
    let names =
        ["act", "act_alone", "act_briefly", "look", "look_alone", "look_by_file", "edit", "edit_alone"];
    let acts = names.into_iter().chain(first.then_some("act_first")).map(|name| {
        let mut spec = ToolSpec::new(name, "Does as told.", json!({"type": "object"}));
        spec.runs_first = name == "act_first";
        spec.exclusive = name.ends_with("_alone");
        spec.read_only = name.starts_with("look");
        spec.shared = spec.read_only;
        let in_turn = name.starts_with("edit") || name == "look_by_file";
        spec.exclusive_by = in_turn.then(|| by_file.clone());
        spec.timeout = (name == "act_briefly").then(|| Duration::from_millis(25));
        Arc::new(Act(spec)) as Arc<dyn Tool>
    });
    acts.collect()
}
