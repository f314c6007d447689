//! Pays for a request to a model that a call makes.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{
    FutureExt,
    future::{BoxFuture, pending},
};

use super::{
    ask_meter::{RecordReservation, no_prices},
    payer::{Payer, Settle},
    worst_case::{with_cost, worst_case},
};
use crate::{
    BudgetExceeded, Call, Chain, Change, EventKind, LlmError, LlmErrorKind, Request, Usage, UsageByAgent,
    event::{
        emitter::{Emitter, Origin},
        named,
    },
    model::request::meter::{MaxCost, Meter, Reservation, Settlement},
};

/// Pays for a request to a model that a call makes, and counts what it has used. It also counts if no
/// budget applies, because the conversation's usage has it.
#[derive(Clone)]
pub(super) struct CallMeter(Arc<Inner>);

struct Inner {
    /// The budgets, if any apply.
    accounts: Option<Arc<Chain>>,
    record: Option<Arc<RecordReservation>>,
    emitter: Arc<Emitter>,
    call: Arc<Call>,
    number: u32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What each attempt has used that has ended.
    used: Vec<Usage>,
    /// What is reserved for those that have not.
    reserved: Vec<Usage>,
    is_closed: bool,
}

impl State {
    /// All of it, as the usage of one request; `None` if nothing was sent.
    fn sum(&self) -> Option<Usage> {
        let mut all = self.used.iter().chain(&self.reserved);
        let mut sum = *all.next()?;
        for more in all {
            sum.broken_off.attempts += 1;
            sum += *more;
        }
        Some(sum)
    }
}

impl CallMeter {
    pub(super) fn new(
        accounts: Option<Arc<Chain>>,
        record: Option<Arc<RecordReservation>>,
        emitter: Arc<Emitter>,
        call: Arc<Call>,
        number: u32,
    ) -> Self {
        Self(Arc::new(Inner { accounts, record, emitter, call, number, state: Mutex::default() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pay(&self, request: &Request, max_cost: MaxCost<'_>) -> Result<Reservation, LlmError> {
        let Some(accounts) = &self.0.accounts else {
            let meter = self.clone();
            return Ok(Reservation::new(move |how| meter.count(&how)));
        };
        let worst = worst_case(request, None);
        let worst = match accounts.has_money_limit() {
            true => with_cost(worst, max_cost).ok_or_else(|| no_prices(&[self.agent()]))?,
            false => worst,
        };
        let mut wait = |exceeded: &BudgetExceeded| {
            let Inner { emitter, call, .. } = &*self.0;
            emitter.emit(Origin::of(call), || {
                let text = format!("waits, because requests under way have reserved the rest: {exceeded}");
                let (id, tool) = named(&call.call);
                EventKind::CallProgress { id, tool, text: text.into(), dropped: 0 }
            });
        };
        let settle = Payer::reserve(&**accounts, worst, false, &mut wait).await;
        let settle = settle.map_err(|exceeded| refused(&exceeded))?;
        self.state().reserved.push(worst);
        let meter = self.clone();
        // Made first, so that nothing stays reserved if this is dropped.
        let reservation = Reservation::new(move |how| meter.settle(settle, worst, &how));
        match self.record().await {
            Ok(()) => Ok(reservation),
            Err(error) => {
                reservation.settle(Settlement::Nothing);
                Err(error)
            }
        }
    }

    /// Saves what is reserved, before the request is sent.
    async fn record(&self) -> Result<(), LlmError> {
        let Inner { record: Some(record), call, number, .. } = &*self.0 else { return Ok(()) };
        let usage = self.state().sum().unwrap_or_default();
        let request = Some(format!("{}/{number}", call.call.id));
        let reserved = Change::Reserved { agent: self.agent(), usage, request };
        record((&*call.conversation).into(), reserved).await
    }

    /// An attempt has ended for which this much was reserved.
    fn settle(&self, settle: Settle, worst: Usage, how: &Settlement) {
        let used = match how {
            Settlement::Nothing => None,
            Settlement::Unknown => Some(worst),
            Settlement::NotCounted { output_tokens } => {
                Some(Usage { output_tokens: worst.output_tokens.min(*output_tokens), ..worst })
            }
            Settlement::Used(used) => Some(*used),
        };
        settle(used);
        let mut state = self.state();
        if !state.is_closed {
            if let Some(place) = state.reserved.iter().position(|reserved| *reserved == worst) {
                state.reserved.swap_remove(place);
            }
            state.used.extend(used);
        }
    }

    /// An attempt has ended, and no budget applies. Then only what the server has counted is known.
    fn count(&self, how: &Settlement) {
        let used = match how {
            Settlement::Nothing | Settlement::Unknown => return,
            Settlement::NotCounted { .. } => Usage::default(),
            Settlement::Used(used) => *used,
        };
        let mut state = self.state();
        if !state.is_closed {
            state.used.push(used);
        }
    }

    fn agent(&self) -> String {
        self.0.call.agent.to_string()
    }
}

impl Meter for CallMeter {
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
        self.pay(request, max_cost).boxed()
    }

    fn time_is_over(&self) -> BoxFuture<'static, LlmError> {
        let Some(accounts) = &self.0.accounts else { return pending().boxed() };
        Payer::time_is_over(&**accounts).map(|exceeded| refused(&exceeded)).boxed()
    }

    fn close(&self, usage: &mut UsageByAgent) {
        let mut state = self.state();
        if !std::mem::replace(&mut state.is_closed, true) {
            state.sum().into_iter().for_each(|sum| usage.add(&self.0.call.agent, sum));
        }
    }
}

impl fmt::Debug for CallMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallMeter").field("call", &self.0.call.call.id).finish_non_exhaustive()
    }
}

fn refused(exceeded: &BudgetExceeded) -> LlmError {
    LlmError::new(LlmErrorKind::Budget, exceeded.to_string())
}
