//! The host that runs a conversation on the engine.

use agent_core::{
    Conversation, End, Message, Outcome, Response, RunError, Team,
    conversation::{Call, Failure, ToolTurn, Work},
    host::Host,
    message::BlockKind,
    model::LlmErrorKind,
    tool::Done,
};
use restate_sdk::{context::ObjectContext, errors::TerminalError};
use tokio::sync::Mutex;

use crate::{
    allowance::Allowance,
    amount::Resource,
    ask_model::ask_model,
    ask_paid::ask_paid,
    budgets::Budgets,
    children::Children,
    early_results::EarlyResults,
    process::SharedProcess,
    running_work::{FinishedWork, Next, RunningWork, Scope},
    state::Writer,
    step::session_step,
    stopped::{CANCELLED, Stopped, UNKNOWN_AGENT},
};

/// Runs the turns of one conversation. Models are asked in this handler. Calls and delegations are
/// invocations of their own, all of one turn in parallel.
pub(crate) struct Engine<'a, 'ctx> {
    pub(crate) ctx: &'a ObjectContext<'ctx>,
    pub(crate) process: &'a SharedProcess,
    pub(crate) allowance: &'a Allowance,
    pub(crate) budgets: Budgets,
    pub(crate) writer: Writer,
    pub(crate) children: Children,
    pub(crate) early: EarlyResults,
    /// The work in progress. Detached calls stay in it when their turn is over.
    pub(crate) running: Mutex<RunningWork<'ctx>>,
}

impl Host for Engine<'_, '_> {
    type Error = Stopped;
    type Rules = Team;

    fn rules(&self) -> &Team {
        self.process.local.rules()
    }

    async fn ask(&self, so_far: &Conversation) -> Result<Result<Response, Failure>, Stopped> {
        self.rules().check_agent(so_far)?;
        self.allowance.request(self.ctx).await?;
        self.writer.keep_turn(self.ctx, so_far)?;
        // The reply is stored in a message, and its calls are stored again while they run. So only
        // a third of the room is left for it.
        let limit = self.writer.write(self.ctx, so_far)? / 3;
        let asked = match self.budgets.is_empty() {
            true => {
                let is_new_trace =
                    self.process.is_traced && so_far.depth() == 0 && self.writer.trace().is_none();
                let most_early = self.allowance.left(Resource::Calls);
                ask_model(self.ctx, self.process, so_far, limit, is_new_trace, most_early).await?
            }
            false => ask_paid(self.ctx, self.process, &self.budgets, so_far, limit).await?,
        };
        if let Some(trace) = &asked.trace {
            self.process.traces.learn(so_far.id(), trace);
        }
        self.writer.set_trace(asked.trace);
        self.early.set(asked.made);
        let reply = asked.result.map_err(TerminalError::new)?;
        if reply.as_ref().is_err_and(|failure| failure.error.kind == LlmErrorKind::NotAsked) {
            self.allowance.give_back_one(Resource::Requests);
        }
        Ok(reply)
    }

    async fn act(&self, turn: ToolTurn<'_>) -> Result<(), Stopped> {
        self.rules().check_agent(turn.conversation())?;
        // Results are stored until the last call of the turn has ended, and then again in the
        // message.
        let room = self.writer.write(self.ctx, turn.conversation())? / 2;
        Ok(self.do_in_parallel(turn, room).await?)
    }
}

