//! What happens in a run, as it happens: events, logs, live text, timelines.

pub(crate) mod emitter;
pub(crate) mod event_log;
pub(crate) mod event_queue;
pub(crate) mod live_text;
pub(crate) mod timeline;

pub use event_log::EventLog;
pub use event_queue::EventQueue;
pub use live_text::{LiveText, TextChange};
pub use timeline::Timeline;

mod listeners;

use std::{sync::Arc, time::Duration};

pub(crate) use listeners::Listeners;

use serde::{Deserialize, Serialize};

use crate::{
    Call, Delta, End, Json, Outcome, StopReason, ToolCall, Usage,
    message::tagged::{milliseconds, tagged},
    safe_lines,
};

/// Something that happened in a run.
///
/// As JSON it is an object of these fields, where `at` is `at_ms`, a number of milliseconds with a
/// fraction, and `kind` an object with the kind's name and what belongs to it. It is read back from
/// whatever order its fields are in:
///
/// ```json
/// {"at_ms": 300.5, "conversation": "run", "depth": 0, "agent": "main",
///  "kind": {"kind": "call_ended", "value": {"id": "call_0_0", "tool": "add", "is_error": false, "result": "3"}}}
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, since the run began, by tokio's clock: on paused time it is exact.
    #[serde(rename = "at_ms", with = "milliseconds")]
    pub at: Duration,
    /// The conversation's id, which of a delegated one is also its path: `run/call_0_1`.
    pub conversation: Arc<str>,
    /// How many delegations away from the user.
    pub depth: u32,
    /// The agent.
    pub agent: Arc<str>,
    /// What happened.
    pub kind: EventKind,
}

