//! Events of a run, and what can be made of them: logs and live text. The crate agent-timeline
//! makes timelines of them.

pub(crate) mod emitter;
mod event_kind;
pub(crate) mod event_log;
pub(crate) mod event_queue;
pub(crate) mod live_text;

pub use event_kind::{EventKind, QueueReason};
pub use event_log::EventLog;
pub use event_queue::EventQueue;
pub(crate) use kinds_of_calls::named;
pub use live_text::{LiveText, TextChange};
pub use run_tracer::{RunTracer, TraceParents};

mod kinds_of_calls;
mod listeners;
mod pieces;
mod run_tracer;
#[cfg(test)]
mod schema_tests;
mod version;

use std::{sync::Arc, time::Duration};

pub(crate) use listeners::Listeners;
use version::Version;

use serde::{Deserialize, Serialize};

use crate::message::tagged::milliseconds;

/// An event of a run: what happened, when, in which conversation, and to which agent.
///
/// In JSON it is an object with these fields, and `v`, the [version](Self::VERSION) of the JSON.
/// `at` becomes `at_ms`, a number of milliseconds with a fraction. `kind` is an object with the
/// kind's name and its value. The fields can be read back in any order:
///
/// ```json
/// {"v": 1, "at_ms": 300.5, "conversation": "run", "depth": 0, "agent": "main",
///  "kind": {"kind": "call_ended", "value": {"id": "call_0_0", "tool": "add", "is_error": false, "result": "3"}}}
/// ```
///
/// A kind that this version does not know is kept ([`EventKind::Other`]), and so is the number of a
/// later version. Fields that it does not know are left out. The file
/// `docs/event.schema.json` of the project is a JSON Schema of events.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "version::EventJson")]
pub struct Event {
    #[serde(rename = "v")]
    version: Version,
    /// The time since the run began, by tokio's clock. On paused time it is exact.
    #[serde(rename = "at_ms", with = "milliseconds")]
    pub at: Duration,
    /// The id of the conversation. The id of a delegated conversation is the id of the conversation
    /// that delegated it and the id of the call: `run/call_0_1`.
    pub conversation: Arc<str>,
    /// The number of delegations between the user and the conversation: 0 for the user's own.
    pub depth: u32,
    /// The agent by which, or to which, it happened.
    pub agent: Arc<str>,
    /// What happened.
    pub kind: EventKind,
}

impl Event {
    /// The version of the JSON of events. A later version adds kinds and fields. It would have
    /// another number only if it changed what is there.
    pub const VERSION: u32 = Version::NUMBER;

    /// Makes an event, for tests and for programs that keep events.
    pub fn new(at: Duration, conversation: &str, depth: u32, agent: &str, kind: EventKind) -> Self {
        Self {
            version: Version::default(),
            at,
            conversation: conversation.into(),
            depth,
            agent: agent.into(),
            kind,
        }
    }
}
