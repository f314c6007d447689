//! Pays for the requests of one turn.

use std::{
    slice,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};

use super::note::{LAST_ANSWER, add_note};
use super::payer::{Payer, Settle};
use super::worst_case::{Measured, with_cost, worst_case};
use crate::{
    BudgetExceeded, Change, Delta, EventKind, LlmError, LlmErrorKind, Notice, Request, Response, Usage,
    UsageByAgent,
    event::emitter::{Emitter, Origin},
    message::without_tool_blocks::without_tool_blocks,
    model::request::meter::{MaxCost, Meter, MeterOf, Reservation, Settlement},
};

/// Saves a reservation before the request is sent.
pub(super) type RecordReservation =
    dyn Fn(Arc<str>, Change) -> BoxFuture<'static, Result<(), LlmError>> + Send + Sync;

/// Pays for the requests of one turn from all budgets that apply. Usually there is one request. There
/// are more if a reply breaks off and is asked for again, or if a wrapper asks more than once.
#[derive(Clone)]
pub(super) struct AskMeter(Arc<Inner>);

struct Inner {
    payer: Arc<dyn Payer>,
    emitter: Arc<Emitter>,
    conversation: Arc<str>,
    depth: u32,
    agent: String,
    record: Option<Arc<RecordReservation>>,
    /// What the last request of this agent has shown.
    measured_before: Option<Measured>,
    /// The agents whose backends have no prices, if one is needed.
    unpriced: Vec<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many requests of this turn have ended, and what they have used.
    requests: u32,
    used: Usage,
    /// Whether a request ended of which nobody knows what it has used.
    is_guessed: bool,
    is_finished: bool,
    is_last_answer: bool,
    measured: Option<Measured>,
    exceeded: Option<BudgetExceeded>,
}

impl State {
    /// What the turn has used if one more request has used this.
    fn used_with(&self, more: Usage) -> Usage {
        let mut used = self.used;
        used.broken_off.attempts += u64::from(self.requests > 0);
        used += more;
        used
    }
}

impl AskMeter {
    pub(super) fn new(
        payer: Arc<dyn Payer>,
        emitter: Arc<Emitter>,
        origin: Origin<'_>,
        record: Option<Arc<RecordReservation>>,
        measured_before: Option<Measured>,
        unpriced: Vec<String>,
    ) -> Self {
        let (conversation, depth, agent) =
            (origin.conversation.clone(), origin.depth, origin.agent().to_owned());
        let state = Mutex::default();
        Self(Arc::new(Inner {
            payer,
            emitter,
            conversation,
            depth,
            agent,
            record,
            measured_before,
            unpriced,
            state,
        }))
    }

    pub(super) fn for_request(&self) -> MeterOf {
        MeterOf(Some(Arc::new(self.clone())))
    }

    pub(super) fn exceeded(&self) -> Option<BudgetExceeded> {
        self.state().exceeded.clone()
    }

    pub(super) fn measured(&self) -> Option<Measured> {
        self.state().measured
    }

    /// The reply has come. If it does not say what it has used, because it was stopped or the server
    /// counts no tokens, it gets what the turn may have used.
    pub(super) fn settled(&self, reply: Result<Response, LlmError>) -> Result<Response, LlmError> {
        let mut state = self.state();
        state.is_finished = true;
        match (state.is_guessed, reply) {
            (false, reply) => reply,
            (true, Ok(response)) => Ok(response.with_usage(state.used)),
            (true, Err(error)) => Err(error.costing(state.used)),
        }
    }

