//! Starts steps of plans while the model still writes the plan.

use std::{future::Future, pin::pin, sync::Arc};

use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, Either, select},
    stream::FuturesUnordered,
};

use super::LocalHost;
use crate::{
    Call, Conversation, Outcome, Rules, ToolCall, ToolSpec,
    conversation::{PlanBeginning, Starting, StepReader},
    host::cancel::Stop,
};

/// The plans of a reply that streams. A step starts when the model has moved on from it, and when
/// the steps that it needs have ended. The conversation of the plan, which begins when the reply is
/// whole, takes over the calls that run.
pub(super) struct EarlyPlans<'a> {
    host: &'a LocalHost,
    plans: Vec<EarlyPlan>,
    running: FuturesUnordered<BoxFuture<'static, EndedStep>>,
}

struct EarlyPlan {
    /// The index of the block of the call.
    index: usize,
    call: Arc<Call>,
    reader: StepReader,
    beginning: PlanBeginning,
    /// What stops it, since its first step has started.
    started: Option<Stop>,
}

struct EndedStep {
    /// The number of the plan.
    plan: usize,
    call: Arc<Call>,
    outcome: Outcome,
}

impl LocalHost {
    /// Whether steps of a plan that this call makes may start while the model writes it. `place` is
    /// the place of the call in the reply.
    pub(super) fn may_start_steps(&self, so_far: &Conversation, call: &ToolCall, place: usize) -> bool {
        let (team, agent) = (&self.caller.team, so_far.speaker());
        // Foreign code is asked last.
        team.spec(agent, &call.name).is_some_and(ToolSpec::may_plan_early)
            && !team.limits().is_beyond(place)
            && !self.caller.budgets.saves_reservations(so_far.id())
            && team
                .agent(agent)
                .and_then(|agent| agent.tool(&call.name))
                .is_some_and(|tool| tool.input_is_plan())
    }
}

impl<'a> EarlyPlans<'a> {
    pub(super) fn new(host: &'a LocalHost) -> Self {
        Self { host, plans: Vec::new(), running: FuturesUnordered::new() }
    }

    /// A call begins that makes a plan.
    pub(super) fn begin(&mut self, so_far: &Conversation, index: usize, call: Call) {
        let caller = &self.host.caller;
        if let Some(beginning) = so_far.plan_beginning(&call.call.id, &caller.team) {
            caller.budgets.enter_unguarded(beginning.conversation(), caller.team.limits());
            let (call, reader) = (Arc::new(call), StepReader::default());
            self.host.caller.begun_plans.add(call.clone());
            self.plans.push(EarlyPlan { index, call, reader, beginning, started: None });
        }
    }

    /// Whether the call with this id is one of them.
    pub(super) fn has(&self, id: &str) -> bool {
        self.plans.iter().any(|plan| plan.call.call.id == id)
    }

    /// More text of the input of a call has come.
    pub(super) fn read(&mut self, index: usize, piece: &str) {
        let Some((number, plan)) = self.plans.iter_mut().enumerate().next_back() else { return };
        if plan.index != index {
            return;
        }
        let steps = plan.reader.read(piece);
        if !steps.is_empty() {
            for step in steps {
                if !plan.beginning.add(step, &self.host.caller.team) {
                    plan.reader.stop();
                    break;
                }
            }
            self.start(number);
        }
    }

    /// Awaits the future. Meanwhile steps start whose needs have ended.
    pub(super) async fn beside<F: Future>(&mut self, next: F) -> F::Output {
        let mut next = pin!(next);
        loop {
            if self.running.is_empty() {
                return next.await;
            }
            match select(self.running.next(), next.as_mut()).await {
                Either::Left((ended, _)) => ended.into_iter().for_each(|ended| self.record(ended)),
                Either::Right((next, _)) => return next,
            }
        }
    }

    fn record(&mut self, EndedStep { plan, call, outcome }: EndedStep) {
        self.plans[plan].beginning.record(&call, outcome, &self.host.caller.team);
        self.start(plan);
    }

    /// Starts the steps of a plan that can start now.
    fn start(&mut self, number: usize) {
        let (host, plan) = (self.host, &mut self.plans[number]);
        let Starting { items, calls } =
            plan.beginning.start(&host.caller.team, ToolSpec::starts_early_in_plan);
        if calls.is_empty() && items.is_empty() {
            return;
        }
        plan.started = plan.started.take().or_else(|| host.begin_plan(&plan.call));
        if plan.started.as_ref().is_none_or(Stop::is_stopped) {
            return plan.reader.stop();
        }
        for step in items {
            host.caller.budgets.enter_unguarded(&step.conversation, host.caller.team.limits());
            host.begin_items_early(&plan.call, &step);
        }
        for call in calls.into_iter().map(Arc::new) {
            if let Some(running) = host.started.start(&host.caller, host.cancel.get(), call.clone()) {
                let ended = running.ended_with();
                let ended = ended.map(move |outcome| EndedStep { plan: number, call, outcome });
                self.running.push(ended.boxed());
            }
        }
    }
}