/// The kinds of [`Event`]; in JSON `{"kind": "turn_started"}`, or
/// `{"kind": "call_queued", "value": {…}}`.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case", remote = "Self")]
pub enum EventKind {
    /// An agent's model is asked.
    TurnStarted,
    /// A piece of the model's reply has arrived.
    Delta(Delta),
    /// The model has replied.
    TurnEnded {
        /// Why the reply ended.
        stop_reason: StopReason,
        /// How many calls it makes.
        calls: usize,
        /// What it cost, attempts before it that broke off included; see [`Usage::broken_off`].
        usage: Usage,
    },
    /// A call of the reply has another id from here on: its own was empty, taken or not one the API
    /// takes back. It comes before any event with the new id, so also before the piece of the reply
    /// that the call begins with ([`Delta::Block`], [`Delta::Complete`]): that bears the new id,
    /// too. Only if blocks begin in another order than they stand in may there be a second one for
    /// a call at the end of the reply, and `was` is then the id that the first one told.
    IdReplaced {
        /// The tool.
        tool: String,
        /// The id the model wrote.
        was: String,
        /// The id it has.
        id: String,
    },
    /// A call of the reply is not made: the reply was cut, refused or paused.
    CallNotMade {
        /// Its id.
        id: String,
        /// The tool.
        tool: String,
        /// Why, as the model reads it when the conversation goes on.
        why: String,
    },
    /// The model did not reply.
    TurnFailed {
        /// Why.
        error: String,
        /// What that cost, as far as the server had said.
        usage: Usage,
    },
    /// A tool call begins.
    CallStarted {
        /// Its id.
        id: String,
        /// The tool.
        tool: String,
        /// The input, as the model wrote it.
        input: Json,
    },
    /// The call that has just started could have started so much earlier, while the reply still
    /// streamed, if its tool were marked [`read_only`](crate::ToolSpec::read_only). Told from 50 ms
    /// on, of tools that nothing else keeps from an early start.
    #[serde(alias = "started_late")]
    CallCouldStartEarlier {
        /// Its id.
        id: String,
        /// The tool.
        tool: String,
        /// How much earlier.
        #[serde(rename = "by_ms", with = "milliseconds")]
        by: Duration,
    },
    /// A call that may have effects started early ([`Early::All`](crate::tool::Early)) and no
    /// message will tell of it: the final reply does not make it, fails or is refused. It is not
    /// stopped; its [`CallEnded`](Self::CallEnded) is told before the run goes on.
    #[serde(alias = "call_not_recorded")]
    CallDiscarded {
        /// Its id.
        id: String,
        /// The tool.
        tool: String,
    },
    /// A call timed out or was cancelled, but it is on the [blocking
    /// pool](crate::ToolSpec::blocking) and has not returned. The calls that take turns with it
    /// wait for that, and so does the run. [`CallEnded`](Self::CallEnded) is told once it returns,
    /// or when the run is [cancelled](crate::Cancel::all).
    CallGoesOn {
        /// Its id.
        id: String,
        /// The tool.
        tool: String,
        /// Why nobody waits for what it says, as the model reads it.
        why: String,
    },
    /// A call waits for others to end, since there is a bound on how many may be under way at once.
    CallQueued {
        /// Its id.
        id: String,
        /// The tool.
        tool: String,
    },
    /// A call tells how it gets on: [`Context::progress`](crate::Context::progress).
    CallProgress {
        /// Its id.
        id: String,
        /// The tool.
        tool: String,
        /// What it says.
        text: String,
        /// How many earlier ones of this call were dropped, since it told more than was read. Only
        /// who reads by [`Run::next`](crate::Run::next), or by an [`EventQueue`], misses some.
        dropped: u64,
    },
    /// A call has become another agent's conversation; it ends when that does.
    Delegated {
        /// The call's id.
        id: String,
        /// The other agent.
        to: String,
        /// The other agent's conversation.
        conversation: String,
    },
    /// A call has its result. One that was stopped before it began has no start.
    CallEnded {
        /// Its id.
        id: String,
        /// The tool.
        tool: String,
        /// Whether it failed.
        is_error: bool,
        /// The result's words; what is no text is named, `[image]`.
        result: String,
    },
    /// A call waits for a person.
    CallWaiting {
        /// Its id.
        id: String,
        /// What the person is asked.
        question: String,
    },
    /// A call wants the conversation to go over to another agent; it ends when that is settled.
    TransferAsked {
        /// The call's id.
        id: String,
        /// The other agent.
        to: String,
    },
    /// The conversation went over to this event's agent.
    Transferred {
        /// The agent that had it before.
        from: String,
    },
    /// The conversation did not go over to this event's agent; the other one still has it.
    TransferFailed {
        /// The agent that has it.
        from: String,
        /// Why.
        why: String,
    },
    /// The conversation came back to this event's agent.
    CameBack {
        /// The agent that failed.
        from: String,
        /// How.
        why: String,
    },
    /// The run, or a delegated conversation in it, is over. [`End::Waiting`] is told once: not by a
    /// run that finds the conversation waiting already, for the same calls, and can do nothing. Its
    /// end says so.
    Ended(End),
}

tagged!(EventKind);

impl EventKind {
    pub(crate) fn call_started(call: &ToolCall) -> Self {
        Self::CallStarted { id: call.id.clone(), tool: call.name.clone(), input: call.input.clone() }
    }

    pub(crate) fn of_outcome(call: &Call, outcome: &Outcome) -> Self {
        let (id, tool) = (call.call.id.clone(), call.call.name.clone());
        match outcome {
            Outcome::Output(content) => {
                Self::CallEnded { id, tool, is_error: false, result: content.describe() }
            }
            Outcome::Error(content) => {
                Self::CallEnded { id, tool, is_error: true, result: content.describe() }
            }
            Outcome::Transfer(transfer) => Self::TransferAsked { id, to: transfer.to.clone() },
            Outcome::Wait { question } => {
                Self::CallWaiting { id, question: safe_lines(question).into_owned() }
            }
            Outcome::Delegate { to, .. } => {
                let conversation = format!("{}/{id}", call.conversation);
                Self::Delegated { id, to: to.clone(), conversation }
            }
        }
    }
}
