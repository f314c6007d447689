//! Asks a model whose requests are paid for from budgets.
//!
//! The model is asked on a [task](crate::paid_task) of this process. A step ends when the task
//! needs something to be paid for, or has ended. Between steps, the handler reserves it in the
//! [accounts](crate::accounts), and saves that it tells the task so. If another process goes on,
//! the task is gone, and what was told to it counts as spent: nobody knows what it has used.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use agent_core::{Cancel, Conversation, Usage, conversation::Failure, host::PaidReply};
use restate_sdk::{
    context::{ContextAwakeables, ContextTimers, DurableFuture, DurableFuturesUnordered, ObjectContext},
    errors::TerminalError,
    serde::Json,
};

use crate::{
    ask_model::{AskResult, Asked, can_end_the_run, too_slow, within},
    budgets::{Budgets, Reserved},
    desk::Terms,
    ledger::Paid,
    paid_task::PaidTask,
    process::SharedProcess,
    run_traces::Traced,
    step::session_step,
    stopped::CANCELLED,
    task_event::{Ended, Settled, TaskEvent, Told},
};

/// How long to wait before asking again, if what is waited for may be in this process.
const PAUSE: Duration = Duration::from_millis(200);

/// How long to wait before asking again, in case one that was told is gone.
const LONG_PAUSE: Duration = Duration::from_secs(60);

/// Asks the model of the speaking agent. The reply may have at most `limit` bytes.
pub(crate) async fn ask_paid(
    ctx: &ObjectContext<'_>,
    process: &SharedProcess,
    budgets: &Budgets,
    so_far: &Conversation,
    limit: usize,
) -> Result<Asked, TerminalError> {
    let terms = budgets.terms(ctx).await?;
    let mut asking = Asking {
        ctx,
        process,
        budgets,
        so_far: Arc::new(so_far.clone()),
        limit,
        terms,
        execution: fastrand::u64(..),
        cancel: Cancel::new(),
        task: Arc::default(),
        begun: Vec::new(),
        used: Vec::new(),
        trace: None,
    };
    let reply = asking.ask().await;
    let reply = match reply {
        Err(stopped) if stopped.code() == CANCELLED && process.keeps_partial_reply => {
            asking.keep_partial_reply(stopped).await
        }
        reply => reply,
    };
    asking.lose_all();
    let trace = asking.trace.take();
    // A call that starts early could use a budget that the reply needs.
    reply.map(|result| Asked { result, trace, made: Vec::new() })
}

/// A turn of a model.
struct Asking<'a, 'ctx> {
    ctx: &'a ObjectContext<'ctx>,
    process: &'a SharedProcess,
    budgets: &'a Budgets,
    so_far: Arc<Conversation>,
    limit: usize,
    terms: Terms,
    /// Another number in each execution of this code, also if only the process is another.
    execution: u64,
    cancel: Cancel,
    /// The task, if it is in this execution.
    task: Arc<OnceLock<PaidTask>>,
    /// What is paid for and has not ended.
    begun: Vec<Begun>,
    /// What was used so far. The reply of the task will say it, too.
    used: Vec<Usage>,
    /// The trace of the run, if it has begun with this turn.
    trace: Option<String>,
}

/// A request that is paid for. It may have been sent by the execution with this number.
struct Begun {
    name: String,
    worst: Usage,
    execution: u64,
}

