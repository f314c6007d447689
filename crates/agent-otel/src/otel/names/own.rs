//! Names for what the conventions don't cover. They begin with `agent.`.

/// How a conversation ended: `answered`, `waiting`, `cut`, `refused`, `turn_limit`, `budget`,
/// `other`, or `unknown`.
pub(crate) const END: &str = "agent.end";

/// What a request cost, in US dollars. Also a metric.
pub(crate) const COST: &str = "agent.usage.cost";

/// How often a request was sent.
pub(crate) const ATTEMPTS: &str = "agent.request.attempts";

/// How long a request waited before it was sent: for a rate limiter, a free place or a budget.
pub(crate) const WAIT_GATE: &str = "agent.wait.gate_ms";

/// How long a request waited between a failed attempt and the next one.
pub(crate) const WAIT_RETRY: &str = "agent.wait.retry_ms";

/// How long a call waited for a permit.
pub(crate) const WAIT_PERMIT: &str = "agent.wait.permit_ms";

/// How long a call waited for a call that takes turns with it.
pub(crate) const WAIT_EXCLUSIVE: &str = "agent.wait.exclusive_ms";

/// How long a call waited for a person.
pub(crate) const WAIT_PERSON: &str = "agent.wait.person_ms";

/// What was waited for: `gate`, `retry`, `permit`, `exclusive` or `person`. An attribute of the
/// metric.
pub(crate) const WAIT_FOR: &str = "agent.wait.for";

/// The metric of all waits.
pub(crate) const WAIT_DURATION: &str = "agent.wait.duration";

/// The call started while its reply still streamed.
pub(crate) const EARLY: &str = "agent.call.early";

/// How much earlier the call could have started if its tool were `read_only`.
pub(crate) const COULD_START_EARLIER: &str = "agent.call.could_start_earlier_ms";

/// The call started early, but its reply does not count.
pub(crate) const DISCARDED: &str = "agent.call.discarded";

/// The call asked for a person, and has no result yet.
pub(crate) const WAITS: &str = "agent.call.waits_for_person";

/// Why something happened, in words.
pub(crate) const REASON: &str = "agent.reason";

/// The number of an attempt that failed.
pub(crate) const ATTEMPT: &str = "agent.attempt";

/// How long a wait was said to take, when it began.
pub(crate) const EXPECTED: &str = "agent.wait.expected_ms";

/// The agent that had the conversation before.
pub(crate) const FROM: &str = "agent.from";

/// The guard that changed something.
pub(crate) const GUARD: &str = "agent.guard.name";

/// The names of our span events.
pub(crate) mod event {
    pub(crate) const WAIT_GATE: &str = "agent.wait.gate";
    pub(crate) const WAIT_RETRY: &str = "agent.wait.retry";
    pub(crate) const WAIT_PERSON: &str = "agent.wait.person";
    pub(crate) const QUEUED: &str = "agent.call.queued";
    pub(crate) const NOT_MADE: &str = "agent.call.not_made";
    pub(crate) const NOT_STARTED: &str = "agent.call.ended_without_start";
    /// A call goes on in the background, without its conversation.
    pub(crate) const DETACHED: &str = "agent.call.detached";
    pub(crate) const GOES_ON: &str = "agent.call.goes_on";
    pub(crate) const RESTARTED: &str = "agent.reply.restarted";
    pub(crate) const INVALID_PARENT: &str = "agent.invalid_trace_parent";
    pub(crate) const TRANSFERRED: &str = "agent.transferred";
    pub(crate) const TRANSFER_FAILED: &str = "agent.transfer_failed";
    pub(crate) const CAME_BACK: &str = "agent.came_back";
    pub(crate) const OMITTED: &str = "agent.omitted";
    pub(crate) const COMPACTED: &str = "agent.compacted";
    pub(crate) const NOT_COMPACTED: &str = "agent.not_compacted";
    pub(crate) const ESTIMATED: &str = "agent.estimated";
    pub(crate) const GUARD: &str = "agent.guard";
    pub(crate) const BUDGET: &str = "agent.budget";
}
