//! The kinds of events.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Delta, End, Json, LlmErrorKind, Message, SharedText, StopReason, Usage,
    message::tagged::{milliseconds, optional_milliseconds, tagged},
};

/// The kinds of [`Event`](crate::Event). In JSON a kind is `{"kind": "call_queued", "value": {…}}`.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case", remote = "Self")]
pub enum EventKind {
    /// A turn started: the agent's model is asked.
    TurnStarted {
        /// What the user, or the agent that delegated the conversation, has said since the last
        /// turn. The results of calls are not among it: [`CallEnded`](Self::CallEnded) has them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        messages: Vec<Message>,
    },
    /// A piece of the model's reply has arrived.
    Delta(Delta),
    /// The model has replied. What it said came as deltas; a [`Fold`](crate::model::Fold) collects
    /// them.
    TurnEnded {
        /// Why the reply ended.
        stop_reason: StopReason,
        /// How many tool calls the reply has.
        calls: usize,
        /// The usage of the reply. It includes earlier attempts that broke off; see
        /// [`Usage::broken_off`]. [`Usage::cost`] is what it cost.
        usage: Usage,
        /// The API's id of the reply; `None` if the API gives none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        response: Option<SharedText>,
        /// The model that wrote the reply; `None` if the API does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<SharedText>,
        /// The time from the start of the turn to the first piece of the reply. `None` if the reply
        /// was not streamed.
        #[serde(
            rename = "first_piece_ms",
            with = "optional_milliseconds",
            default,
            skip_serializing_if = "Option::is_none"
        )]
        first_piece: Option<Duration>,
    },
    /// A call of the reply gets another id, because the model's id was empty, already used, or one
    /// that the API refuses. This event comes before any event with the new id, also before the
    /// delta that begins the call ([`Delta::Block`], [`Delta::Complete`]). If blocks begin in
    /// another order than their indexes, the call may get a third id at the end of the reply. Then
    /// there is a second such event, whose `was` is the `id` of the first.
    IdReplaced {
        /// The name of the tool.
        tool: SharedText,
        /// The id that the model wrote.
        was: SharedText,
        /// The new id.
        id: SharedText,
    },
    /// A call of the reply is not made, because the reply was cut, refused or paused.
    CallNotMade {
        /// The id of the call.
        id: SharedText,
        /// The name of the tool.
        tool: SharedText,
        /// The reason, as the model reads it when the conversation goes on.
        why: SharedText,
    },
    /// The request to the model failed.
    TurnFailed {
        /// The reason.
        error: SharedText,
        /// The kind of the failure; `None` if the request was stopped: the run was cancelled, or
        /// its time is over.
        #[serde(rename = "error_kind", default, skip_serializing_if = "Option::is_none")]
        kind: Option<LlmErrorKind>,
        /// The usage, as far as the server reported it.
        usage: Usage,
    },
    /// A tool call has started.
    CallStarted {
        /// The id of the call.
        id: SharedText,
        /// The name of the tool.
        tool: SharedText,
        /// The input, as the model wrote it.
        input: Json,
    },
    /// A call of the reply makes a plan ([`Tool::input_is_plan`](crate::Tool::input_is_plan)), and
    /// the first of its steps may start now, while the model still writes the plan. The events of
    /// the steps follow. When the reply is whole, [`CallStarted`](Self::CallStarted) of this call
    /// follows, too. If the reply does not count, the call ends with [`CallEnded`](Self::CallEnded).
    PlanStarted {
        /// The id of the call.
        id: SharedText,
        /// The name of the tool.
        tool: SharedText,
    },
    /// The call that has just started could have started earlier, while the reply still streamed,
    /// if its tool were marked [`read_only`](crate::ToolSpec::read_only). This event is emitted
    /// only if the gain is at least 50 ms and nothing else prevents an early start.
    #[serde(alias = "started_late")]
    CallCouldStartEarlier {
        /// The id of the call.
        id: SharedText,
        /// The name of the tool.
        tool: SharedText,
        /// How much earlier it could have started.
        #[serde(rename = "by_ms", with = "milliseconds")]
        by: Duration,
    },
    /// A call that may have effects started early ([`Early::All`](crate::tool::Early)), but no
    /// message will mention it: the final reply does not make it, or the reply failed or was
    /// refused. The call is not stopped. The run waits until it has ended
    /// ([`CallEnded`](Self::CallEnded)).
    #[serde(alias = "call_not_recorded")]
    CallDiscarded {
        /// The id of the call.
        id: SharedText,
        /// The name of the tool.
        tool: SharedText,
    },
    /// A call timed out or was cancelled, but its function runs on the [blocking
    /// pool](crate::ToolSpec::blocking) and has not returned. The run waits until the function
    /// returns, and so do calls that take turns with this one. [`CallEnded`](Self::CallEnded) comes
    /// when the function returns, or when the run is [cancelled](crate::Cancel::all).
    CallGoesOn {
        /// The id of the call.
        id: SharedText,
        /// The name of the tool.
        tool: SharedText,
        /// Why the result of the call is not used, as the model reads it.
        why: SharedText,
    },
    /// A call waits for other calls to end. [`CallStarted`](Self::CallStarted) ends this, or
    /// [`CallEnded`](Self::CallEnded) if the call is stopped before.
    CallQueued {
        /// The id of the call.
        id: SharedText,
        /// The name of the tool.
        tool: SharedText,
        /// Why it waits.
        #[serde(default)]
        why: QueueReason,
    },
    /// A call reports progress with [`Context::progress`](crate::Context::progress).
    CallProgress {
        /// The id of the call.
        id: SharedText,
        /// The name of the tool.
        tool: SharedText,
        /// The report.
        text: SharedText,
        /// How many earlier reports of this call were dropped, because they were not read in time.
        /// Only [`Run::next`](crate::Run::next) and [`EventQueue`](crate::event::EventQueue) drop
        /// reports.
        dropped: u64,
    },
    /// A call has delegated a task to another agent, in a new conversation. The call ends when that
    /// conversation ends.
    Delegated {
        /// The id of the call.
        id: SharedText,
        /// The other agent.
        to: SharedText,
        /// The id of the other agent's conversation.
        conversation: SharedText,
    },
    /// A call is [detached](crate::ToolSpec::detach_after): it goes on, and its conversation goes on
    /// without it. [`CallEnded`](Self::CallEnded) comes when the model is told its result.
    CallDetached {
        /// The id of the call.
        id: SharedText,
        /// The name of the tool.
        tool: SharedText,
    },
    /// A call has its result. A call that was stopped before it began has no
    /// [`CallStarted`](Self::CallStarted).
    CallEnded {
        /// The id of the call.
        id: SharedText,
        /// The name of the tool.
        tool: SharedText,
        /// Whether the call failed.
        is_error: bool,
        /// The text of the result. A block that is not text appears as its type: `[image]`.
        result: SharedText,
    },
    /// A call waits until a person approves or denies it.
    CallWaiting {
        /// The id of the call.
        id: SharedText,
        /// The key for `approve` and `deny`, as in [`PendingApproval`](crate::conversation::PendingApproval).
        /// Empty in events that an earlier version wrote.
        #[serde(default)]
        key: SharedText,
        /// The question for the person.
        question: SharedText,
    },
    /// A call asks to transfer the conversation to another agent. The call ends when the transfer
    /// has succeeded or failed.
    TransferAsked {
        /// The id of the call.
        id: SharedText,
        /// The other agent.
        to: SharedText,
    },
    /// The conversation was transferred to this event's agent.
    Transferred {
        /// The agent that had the conversation before.
        from: SharedText,
    },
    /// The transfer of the conversation to this event's agent failed. The other agent keeps it.
    TransferFailed {
        /// The agent that keeps the conversation.
        from: SharedText,
        /// The reason.
        why: SharedText,
    },
    /// The conversation returned to this event's agent, because the other agent failed.
    CameBack {
        /// The agent that failed.
        from: SharedText,
        /// How it failed.
        why: SharedText,
    },
    /// The run, or a delegated conversation in it, has ended. [`End::Waiting`] is emitted once for
    /// the same calls: a later run that finds them still waiting, and has nothing else to do, does
    /// not emit it again.
    Ended(End),
    /// An event of a kind that this version does not know, read from JSON that a later version
    /// wrote.
    #[serde(skip)]
    Other {
        /// The kind.
        kind: String,
        /// The value, unchanged; `None` if there is none.
        value: Option<Json>,
    },
}

/// Why a call waits for other calls ([`EventKind::CallQueued`]).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueReason {
    /// As many calls run as may run in parallel ([`Limits::calls_at_once`](crate::Limits),
    /// [`Permits`](crate::tool::Permits)).
    #[default]
    Permit,
    /// It takes turns with a call of the same reply: one of them runs alone, runs first, or has the
    /// same key ([`ToolSpec::exclusive`](crate::ToolSpec::exclusive),
    /// [`exclusive_by`](crate::ToolSpec::exclusive_by)).
    Exclusive,
    /// A reason that this version does not know, read from JSON that a later version wrote.
    #[serde(other)]
    Other,
}

tagged!(EventKind);
