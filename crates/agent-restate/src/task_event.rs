//! What a task that asks a model says, as the results of steps.

use agent_core::{Usage, budget::BudgetExceeded, host::Measured};
use serde::{Deserialize, Serialize};

use crate::ask_model::AskResult;

/// What was not told before.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Told {
    /// The requests that have ended.
    pub(crate) settled: Vec<Settled>,
    pub(crate) event: TaskEvent,
}

/// The end of a request, by the name of its reservation.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Settled {
    pub(crate) name: String,
    /// What it used; nothing if it was not sent or failed.
    pub(crate) used: Option<Usage>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum TaskEvent {
    /// A request needs this much before it is sent.
    Needs { id: u64, worst: Usage, is_last: bool },
    /// It has ended.
    Ended(Box<Ended>),
    /// It has said nothing for too long.
    TooSlow,
    /// The process that had the task is gone. The number is that of the execution that says so.
    Gone(u64),
}

/// The end of a task.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) reply: AskResult,
    /// Why a request was not paid for, if one was not.
    pub(crate) exceeded: Option<BudgetExceeded>,
    pub(crate) measured: Option<Measured>,
}
