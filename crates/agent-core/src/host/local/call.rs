//! Makes tool calls.

use std::{
    convert::Infallible,
    future::{Future, ready},
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt, future::Either};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_util::sync::CancellationToken;

use super::{begun_plans::BegunPlans, budgets::Budgets, count::Count, task};
use crate::{
    Call, Context, Conversation, EventKind, Outcome, Permits, Receipt, Rules, RunError, Team, Tool, ToolSpec,
    event::{
        QueueReason,
        emitter::{Emitter, Origin},
        named,
    },
    tool::values::Values,
    tool_spec::permits::Scope,
};

/// Makes the tool calls of a run.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) team: Team,
    pub(super) emitter: Arc<Emitter>,
    /// What belongs to the run, for its tools.
    pub(super) values: Values,
    /// Limits the running calls of all conversations of the run.
    permits: Option<Permits>,
    pub(super) calls_made: Count,
    pub(super) begun_plans: BegunPlans,
    pub(super) requests_made: Count,
    pub(super) budgets: Arc<Budgets>,
    /// Cancelled when the host or the run is dropped.
    pub(super) cancel: Arc<CancellationToken>,
}

/// What a call holds while it runs. It may hold this after it has its result, because a call on the
/// blocking pool can't be stopped.
#[derive(Default)]
pub(super) struct Held {
    permits: [Option<OwnedSemaphorePermit>; 3],
    /// Dropped with it; see [`Busy`].
    _busy: Option<Busy>,
}

/// The other end learns when the call has really ended.
pub(super) type Busy = oneshot::Sender<Infallible>;

impl Caller {
    pub(super) fn new(team: Team, emitter: Emitter, values: Values, cancel: CancellationToken) -> Self {
        let (permits, budgets) = (team.limits().calls_at_once.map(Permits::new), Budgets::new(&team));
        Self {
            team,
            budgets: budgets.into(),
            emitter: emitter.into(),
            values,
            permits,
            calls_made: Count::default(),
            begun_plans: BegunPlans::default(),
            requests_made: Count::default(),
            cancel: cancel.into(),
        }
    }

    /// Checks that the agent of the conversation is in the team, and that the tools of the team
    /// have the values that they need.
    pub(super) fn check(&self, conversation: &Conversation) -> Result<(), RunError> {
        self.team.check_agent(conversation)?;
        Ok(self.team.check_values(&self.values)?)
    }

