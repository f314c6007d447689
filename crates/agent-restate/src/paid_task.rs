//! A request to a model that runs on its own task in this process, and whose budgets are elsewhere.
//! It says what it needs, and goes on when it was told that this is paid for.

use std::{sync::Arc, time::Duration};

use agent_core::{
    Usage,
    budget::{BudgetExceeded, Payer},
    host::Measured,
};
use serde::{Deserialize, Serialize};
use tokio::task::AbortHandle;

use crate::{
    ask_model::AskResult,
    desk::{Answer, Desk, DeskPayer, LastWord, Terms},
};

/// A task, and what it has said. It is aborted when this is dropped.
pub(crate) struct PaidTask {
    desk: Arc<Desk>,
    task: AbortHandle,
}

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

impl PaidTask {
    /// Starts the task. `ask` gets who pays.
    pub(crate) fn start<F>(terms: Terms, ask: impl FnOnce(Arc<dyn Payer>) -> F) -> Self
    where
        F: Future<Output = Ended> + Send + 'static,
    {
        let desk = Arc::new(Desk::new(terms));
        let (asked, last) = (ask(Arc::new(DeskPayer(desk.clone()))), LastWord(desk.clone()));
        let task = tokio::spawn(async move {
            last.0.end(asked.await);
            drop(last);
        });
        Self { desk, task: task.abort_handle() }
    }

    /// What the task says next.
    pub(crate) async fn next(&self) -> Told {
        self.desk.next().await
    }

    /// Waits for the end of the task. What it still needs is not paid for.
    pub(crate) async fn end(&self) -> Told {
        loop {
            let told = self.next().await;
            match told.event {
                TaskEvent::Needs { id, .. } => self.desk.forget(id),
                _ => return told,
            }
        }
    }

    /// The request is paid for, by a reservation with this name.
    pub(crate) fn pay(&self, id: u64, name: &str, time_left: Option<(Duration, BudgetExceeded)>) {
        self.desk.pay(id, name, time_left);
    }

    /// The request must wait.
    pub(crate) fn wait(&self, id: u64, exceeded: BudgetExceeded) {
        self.desk.answer(id, Answer::Waits(exceeded));
    }

    /// The request is not paid for.
    pub(crate) fn refuse(&self, id: u64, exceeded: BudgetExceeded) {
        self.desk.answer(id, Answer::Refused(exceeded));
    }
}

impl Drop for PaidTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}
