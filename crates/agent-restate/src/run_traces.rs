//! The traces of the runs that this process works for.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agent_core::event::TraceParents;
use serde::{Deserialize, Serialize};

/// The header with the trace of a run.
pub(crate) const TRACE: &str = "traceparent";

/// The traces of the runs that this process works for. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct RunTraces(Arc<Mutex<HashMap<String, Entry>>>);

/// What handlers of this process do for a conversation.
#[derive(Default)]
struct Entry {
    text: Option<String>,
    /// The text was made in this process, and no step has returned it yet.
    is_new: bool,
    /// How many handlers drive the conversation, or make calls of it.
    drive: usize,
    call: usize,
}

/// The result of a step, and the trace of the run, if it has begun with this step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Traced<T> {
    pub(crate) result: T,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trace: Option<String>,
}

/// A handler works for a conversation, until this is dropped.
pub(crate) struct Works {
    traces: RunTraces,
    conversation: String,
    drives: bool,
}

impl RunTraces {
    /// A handler drives this conversation. `text` is the trace that the run has.
    pub(crate) fn drive(&self, conversation: &str, text: Option<&str>) -> Works {
        self.enter(conversation, text, true)
    }

    /// A handler makes a call of this conversation.
    pub(crate) fn call(&self, conversation: &str, text: Option<&str>) -> Works {
        self.enter(conversation, text, false)
    }

    fn enter(&self, conversation: &str, text: Option<&str>, drives: bool) -> Works {
        let mut all = self.all();
        let entry = all.entry(conversation.to_owned()).or_default();
        if let Some(text) = text {
            entry.text = Some(text.to_owned());
        }
        if drives {
            entry.drive += 1
        } else {
            entry.call += 1
        }
        Works { traces: self.clone(), conversation: conversation.to_owned(), drives }
    }

    /// A step has returned the trace of the run, perhaps in another process.
    pub(crate) fn learn(&self, conversation: &str, text: &str) {
        if let Some(entry) = self.all().get_mut(conversation) {
            entry.text = Some(text.to_owned());
        }
    }

    /// The trace that has begun in this process, once.
    pub(crate) fn take_new(&self, conversation: &str) -> Option<String> {
        let mut all = self.all();
        let entry = all.get_mut(conversation).filter(|entry| entry.is_new)?;
        entry.is_new = false;
        entry.text.clone()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TraceParents for RunTraces {
    fn find(&self, conversation: &str) -> Option<String> {
        self.all().get(conversation)?.text.clone()
    }

    fn keep(&self, conversation: &str, text: &str) {
        if let Some(entry) = self.all().get_mut(conversation) {
            (entry.text, entry.is_new) = (Some(text.to_owned()), true);
        }
    }

    fn drives(&self, conversation: &str) -> bool {
        self.all().get(conversation).is_some_and(|entry| entry.drive > 0)
    }
}

impl Drop for Works {
    fn drop(&mut self) {
        let mut all = self.traces.all();
        let Some(entry) = all.get_mut(&self.conversation) else { return };
        if self.drives {
            entry.drive -= 1
        } else {
            entry.call -= 1
        }
        if entry.drive + entry.call == 0 {
            all.remove(&self.conversation);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_known_while_a_handler_works_for_its_conversation() {
        let traces = RunTraces::default();
        traces.keep("s", "nobody works for it");
        assert_eq!(traces.find("s"), None);
        let drives = traces.drive("s", None);
        assert!(traces.drives("s"));
        assert_eq!((traces.find("s"), traces.take_new("s")), (None, None));
        traces.keep("s", "a");
        assert_eq!(traces.find("s").as_deref(), Some("a"));
        assert_eq!((traces.take_new("s").as_deref(), traces.take_new("s")), (Some("a"), None));
        let calls = traces.call("s", Some("a"));
        drop(drives);
        assert!(!traces.drives("s"));
        assert_eq!(traces.find("s").as_deref(), Some("a"));
        drop(calls);
        assert_eq!(traces.find("s"), None);
        let _drives = traces.drive("s", None);
        traces.learn("s", "of another process");
        assert_eq!(traces.find("s").as_deref(), Some("of another process"));
        assert_eq!(traces.take_new("s"), None);
    }
}
