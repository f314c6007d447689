//! A piece of work that was started, and how it has ended.

use std::time::Duration;

use agent_core::{conversation::Call, tool::Done};
use restate_sdk::{context::InvocationHandle, errors::TerminalError};

/// A piece of work that was started.
pub(super) struct StartedWork {
    pub(super) call: Call,
    /// The id of the conversation that it delegates to.
    pub(super) child: Option<String>,
    pub(super) time: Option<TimeLimit>,
    /// What stops it, if it may have to be stopped.
    pub(super) invocation: Option<InvocationHandle>,
    /// The calls that it waits for, if it only waits.
    pub(super) waits_for: Option<Vec<String>>,
    /// Whether equal calls of the turn share its execution.
    pub(super) shares: bool,
    /// Those that wait for its result.
    pub(super) sharers: Vec<Call>,
    /// Its result, for equal calls that begin later in the turn.
    pub(super) result: Option<Done>,
    pub(super) is_detached: bool,
    pub(super) is_done: bool,
}

/// The time limit of a delegation.
pub(super) struct TimeLimit {
    pub(super) limit: Duration,
    pub(super) left: Duration,
    pub(super) is_over: bool,
}

/// Work that has ended.
pub(crate) struct FinishedWork {
    pub(crate) call: Call,
    pub(crate) child: Option<String>,
    pub(crate) done: Result<Done, TerminalError>,
    /// Whether the process that made the call has told how it ended.
    pub(crate) is_told: bool,
}

impl StartedWork {
    pub(super) fn new(call: Call) -> Self {
        let (child, time, invocation, waits_for, result) = (None, None, None, None, None);
        let (shares, is_detached, is_done, sharers) = (false, false, false, Vec::new());
        Self { call, child, time, invocation, waits_for, shares, sharers, result, is_detached, is_done }
    }
}
