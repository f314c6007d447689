//! The work that is in progress, and its time limits.

mod beside;
mod not_invoked;
mod started_work;
mod timed_out;
mod timers;
mod waiting;

use std::{collections::VecDeque, pin::Pin};

use agent_core::{
    Team,
    conversation::{Call, Work},
};
use restate_sdk::{
    context::{
        CallFuture, ContextClient, DurableFuture, DurableFuturesUnordered, InvocationHandle, ObjectContext,
        Request, RequestTarget,
    },
    errors::TerminalError,
    serde::Json,
};

use crate::{
    allowance::Allowance,
    answer::Answer,
    budgets::Budgets,
    call_limits::CallLimits,
    decision::Verdict,
    limited_call::handler_of,
    names::SESSION,
    run_traces::TRACE,
    tools::{Refused, ToolCallRequest},
    waits::Wait,
};
pub(crate) use started_work::FinishedWork;
use started_work::{StartedWork, TimeLimit};
pub(crate) use waiting::Decided;

/// The work that was started and is awaited: that of a turn, and that of detached calls, which goes
/// on when the turn is over.
pub(crate) struct RunningWork<'ctx> {
    started: Vec<StartedWork>,
    events: DurableFuturesUnordered<EventFuture<'ctx>>,
    /// For each awaited future, the index of the work that it belongs to.
    work_of_event: Vec<usize>,
    /// How many belong to the turn.
    open: usize,
    /// How many are detached.
    detached: usize,
    /// How many of the open ones are calls. A call can still become a delegation.
    calls: usize,
    /// The index of the first work of this turn.
    turn: usize,
    /// The ends that are known and not recorded yet, of calls without an invocation of their own.
    ended: VecDeque<FinishedWork>,
    /// The calls that wait for a person. A call may wait twice with the same key.
    waits: Vec<Wait>,
}

/// What starting work needs.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a, 'ctx> {
    pub(crate) ctx: &'a ObjectContext<'ctx>,
    pub(crate) rules: &'a Team,
    pub(crate) allowance: &'a Allowance,
    pub(crate) budgets: &'a Budgets,
    pub(crate) call_limits: &'a CallLimits,
    /// The trace of the run.
    pub(crate) trace: Option<&'a str>,
    /// Whether any work may have to be stopped.
    pub(crate) may_stop: bool,
}

type EventFuture<'ctx> = Pin<Box<dyn DurableFuture<Output = WorkEvent> + Send + 'ctx>>;

enum WorkEvent {
    Done(Result<Json<Answer>, TerminalError>),
    /// Its time is over, unless it waits for a person.
    Late,
    /// Whether it waits for a person. An error means that nobody could be asked.
    Waits(Result<bool, TerminalError>),
    /// It takes so long that it is detached.
    Detaches,
    /// It has waited as long as it may.
    WaitIsOver,
    Looked,
    /// There is a decision about the call with this awakeable: of a person, or of the timer.
    Decided(String, Result<Verdict, TerminalError>),
}

/// What comes next.
pub(crate) enum Next {
    Finished(FinishedWork),
    /// Everything that had ended before has come before this.
    Looked,
    /// This call is to be detached.
    Detaches(Call),
    /// This call has waited for detached calls, of which these are over.
    Waited(Call, Vec<String>),
    /// A person has decided about a call.
    Decided(Decided),
}

impl Default for RunningWork<'_> {
    fn default() -> Self {
        Self {
            started: Vec::new(),
            events: DurableFuturesUnordered::new(),
            work_of_event: Vec::new(),
            open: 0,
            detached: 0,
            calls: 0,
            turn: 0,
            ended: VecDeque::new(),
            waits: Vec::new(),
        }
    }
}

impl<'ctx> RunningWork<'ctx> {
    /// Starts some work. Its result may have at most `limit` bytes. A call that is `refused` is not
    /// made. An error means that the run was cancelled
    /// meanwhile. The work is in progress all the same.
    pub(crate) async fn start(
        &mut self,
        scope: Scope<'_, 'ctx>,
        work: Work,
        limit: usize,
        refused: Option<Refused>,
    ) -> Result<(), TerminalError> {
        match work {
            Work::Call(call) => {
                let mut request = ToolCallRequest::new(call.clone(), limit, refused);
                if !request.is_refused() {
                    request.permits = scope.call_limits.needed(&call, || scope.allowance.run(scope.ctx));
                }
                self.calls += 1;
                let called = scope.with_trace(scope.ctx.request(handler_of(&request), Json(request))).call();
                let started = StartedWork { shares: scope.shares(&call), ..StartedWork::new(call) };
                self.add(scope, started, scope.may_stop, called).await
            }
            Work::Delegate(delegation) => {
                let (call, may_stop) = (delegation.as_call(), delegation.is_detachable() || scope.may_stop);
                let conversation = delegation.conversation;
                let (id, limits) = (conversation.id().to_owned(), conversation.delegation_limits().clone());
                let target = RequestTarget::object(SESSION, id.as_str(), "delegated");
                let (name, handed) = scope.allowance.hand_down(scope.ctx, self.calls);
                let request = scope.ctx.request(target, Json(conversation)).header(name, handed);
                let budgets = scope.budgets.hand_down().into_iter();
                let request = budgets.fold(request, |request, (name, value)| request.header(name, value));
                let called = scope.with_trace(request).call();
                let both = limits.timeout.zip(limits.time_left);
                let time = both.map(|(limit, left)| TimeLimit { limit, left, is_over: false });
                let started = StartedWork { child: Some(id), time, ..StartedWork::new(call) };
                self.add(scope, started, may_stop, called).await
            }
        }
    }