    /// Makes a call on its own task, once it has its permits. It never fails: errors are outcomes.
    pub(super) fn make<'a>(
        &'a self,
        call: &'a Arc<Call>,
        receipt: Receipt,
        busy: Option<Busy>,
        late: Option<Duration>,
    ) -> impl Future<Output = ()> + 'a {
        let made = move |held| {
            self.emit_start(call, late);
            self.make_with(Held { _busy: busy, ..held }, call, receipt)
        };
        match self.permits_now(call) {
            Some(held) => Either::Left(made(held)),
            // Boxed, because few calls wait.
            None => Either::Right(async move { made(self.permits(call).await).await }.boxed()),
        }
    }

    /// Emits the start of a call, and how much earlier it could have started if its tool were
    /// marked.
    pub(super) fn emit_start(&self, call: &Call, late: Option<Duration>) {
        self.emitter.emit(Origin::of(call), || EventKind::call_started(&call.call));
        if let Some(by) = late {
            self.emitter.emit(Origin::of(call), || {
                let (id, tool) = named(&call.call);
                EventKind::CallCouldStartEarlier { id, tool, by }
            });
        }
    }

    /// Whether equal calls of a turn share one execution.
    pub(super) fn shares(&self, call: &Call) -> bool {
        self.team.spec(&call.agent, &call.call.name).is_some_and(ToolSpec::may_share)
    }

    /// Whether a call may have had effects when it is stopped.
    pub(super) fn has_effects(&self, call: &Call) -> bool {
        self.team.spec(&call.agent, &call.call.name).is_some_and(|spec| !spec.read_only)
    }

    /// Makes a call that has its permits.
    pub(super) fn make_with(
        &self,
        held: Held,
        call: &Arc<Call>,
        receipt: Receipt,
    ) -> impl Future<Output = ()> + use<> {
        match self.admit(call) {
            Ok(tool) => Either::Left(self.run_tool(tool.clone(), call, receipt, held)),
            Err(refused) => {
                receipt.fill(refused);
                Either::Right(ready(()))
            }
        }
    }

    /// The tool of the call, if the call may be made. Counts the call, unless it is that of a plan
    /// and was counted when its first step started.
    fn admit(&self, call: &Call) -> Result<&Arc<dyn Tool>, Outcome> {
        let tool = self.team.tool(call)?;
        if !self.begun_plans.take_count(call) {
            self.count_call(call)?;
        }
        Ok(tool)
    }

    /// Counts a call. It fails if a limit or a budget does not allow the call. Against the limit an
    /// approved call has counted when it asked.
    pub(super) fn count_call(&self, call: &Call) -> Result<(), Outcome> {
        if !call.approved {
            let counted = self.calls_made.one_more(self.team.limits().calls);
            counted.map_err(Outcome::beyond_calls)?;
        }
        let paid = self.budgets.use_call(&call.conversation);
        paid.map_err(|exceeded| Outcome::beyond_budget(&exceeded))
    }

    /// Counts a request to a model. It fails if the limit is reached.
    pub(super) fn count_request(&self) -> Result<(), RunError> {
        let counted = self.requests_made.one_more(self.team.limits().requests);
        counted.map_err(|most| RunError::RequestLimit { most })
    }

    /// The permits of a call, if all are free. Usually they are.
    fn permits_now(&self, call: &Call) -> Option<Held> {
        let mut held = Held::default();
        for (place, permits) in self.bounds(call).into_iter().flatten().enumerate() {
            held.permits[place] = Some(permits.try_acquire()?);
        }
        Some(held)
    }

    /// Waits for the permits of a call. The order is usually: the tool's, the run's, then those
    /// that runs share, so that the most shared ones are held for the shortest time.
    pub(super) async fn permits(&self, call: &Call) -> Held {
        let (mut held, mut is_queued) = (Held::default(), false);
        for (place, permits) in self.bounds(call).into_iter().flatten().enumerate() {
            held.permits[place] = Some(match permits.try_acquire() {
                Some(permit) => permit,
                None => {
                    if !std::mem::replace(&mut is_queued, true) {
                        self.emitter.emit(Origin::of(call), || {
                            EventKind::call_queued(&call.call, QueueReason::Permit)
                        });
                    }
                    permits.acquire().await
                }
            });
        }
        held
    }

    /// The permits that a call needs, each once and in order.
    fn bounds(&self, call: &Call) -> [Option<&Permits>; 3] {
        let of_tool = self.team.spec(&call.agent, &call.call.name).and_then(|spec| spec.permits.as_ref());
        let of_all = self.team.limits().permits.as_ref();
        if of_tool.is_none() && of_all.is_none() {
            return [self.permits.as_ref(), None, None];
        }
        let bounds = [(of_tool, Scope::Tool), (self.permits.as_ref(), Scope::Run), (of_all, Scope::Process)];
        let mut bounds = bounds.map(|(permits, scope)| Some((permits?.place(scope), permits?)));
        bounds.sort_unstable_by_key(|bound| bound.map(|(place, _)| place));
        for at in 1..bounds.len() {
            // The same permits may be set in two places. A call must not wait for what it holds
            // itself.
            if bounds[at - 1].map(|(place, _)| place) == bounds[at].map(|(place, _)| place) {
                bounds[at - 1] = None;
            }
        }
        bounds.map(|bound| bound.map(|(_, permits)| permits))
    }

    /// Runs the tool until the call ends, or until the future is dropped.
    fn run_tool(
        &self,
        tool: Arc<dyn Tool>,
        call: &Arc<Call>,
        receipt: Receipt,
        held: Held,
    ) -> impl Future<Output = ()> + use<> {
        let spec = tool.spec();
        let (blocking, timeout) = (spec.blocking, spec.timeout);
        let context = Context {
            call: call.clone(),
            receipt: receipt.clone(),
            run: self.cancel.clone(),
            values: self.values.clone(),
            emitter: Some(self.emitter.clone()),
            payer: Some(self.budgets.clone()),
        };
        let work = async move {
            let (left, run) = (context.receipt.clone(), context.run.clone());
            let input = context.call.call.input.clone();
            let outcome = task::outcome(async { (*tool).call(input, context).await }).await;
            // A result that comes when it is no longer wanted, perhaps because of that, does not
            // count.
            if left.is_wanted() && !run.is_cancelled() {
                left.fill(outcome);
            }
            drop(held);
        };
        let (wanted, ended) = (receipt.wanted(), task::run(work, blocking));
        async move {
            // The result is wanted until this future is dropped or has timed out.
            let _wanted = wanted;
            match timeout {
                None => ended.await,
                Some(limit) => Box::pin(within(limit, ended, receipt)).await,
            }
        }
    }
}

async fn within(limit: Duration, ended: impl Future<Output = ()>, receipt: Receipt) {
    if tokio::time::timeout(limit, ended).await.is_err() {
        receipt.fill(Outcome::error(format!("timed out after {limit:?}")));
    }
}
