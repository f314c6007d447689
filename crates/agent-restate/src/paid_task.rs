//! A request to a model that runs on its own task in this process, and whose budgets are elsewhere.
//! It says what it needs, and goes on when it was told that this is paid for.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use agent_core::{
    Usage,
    budget::{BudgetExceeded, BudgetScope, Payer, Settle},
    host::Measured,
};
use futures::{
    FutureExt,
    future::{BoxFuture, pending},
};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Notify, mpsc, watch},
    task::AbortHandle,
    time::Instant,
};

use crate::ask_model::AskResult;

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
    Ended(Ended),
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

/// What the budgets are like.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) has_money_limit: bool,
    /// The conversation's own budgets that keep something for a last answer.
    pub(crate) keep_for_answer: Vec<BudgetScope>,
    pub(crate) warnings: Vec<(String, bool)>,
}

impl Terms {
    /// The warnings, none of them new.
    fn told_warnings(&self) -> Vec<(String, bool)> {
        self.warnings.iter().map(|(message, _)| (message.clone(), false)).collect()
    }
}

/// Where the task and the handler meet.
pub(crate) struct Desk {
    terms: Terms,
    state: Mutex<State>,
    changed: Notify,
    /// When the first budget of time is over.
    time: watch::Sender<Option<(Instant, BudgetExceeded)>>,
}

#[derive(Default)]
struct State {
    warnings: Vec<(String, bool)>,
    next: u64,
    needs: VecDeque<Asked>,
    settled: Vec<Settled>,
    ended: Option<Ended>,
}

/// A request that waits until it is paid for.
struct Asked {
    id: u64,
    worst: Usage,
    is_last: bool,
    answer: mpsc::UnboundedSender<Answer>,
}

enum Answer {
    Paid(Granted),
    Waits(BudgetExceeded),
    Refused(BudgetExceeded),
}

/// A reservation that nobody uses yet. When it is dropped, it is given back.
struct Granted {
    name: Option<String>,
    desk: Arc<Desk>,
}

impl PaidTask {
    /// Starts the task. `ask` gets who pays.
    pub(crate) fn start<F>(terms: Terms, ask: impl FnOnce(Arc<dyn Payer>) -> F) -> Self
    where
        F: Future<Output = Ended> + Send + 'static,
    {
        let state = State { warnings: terms.warnings.clone(), ..State::default() };
        let desk = Arc::new(Desk {
            terms,
            state: Mutex::new(state),
            changed: Notify::new(),
            time: watch::Sender::new(None),
        });
        let (asked, last) = (ask(Arc::new(DeskPayer(desk.clone()))), LastWord(desk.clone()));
        let task = tokio::spawn(async move {
            last.0.end(asked.await);
            drop(last);
        });
        Self { desk, task: task.abort_handle() }
    }

    /// What the task says next.
    pub(crate) async fn next(&self) -> Told {
        loop {
            let changed = self.desk.changed.notified();
            if let Some(told) = self.desk.tell() {
                return told;
            }
            changed.await;
        }
    }

    /// Waits for the end of the task. What it still needs is not paid for.
    pub(crate) async fn end(&self) -> Told {
        loop {
            let told = self.next().await;
            match told.event {
                TaskEvent::Needs { id, .. } => drop(self.desk.state().take(id)),
                _ => return told,
            }
        }
    }

    /// The request is paid for, by a reservation with this name.
    pub(crate) fn pay(&self, id: u64, name: &str, time_left: Option<(Duration, BudgetExceeded)>) {
        let time = time_left.map(|(left, exceeded)| (Instant::now() + left, exceeded));
        self.desk.time.send_replace(time);
        let granted = Granted { name: Some(name.to_owned()), desk: self.desk.clone() };
        self.answer(id, Answer::Paid(granted), true);
    }

    /// The request must wait.
    pub(crate) fn wait(&self, id: u64, exceeded: BudgetExceeded) {
        self.answer(id, Answer::Waits(exceeded), false);
    }

    /// The request is not paid for.
    pub(crate) fn refuse(&self, id: u64, exceeded: BudgetExceeded) {
        self.answer(id, Answer::Refused(exceeded), true);
    }