impl<'ctx> Asking<'_, 'ctx> {
    async fn ask(&mut self) -> Result<AskResult, TerminalError> {
        loop {
            let Traced { result: Told { settled, event }, trace } = self.step().await?;
            if let Some(trace) = trace {
                // If this is a replay, the task that begins next belongs to it.
                self.process.traces.learn(self.so_far.id(), &trace);
                self.trace = Some(trace);
            }
            self.settle(settled);
            match event {
                TaskEvent::Needs { id, worst, is_last } => self.pay(id, worst, is_last).await?,
                TaskEvent::Gone(execution) => self.start_again(execution),
                TaskEvent::Ended(ended) => return Ok(self.end(*ended)),
                TaskEvent::TooSlow => {
                    let agent = self.so_far.speaker().to_owned();
                    return Ok(Ok(Err(Failure { agent, error: too_slow(self.process.step_timeout) })));
                }
            }
        }
    }

    /// What the task says next. A task that is gone is started again only if nothing was paid for,
    /// because then it has asked nobody.
    async fn step(&self) -> Result<Traced<Told>, TerminalError> {
        let (task, may_start, execution) = (self.task.clone(), self.begun.is_empty(), self.execution);
        let (start, step_timeout) = (self.start(), self.process.step_timeout);
        let (process, so_far) = (self.process.clone(), self.so_far.clone());
        let next = async move {
            if task.get().is_none() && !may_start {
                let gone = Told { settled: Vec::new(), event: TaskEvent::Gone(execution) };
                return Traced { result: gone, trace: None };
            }
            let next = task.get_or_init(start).next();
            let told = tokio::time::timeout(step_timeout, next).await;
            process.flush(so_far.id()).await;
            let result = told.unwrap_or(Told { settled: Vec::new(), event: TaskEvent::TooSlow });
            Traced { result, trace: process.traces.take_new(so_far.id()) }
        };
        session_step(self.ctx, &format!("ask {}", self.so_far.speaker()), next).await
    }

    /// Starts the task.
    fn start(&self) -> impl FnOnce() -> PaidTask + Send + 'static {
        let (process, so_far, limit) = (self.process.clone(), self.so_far.clone(), self.limit);
        let (terms, cancel) = (self.terms.clone(), self.cancel.clone());
        let measured = self.budgets.measured(so_far.speaker());
        move || {
            PaidTask::start(terms, move |payer| async move {
                match process.local.ask_paid_by(&so_far, payer, measured, &cancel).await {
                    Ok(PaidReply { reply, exceeded, measured, .. }) => {
                        Ended { reply: within(&so_far, reply, limit), exceeded, measured }
                    }
                    Err(error) => Ended { reply: Err(error.to_string()), exceeded: None, measured: None },
                }
            })
        }
    }

    /// Pays for a request, or waits a while, or refuses.
    async fn pay(&mut self, id: u64, worst: Usage, is_last: bool) -> Result<(), TerminalError> {
        let name = self.budgets.next_name(self.ctx);
        let (awakeable, freed) = self.ctx.awakeable::<Json<()>>();
        let reserved = self.budgets.reserve(self.ctx, &name, (&worst, is_last), &awakeable).await?;
        let Reserved { paid, time_left } = reserved;
        match paid {
            Paid::Yes => {
                let execution = self.execution;
                // From here on the request may be sent.
                let begin = session_step(self.ctx, "begin", async move { execution }).await;
                let execution = begin.inspect_err(|_| self.budgets.settle(self.ctx, &name, None))?;
                if let Some(task) = self.task.get() {
                    task.pay(id, &name, time_left);
                }
                self.begun.push(Begun { name, worst, execution });
            }
            Paid::NotYet(exceeded) => {
                if let Some(task) = self.task.get() {
                    task.wait(id, exceeded);
                }
                let time_left = time_left.map(|(left, _)| left);
                self.wait(Box::pin(freed.map_ok(|Json(())| ())), time_left).await?;
            }
            Paid::Never(exceeded) => {
                if let Some(task) = self.task.get() {
                    task.refuse(id, exceeded);
                }
            }
        }
        Ok(())
    }

    /// Waits until something may have been given back.
    async fn wait(&self, freed: Waiting<'ctx>, time_left: Option<Duration>) -> Result<(), TerminalError> {
        let mut waits = DurableFuturesUnordered::new();
        waits.push(freed);
        let pause = if self.begun.is_empty() { LONG_PAUSE } else { PAUSE };
        let pause = time_left.map_or(pause, |left| left.min(pause));
        waits.push(Box::pin(self.ctx.sleep(pause)) as Waiting<'ctx>);
        let waited = waits.next().await.and_then(|first| first.map_or(Ok(()), |(_, ended)| ended));
        // The next one that waits has its turn.
        waited.inspect_err(|_| self.budgets.stop(self.ctx, self.so_far.id()))
    }

    fn settle(&mut self, settled: Vec<Settled>) {
        for one in settled {
            self.begun.retain(|begun| begun.name != one.name);
            self.budgets.settle(self.ctx, &one.name, one.used.as_ref());
            self.used.extend(one.used);
        }
    }

    /// Another process goes on.
    fn start_again(&mut self, execution: u64) {
        // It was not told to the task that is gone, because this execution has said that it begins.
        if let Some(unused) = self.begun.pop_if(|last| last.execution == execution) {
            self.budgets.settle(self.ctx, &unused.name, None);
        }
        self.lose_all();
        self.task = Arc::default();
    }

    fn end(&mut self, ended: Ended) -> AskResult {
        if ended.reply.is_ok() {
            self.used.clear();
        }
        self.budgets.measure(self.so_far.speaker(), ended.measured);
        self.process.local.ran_out(self.so_far.id(), ended.exceeded);
        ended.reply
    }

    /// Counts as spent what was paid for and has not ended. What is in no reply is recorded.
    fn lose_all(&mut self) {
        for Begun { name, worst, .. } in std::mem::take(&mut self.begun) {
            self.budgets.settle(self.ctx, &name, Some(&worst));
            self.used.push(worst);
        }
        self.budgets.spend(self.so_far.speaker(), self.used.drain(..));
    }

    /// Ends a cancelled request, and keeps the part of the reply that has arrived. It is a step of
    /// its own, because a replay of the step before finds only that it was cancelled.
    async fn keep_partial_reply(&mut self, cancelled: TerminalError) -> Result<AskResult, TerminalError> {
        let (task, cancel, execution) = (self.task.clone(), self.cancel.clone(), self.execution);
        let shown = async move {
            // If another process has streamed the reply, there is nothing here.
            let Some(task) = task.get() else {
                return Told { settled: Vec::new(), event: TaskEvent::Gone(execution) };
            };
            cancel.all();
            task.end().await
        };
        let Told { settled, event } = session_step(self.ctx, "keep what was shown", shown).await?;
        self.settle(settled);
        match event {
            TaskEvent::Ended(ended) => match ended.reply {
                Ok(Ok(reply)) if can_end_the_run(&reply) => {
                    self.used.clear();
                    Ok(Ok(Ok(reply)))
                }
                _ => Err(cancelled),
            },
            _ => Err(cancelled),
        }
    }
}

/// Waits for something durable.
type Waiting<'ctx> = Pin<Box<dyn DurableFuture<Output = Result<(), TerminalError>> + Send + 'ctx>>;