    /// The agent, and what the turn has used, if no reply has come.
    pub(super) fn unrecorded(&self) -> Option<(String, Usage)> {
        let state = self.state();
        let is_spent = !state.is_finished && state.requests > 0;
        is_spent.then(|| (self.0.agent.clone(), state.used.of_broken_off()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify(&self, notice: Notice) {
        let Inner { emitter, conversation, depth, agent, .. } = &*self.0;
        let origin = Origin::new(conversation, *depth, agent);
        emitter.emit(origin, || EventKind::Delta(Delta::Notice(notice)));
    }

    /// The most that a request can use.
    fn worst_case(&self, request: &Request, max_cost: MaxCost<'_>) -> Result<Usage, LlmError> {
        let worst = worst_case(request, self.0.measured_before);
        match self.0.payer.has_money_limit() {
            true => with_cost(worst, max_cost).ok_or_else(|| no_prices(slice::from_ref(&self.0.agent))),
            false => Ok(worst),
        }
    }

    async fn pay(&self, request: &mut Request, max_cost: MaxCost<'_>) -> Result<Reservation, LlmError> {
        if !self.0.unpriced.is_empty() {
            return Err(no_prices(&self.0.unpriced));
        }
        self.warn(request);
        let worst = self.worst_case(request, max_cost)?;
        let is_last = self.state().is_last_answer;
        let (worst, settle) = match self.reserve_amount(worst, is_last).await {
            Ok(settle) => (worst, settle),
            Err(exceeded) => self.pay_last_answer(request, max_cost, exceeded).await?,
        };
        self.record(request, worst, settle).await
    }

    async fn pay_again(&self, request: &Request, max_cost: MaxCost<'_>) -> Result<Reservation, LlmError> {
        let worst = self.worst_case(request, max_cost)?;
        let is_last = self.state().is_last_answer;
        let settle = self.reserve_amount(worst, is_last).await.map_err(|exceeded| self.refuse(exceeded))?;
        self.record(request, worst, settle).await
    }

    /// Records a reservation before the request is sent.
    async fn record(&self, request: &Request, worst: Usage, settle: Settle) -> Result<Reservation, LlmError> {
        let (meter, estimated) = (self.clone(), request.estimated_input_tokens());
        // Made first, so that nothing stays reserved if this is dropped.
        let reservation = Reservation::new(move |how| meter.settle(settle, worst, estimated, &how));
        if let Some(record) = &self.0.record {
            let agent = self.0.agent.clone();
            let usage = self.state().used_with(worst);
            let recorded =
                record(self.0.conversation.clone(), Change::Reserved { agent, usage, request: None }).await;
            if let Err(error) = recorded {
                reservation.settle(Settlement::Nothing);
                return Err(error);
            }
        }
        Ok(reservation)
    }

    async fn reserve_amount(&self, worst: Usage, is_last: bool) -> Result<Settle, BudgetExceeded> {
        let mut wait = |exceeded: &BudgetExceeded| {
            let reason = format!("requests under way have reserved the rest: {exceeded}");
            self.notify(Notice::Wait { wait: Duration::ZERO, reason });
        };
        self.0.payer.reserve(worst, is_last, &mut wait).await
    }

    /// Pays for a last answer, without tools, if a part of the budget is kept for it.
    async fn pay_last_answer(
        &self,
        request: &mut Request,
        max_cost: MaxCost<'_>,
        exceeded: BudgetExceeded,
    ) -> Result<(Usage, Settle), LlmError> {
        if !self.0.payer.keeps_for_answer(&exceeded.scope) || self.state().is_last_answer {
            return Err(self.refuse(exceeded));
        }
        let original = request.clone();
        request.tools = [].into();
        request.server_tools = [].into();
        request.extra.remove("tool_choice");
        request.previous_reply = None;
        without_tool_blocks(&mut request.messages);
        add_note(request, LAST_ANSWER);
        let worst = self.worst_case(request, max_cost)?;
        match self.reserve_amount(worst, true).await {
            Ok(settle) => {
                self.state().is_last_answer = true;
                self.notify(Notice::Budget { message: format!("{exceeded}; this is the last answer") });
                Ok((worst, settle))
            }
            Err(_) => {
                *request = original;
                Err(self.refuse(exceeded))
            }
        }
    }

    fn refuse(&self, exceeded: BudgetExceeded) -> LlmError {
        let error = LlmError::new(LlmErrorKind::Budget, exceeded.to_string());
        self.state().exceeded = Some(exceeded);
        error
    }

    /// Tells the model and the listener about budgets that are nearly used up.
    fn warn(&self, request: &mut Request) {
        for (message, is_new) in self.0.payer.warnings() {
            add_note(request, &format!("{message}. Come to an end soon."));
            if is_new {
                self.notify(Notice::Budget { message });
            }
        }
    }

    /// A request has ended.
    fn settle(&self, settle: Settle, worst: Usage, estimated: u64, how: &Settlement) {
        let used = match how {
            Settlement::Nothing => return settle(None),
            Settlement::Unknown => worst,
            Settlement::NotCounted { output_tokens } => {
                Usage { output_tokens: worst.output_tokens.min(*output_tokens), ..worst }
            }
            Settlement::Used(used) => *used,
        };
        settle(Some(used));
        let mut state = self.state();
        let is_known = matches!(how, Settlement::Used(_));
        state.is_guessed |= !is_known;
        state.used = state.used_with(used);
        state.requests += 1;
        if is_known && used.all_input_tokens() > 0 {
            state.measured = Some(Measured { estimated, counted: used.all_input_tokens() });
        }
    }
}

impl Meter for AskMeter {
    fn reserve<'a>(
        &'a self,
        request: &'a mut Request,
        max_cost: MaxCost<'a>,
    ) -> BoxFuture<'a, Result<Reservation, LlmError>> {
        self.pay(request, max_cost).boxed()
    }

    fn reserve_again<'a>(
        &'a self,
        request: &'a Request,
        max_cost: MaxCost<'a>,
    ) -> BoxFuture<'a, Result<Reservation, LlmError>> {
        self.pay_again(request, max_cost).boxed()
    }

    fn time_is_over(&self) -> BoxFuture<'static, LlmError> {
        let (meter, over) = (self.clone(), self.0.payer.time_is_over());
        over.map(move |exceeded| meter.refuse(exceeded)).boxed()
    }

    /// The turn's reply has the usage, and [`unrecorded`](Self::unrecorded) what no reply has.
    fn close(&self, _: &mut UsageByAgent) {}
}

pub(super) fn no_prices(agents: &[String]) -> LlmError {
    let message = format!(
        "a budget has a limit in dollars, but the prices of these agents' models are not known: {}. Wrap their \
         backends in `Priced`",
        agents.join(", ")
    );
    LlmError::new(LlmErrorKind::Configuration, message)
}