    /// Adds work that was started, and waits for it from now on.
    async fn add(
        &mut self,
        scope: Scope<'_, 'ctx>,
        mut started: StartedWork,
        may_stop: bool,
        called: impl CallFuture<Response = Json<Answer>> + Send + 'ctx,
    ) -> Result<(), TerminalError> {
        let (place, mut result) = (self.started.len(), Ok(()));
        if started.time.is_some() || may_stop {
            let handle = called.invocation_handle().await;
            result = handle.map(|handle| started.invocation = Some(handle));
        }
        self.started.push(started);
        self.wait_for(place, Box::pin(called.map(WorkEvent::Done)));
        self.open += 1;
        self.start_timer(scope.ctx, place);
        result
    }

    /// What comes next. `None` if all work of the turn has ended, and all detached calls too if it
    /// `waits` for them. An error means that the run was cancelled.
    pub(crate) async fn next(
        &mut self,
        scope: Scope<'_, 'ctx>,
        waits: bool,
    ) -> Result<Option<Next>, TerminalError> {
        if let Some(next) = self.waited().or_else(|| self.next_ended()) {
            return Ok(Some(next));
        }
        while self.open > 0 || (waits && self.detached > 0) {
            let Some((place, event)) = self.events.next().await? else { return Ok(None) };
            let place = self.work_of_event[place];
            match event {
                WorkEvent::Decided(awakeable, verdict) => {
                    if let Some(decided) = self.decided(scope.ctx, &awakeable, verdict) {
                        return Ok(Some(Next::Decided(decided)));
                    }
                }
                WorkEvent::Done(done) => return Ok(Some(Next::Finished(self.finish(scope, place, done)))),
                WorkEvent::Looked => {
                    self.open -= 1;
                    return Ok(Some(Next::Looked));
                }
                _ if self.started[place].is_done => {}
                WorkEvent::Late => self.ask_whether_it_waits(scope.ctx, place),
                // The time in which it waits for a person does not count.
                WorkEvent::Waits(Ok(true)) => self.start_timer(scope.ctx, place),
                WorkEvent::Waits(_) => self.stop(place),
                WorkEvent::Detaches => return Ok(Some(Next::Detaches(self.started[place].call.clone()))),
                WorkEvent::WaitIsOver => return Ok(Some(self.end_wait(place, Vec::new()))),
            }
        }
        Ok(None)
    }

    fn wait_for(&mut self, place: usize, what: EventFuture<'ctx>) {
        self.work_of_event.push(place);
        self.events.push(what);
    }

    /// Stops all work that still runs. Its ends come as results.
    pub(crate) fn stop_all(&mut self) {
        for started in self.started.iter().filter(|started| !started.is_done) {
            started.invocation.iter().for_each(InvocationHandle::cancel);
        }
    }

    fn finish(
        &mut self,
        scope: Scope<'_, 'ctx>,
        place: usize,
        answer: Result<Json<Answer>, TerminalError>,
    ) -> FinishedWork {
        let started = &mut self.started[place];
        started.is_done = true;
        match started.is_detached {
            true => self.detached -= 1,
            false => self.open -= 1,
        }
        let (done, back) = match answer {
            Ok(Json(answer)) => {
                let back = answer.back;
                (Ok(answer.done()), back)
            }
            Err(error) => (Err(error), None),
        };
        match started.child {
            Some(_) => scope.allowance.take_back(back),
            None => self.calls -= 1,
        }
        let done = match started.time.as_ref().filter(|time| time.is_over) {
            Some(TimeLimit { limit, .. }) => timed_out::as_timed_out(done, *limit),
            None => done,
        };
        self.share(place, &done);
        let started = &self.started[place];
        let (call, child) = (started.call.clone(), started.child.clone());
        FinishedWork { is_told: child.is_none() && done.is_ok(), call, child, done }
    }
}

impl<'ctx> Scope<'_, 'ctx> {
    /// A request that says to which trace it belongs.
    fn with_trace<Req, Res>(&self, request: Request<'ctx, Req, Res>) -> Request<'ctx, Req, Res> {
        match self.trace {
            Some(trace) => request.header(TRACE.to_owned(), trace.to_owned()),
            None => request,
        }
    }
}