    fn answer(&self, id: u64, answer: Answer, is_final: bool) {
        let mut state = self.desk.state();
        let asked = match is_final {
            true => state.take(id).map(|asked| asked.answer),
            false => state.needs.iter().find(|asked| asked.id == id).map(|asked| asked.answer.clone()),
        };
        // What nobody takes is given back, which locks the state.
        drop(state);
        if let Some(asked) = asked {
            drop(asked.send(answer));
        }
    }
}

impl Drop for PaidTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) -> Option<Told> {
        let mut state = self.state();
        // Some do not wait any more.
        state.needs.retain(|asked| !asked.answer.is_closed());
        let event = match state.needs.front() {
            Some(&Asked { id, worst, is_last, .. }) => TaskEvent::Needs { id, worst, is_last },
            None => TaskEvent::Ended(state.ended.take()?),
        };
        Some(Told { settled: std::mem::take(&mut state.settled), event })
    }

    fn settle(&self, name: String, used: Option<Usage>) {
        self.state().settled.push(Settled { name, used });
    }

    fn end(&self, ended: Ended) {
        self.state().ended.get_or_insert(ended);
        self.changed.notify_one();
    }

    fn ask(&self, worst: Usage, is_last: bool) -> mpsc::UnboundedReceiver<Answer> {
        let (answer, answers) = mpsc::unbounded_channel();
        let mut state = self.state();
        let id = state.next;
        state.next += 1;
        state.needs.push_back(Asked { id, worst, is_last, answer });
        drop(state);
        self.changed.notify_one();
        answers
    }
}

impl State {
    fn take(&mut self, id: u64) -> Option<Asked> {
        let place = self.needs.iter().position(|asked| asked.id == id)?;
        self.needs.remove(place)
    }
}

impl Granted {
    fn take(mut self) -> Option<(String, Arc<Desk>)> {
        Some((self.name.take()?, self.desk.clone()))
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            self.desk.settle(name, None);
        }
    }
}

/// Makes sure that the task says something at last.
struct LastWord(Arc<Desk>);

impl Drop for LastWord {
    fn drop(&mut self) {
        let why = "the task that asked the model was stopped";
        self.0.end(Ended { reply: Err(why.to_owned()), exceeded: None, measured: None });
    }
}

struct DeskPayer(Arc<Desk>);

impl Payer for DeskPayer {
    fn has_money_limit(&self) -> bool {
        self.0.terms.has_money_limit
    }

    fn keeps_for_answer(&self, scope: &BudgetScope) -> bool {
        self.0.terms.keep_for_answer.contains(scope)
    }

    fn warnings(&self) -> Vec<(String, bool)> {
        std::mem::replace(&mut self.0.state().warnings, self.0.terms.told_warnings())
    }

    fn reserve<'a>(
        &'a self,
        worst: Usage,
        is_last: bool,
        on_wait: &'a mut (dyn FnMut(&BudgetExceeded) + Send),
    ) -> BoxFuture<'a, Result<Settle, BudgetExceeded>> {
        let mut answers = self.0.ask(worst, is_last);
        let reserve = async move {
            loop {
                match answers.recv().await {
                    // The task is cancelled.
                    None => pending().await,
                    Some(Answer::Waits(exceeded)) => on_wait(&exceeded),
                    Some(Answer::Refused(exceeded)) => return Err(exceeded),
                    Some(Answer::Paid(granted)) => {
                        let (name, desk) = granted.take().expect("it is new");
                        return Ok(Box::new(move |used| desk.settle(name, used)) as Settle);
                    }
                }
            }
        };
        reserve.boxed()
    }

    fn time_is_over(&self) -> BoxFuture<'static, BudgetExceeded> {
        let mut time = self.0.time.subscribe();
        let over = async move {
            let known = time.wait_for(Option::is_some).await.ok().and_then(|known| known.clone());
            match known {
                Some((at, exceeded)) => {
                    tokio::time::sleep_until(at).await;
                    exceeded
                }
                // Nobody can say it any more.
                None => pending().await,
            }
        };
        over.boxed()
    }
}
