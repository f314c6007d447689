//! How a task that asks a model and its handler talk to each other. The task says what it must pay
//! for. The handler pays from the budgets and answers.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use agent_core::{
    Usage,
    budget::{BudgetExceeded, BudgetScope},
    host::{Payer, Settle},
};
use futures::{
    FutureExt,
    future::{BoxFuture, pending},
};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::Instant,
};

use crate::task_event::{Ended, Settled, TaskEvent, Told};

/// What a task must know of the budgets before it asks a model.
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

/// What the task and its handler tell each other.
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

/// The answer to a request that waits until it is paid for.
pub(crate) enum Answer {
    Paid(Granted),
    Waits(BudgetExceeded),
    Refused(BudgetExceeded),
}

/// A reservation that nobody uses yet. When it is dropped, it is given back.
pub(crate) struct Granted {
    name: Option<String>,
    desk: Arc<Desk>,
}

impl Desk {
    pub(crate) fn new(terms: Terms) -> Self {
        let state = State { warnings: terms.warnings.clone(), ..State::default() };
        let (state, changed, time) = (Mutex::new(state), Notify::new(), watch::Sender::new(None));
        Self { terms, state, changed, time }
    }

    /// What the task says next.
    pub(crate) async fn next(&self) -> Told {
        loop {
            let changed = self.changed.notified();
            if let Some(told) = self.tell() {
                return told;
            }
            changed.await;
        }
    }

    /// The request is paid for, by a reservation with this name. If it does not wait for that any
    /// more, this is given back.
    pub(crate) fn pay(self: &Arc<Self>, id: u64, name: &str, time_left: Option<(Duration, BudgetExceeded)>) {
        let time = time_left.map(|(left, exceeded)| (Instant::now() + left, exceeded));
        self.time.send_replace(time);
        self.answer(id, Answer::Paid(Granted { name: Some(name.to_owned()), desk: self.clone() }));
    }

    pub(crate) fn answer(&self, id: u64, answer: Answer) {
        let asked = {
            let state = self.state();
            state.needs.iter().find(|asked| asked.id == id).map(|asked| asked.answer.clone())
        };
        if !matches!(answer, Answer::Waits(_)) {
            self.forget(id);
        }
        // What nobody takes is given back, which locks the state.
        if let Some(asked) = asked {
            drop(asked.send(answer));
        }
    }

    /// A request is not looked at any more.
    pub(crate) fn forget(&self, id: u64) {
        self.state().needs.retain(|asked| asked.id != id);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) -> Option<Told> {
        let mut state = self.state();
        // Some do not wait any more.
        state.needs.retain(|asked| !asked.answer.is_closed());
        let event = match state.needs.front() {
            Some(&Asked { id, worst, is_last, .. }) => TaskEvent::Needs { id, worst, is_last },
            None => TaskEvent::Ended(state.ended.take()?.into()),
        };
        Some(Told { settled: std::mem::take(&mut state.settled), event })
    }

    fn settle(&self, name: String, used: Option<Usage>) {
        self.state().settled.push(Settled { name, used });
    }

    /// The task has ended.
    pub(crate) fn end(&self, ended: Ended) {
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
pub(crate) struct LastWord(pub(crate) Arc<Desk>);

impl Drop for LastWord {
    fn drop(&mut self) {
        let why = "the task that asked the model was stopped";
        self.0.end(Ended { reply: Err(why.to_owned()), exceeded: None, measured: None });
    }
}

/// Who pays for the requests of the task.
pub(crate) struct DeskPayer(pub(crate) Arc<Desk>);

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
