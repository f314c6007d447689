//! A request to a model that runs on its own task in this process, and whose budgets are elsewhere.
//! It says what it needs, and goes on when it was told that this is paid for.

use std::{sync::Arc, time::Duration};

use agent_core::{budget::BudgetExceeded, host::Payer};
use tokio::task::AbortHandle;

use crate::{
    desk::{Answer, Desk, DeskPayer, LastWord, Terms},
    task_event::{Ended, TaskEvent, Told},
};

/// A task, and what it has said. It is aborted when this is dropped.
pub(crate) struct PaidTask {
    desk: Arc<Desk>,
    task: AbortHandle,
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