impl<'ctx> Engine<'_, 'ctx> {
    /// Does the work of a turn in parallel. If the run is cancelled, the work is cancelled too.
    /// Finished work is recorded first, so it is not repeated. If only detached calls are left, it
    /// waits until one of them has ended.
    async fn do_in_parallel(&self, mut turn: ToolTurn<'_>, room: usize) -> Result<(), TerminalError> {
        // The results of all calls must fit in the room that is left, in any order.
        let limit = room / count_calls(turn.conversation().messages().last()).max(1);
        let scope = self.scope(turn.conversation());
        let mut running = self.running.lock().await;
        running.begin_turn();
        let waits_for = turn.is_for_detached().then(|| turn.conversation().detached_calls().count());
        let (mut stopped, mut more) = self.look(&mut turn, &mut running).await;
        self.wait_for_people(turn.conversation(), &mut running);
        loop {
            if turn.has_enough() {
                running.stop_all();
                more.drain(..).for_each(|work| drop(turn.record(work.id(), stopped_work(&work))));
            }
            let begun = self.begin(&mut turn, &mut running, std::mem::take(&mut more), limit).await;
            stopped = begun.and(stopped);
            let waits = waits_for == Some(turn.conversation().detached_calls().count()) && stopped.is_ok();
            match running.next(scope, waits).await {
                Ok(None) => {
                    running.tidy();
                    return stopped;
                }
                // The call stays open, for a process that can make it.
                Ok(Some(Next::Finished(FinishedWork { done: Err(error), .. })))
                    if error.code() == UNKNOWN_AGENT =>
                {
                    stopped = Err(error);
                }
                Ok(Some(next)) => {
                    let (told, next) = self.hear(&mut turn, &mut running, next).await;
                    stopped = told.and(stopped);
                    more.extend(next.into_iter().filter(|_| stopped.is_ok()));
                }
                Err(cancelled) => stopped = Err(cancelled),
            }
        }
    }

    pub(crate) fn scope(&self, conversation: &Conversation) -> Scope<'_, 'ctx> {
        Scope {
            ctx: self.ctx,
            rules: self.rules(),
            allowance: self.allowance,
            budgets: &self.budgets,
            call_limits: &self.process.call_limits,
            trace: self.writer.trace(),
            may_stop: conversation.may_end_early(),
        }
    }

    /// Starts this work. An error means that the run was cancelled.
    async fn begin(
        &self,
        turn: &mut ToolTurn<'_>,
        running: &mut RunningWork<'ctx>,
        work: Vec<Work>,
        limit: usize,
    ) -> Result<(), TerminalError> {
        let (work, mut result) = (self.begin_beside(turn, running, work), Ok(()));
        let scope = self.scope(turn.conversation());
        let (work, sharers) = running.take_sharers(scope, work);
        let refused = self.refused_calls(&work).await?;
        self.children.begin(self.ctx, work.iter().filter_map(child_of).collect());
        for (work, refused) in work.into_iter().zip(refused) {
            let (id, detaches) = (work.id().to_owned(), self.detaches(&work));
            if !turn.conversation().is_detached(&id) {
                result = self.tell_items(&work).await.and(result);
            }
            result = self.start(running, scope, work, limit, refused).await.and(result);
            if let Some(after) = detaches {
                result = self.detach_after(turn, running, &id, after).await.and(result);
            }
        }
        for call in sharers {
            result = self.tell_started(call.clone()).await.and(result);
            running.join(call);
        }
        result
    }

    /// Records what has happened. Returns what may start now.
    pub(crate) async fn hear(
        &self,
        turn: &mut ToolTurn<'_>,
        running: &mut RunningWork<'ctx>,
        next: Next,
    ) -> (Result<(), TerminalError>, Vec<Work>) {
        match next {
            Next::Finished(FinishedWork {
                call,
                done: Ok(done @ Done { outcome: Outcome::Control(control), .. }),
                ..
            }) => {
                // What the call itself has used.
                turn.record(&call.call.id, done);
                self.carry_out(turn, running, call, control).await
            }
            Next::Finished(finished) => {
                let waits = matches!(&finished.done, Ok(Done { outcome: Outcome::Wait { .. }, .. }));
                let recorded = self.record(turn, finished).await;
                match waits {
                    true => self.show_waiting(turn.conversation(), running),
                    false if running.has_waits() => self.wait_for_people(turn.conversation(), running),
                    false => {}
                }
                recorded
            }
            Next::Decided(decided) => self.decide(turn, decided).await,
            Next::Looked => (Ok(()), Vec::new()),
            Next::Detaches(call) => self.detach(turn, running, &call.call.id).await,
            Next::Waited(call, over) => {
                self.record_control(turn, call, Conversation::waited_for(&over, &[])).await
            }
        }
    }

    /// Records work that has ended. Returns what may start now. An error means that the run was
    /// cancelled.
    async fn record(
        &self,
        turn: &mut ToolTurn<'_>,
        FinishedWork { call, child, done, is_told }: FinishedWork,
    ) -> (Result<(), TerminalError>, Vec<Work>) {
        match (&child, &done) {
            (Some(child), Ok(_)) => self.children.ended(child),
            (Some(child), Err(_)) => self.budgets.stop(self.ctx, child),
            _ => {}
        }
        let (id, done) = (call.call.id.clone(), done.unwrap_or_else(stopped_call));
        if child.is_none() {
            self.budgets.spend_of_call(self.ctx, &done.usage);
        }
        let told = match is_told {
            true => Ok(()),
            false => self.tell_outcome(call, turn.admit(&id, done.outcome.clone())).await,
        };
        let next = turn.record(&id, done);
        if next.iter().any(|next| child_of(next).is_some()) {
            // So that others see the delegation. What does not fit is written at the end of the turn,
            // or is too large then.
            let _ = self.writer.write(self.ctx, turn.conversation());
        }
        (told, next)
    }

    /// Tells listeners the outcome of a call that nobody else tells: of one that delegated, or that
    /// was stopped. It is a step, because a replay must not tell it again.
    pub(crate) async fn tell_outcome(&self, call: Call, outcome: Outcome) -> Result<(), TerminalError> {
        let process = self.process.clone();
        let tell = async move { process.tell_outcome(call, &outcome).await };
        session_step(self.ctx, "tell the outcome", tell).await
    }

    /// Tells listeners that a call starts which shares the execution of another one. It is a step, as
    /// above.
    async fn tell_started(&self, call: Call) -> Result<(), TerminalError> {
        let process = self.process.clone();
        let tell = async move { process.tell_started(&call).await };
        session_step(self.ctx, "tell that it starts", tell).await
    }

    /// Tells listeners of a call for which no tool is called here: of a step of a plan that is made
    /// for each item of a list, and of a call that may be detached. It is a step, as above.
    async fn tell_items(&self, work: &Work) -> Result<(), TerminalError> {
        let Work::Delegate(delegation) = work else { return Ok(()) };
        let is_detachable = delegation.is_detachable() && self.detaches(work).is_some();
        let step = delegation.begins_items().or_else(|| is_detachable.then(|| delegation.as_call()));
        let Some(step) = step else { return Ok(()) };
        let process = self.process.clone();
        session_step(self.ctx, "tell the items", async move { process.tell_items(step).await }).await
    }
}

/// The id of the conversation that this work delegates to.
fn child_of(work: &Work) -> Option<String> {
    match work {
        Work::Call(_) => None,
        Work::Delegate(delegation) => Some(delegation.conversation.id().to_owned()),
    }
}

/// The number of calls in a reply.
fn count_calls(reply: Option<&Message>) -> usize {
    let blocks = reply.map(Message::content).unwrap_or_default();
    blocks.iter().filter(|block| matches!(block.kind(), BlockKind::ToolUse(_))).count()
}

/// The result of work that its plan did not need any more when it was to start.
fn stopped_work(work: &Work) -> Done {
    match work {
        Work::Call(_) => Outcome::error("cancelled").into(),
        Work::Delegate(delegation) => {
            let end = Ok(End::Other(RunError::WAS_CANCELLED.to_owned()));
            delegation.conversation.done(&end).expect("a conversation that ended so waits for nobody")
        }
    }
}

/// The result of a call whose invocation was stopped from outside.
pub(crate) fn stopped_call(error: TerminalError) -> Done {
    match error.code() {
        CANCELLED => Outcome::error("cancelled").into(),
        _ => Outcome::error(error.message()).into(),
    }
}
