//! The virtual object with the accounts of budgets: of a session and all that is delegated from it,
//! or of all sessions that share a budget. Restate handles its requests one after the other, so
//! requests that run in parallel on many machines can't overshoot a budget together.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use agent_core::budget::{BudgetExceeded, Spent};
use restate_sdk::{
    context::{
        ContextAwakeables, ContextReadState, ContextSideEffects, ContextWriteState, ObjectContext, RunFuture,
        SharedObjectContext,
    },
    errors::{HandlerResult, TerminalError},
    object,
    serde::Json,
};
use serde::{Deserialize, Serialize};

use crate::ledger::{Calls, EVERYBODY, Ledger, Need, Paid, Payee, is_within};

/// The name of the object. Its key is the id of the session, or [`shared_key`].
pub(crate) const ACCOUNTS: &str = "AgentBudget";

/// The key of the state.
const LEDGER: &str = "ledger";

/// The key of the object of a budget that all sessions share. No session has such an id.
pub(crate) fn shared_key(name: &str) -> String {
    format!("shared/{name}")
}

/// A request for some budgets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Of<T> {
    pub(crate) payees: Vec<Payee>,
    pub(crate) what: T,
}

/// Whether a request is paid for, and the time until the first of the budgets is over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PaidUntil {
    pub(crate) paid: Paid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) time_left: Option<(Duration, BudgetExceeded)>,
}

/// The end of a reservation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Settlement {
    pub(crate) name: String,
    pub(crate) used: Spent,
}

pub(crate) struct Accounts;

#[object(name = "AgentBudget")]
impl Accounts {
    /// A run begins.
    #[handler(ingress_private = true)]
    async fn open(&self, ctx: ObjectContext<'_>, Json(payees): Json<Vec<Payee>>) -> HandlerResult<Json<()>> {
        let (mut ledger, now) = (read(&ctx).await?, now(&ctx, &payees, false).await?);
        ledger.open(&payees, now);
        write(&ctx, ledger, true);
        Ok(Json(()))
    }

    /// The time of these budgets starts again.
    #[handler(ingress_private = true)]
    async fn restart_time(
        &self,
        ctx: ObjectContext<'_>,
        Json(payees): Json<Vec<Payee>>,
    ) -> HandlerResult<Json<()>> {
        let (mut ledger, now) = (read(&ctx).await?, now(&ctx, &payees, false).await?);
        ledger.restart_time(&payees, now);
        write(&ctx, ledger, false);
        Ok(Json(()))
    }

    /// Reserves what a request may use.
    #[handler(ingress_private = true)]
    async fn reserve(
        &self,
        ctx: ObjectContext<'_>,
        Json(Of { payees, what: need }): Json<Of<Need>>,
    ) -> HandlerResult<Json<PaidUntil>> {
        let (mut ledger, now) = (read(&ctx).await?, now(&ctx, &payees, need.at_most.is_some()).await?);
        ledger.enter(&payees, now);
        let paid = ledger.reserve(&payees, need, now);
        let time_left = ledger.time_left(&payees, now);
        write(&ctx, ledger, false);
        Ok(Json(PaidUntil { paid, time_left }))
    }

    /// A request has ended.
    #[handler(ingress_private = true)]
    async fn settle(
        &self,
        ctx: ObjectContext<'_>,
        Json(Settlement { name, used }): Json<Settlement>,
    ) -> HandlerResult<Json<()>> {
        let mut ledger = read(&ctx).await?;
        ledger.settle(&name, used);
        write(&ctx, ledger, true);
        Ok(Json(()))
    }

    /// A conversation was stopped from outside. What it has reserved counts as spent.
    #[handler(ingress_private = true)]
    async fn lose(
        &self,
        ctx: ObjectContext<'_>,
        Json(conversation): Json<String>,
    ) -> HandlerResult<Json<()>> {
        let mut ledger = read(&ctx).await?;
        ledger.lose(|one| is_within(&one.conversation, &conversation));
        write(&ctx, ledger, true);
        Ok(Json(()))
    }

    /// Counts calls. Returns how many may be made, and which budget does not allow the rest.
    #[handler(ingress_private = true)]
    async fn use_calls(
        &self,
        ctx: ObjectContext<'_>,
        Json(Of { payees, what: calls }): Json<Of<Calls>>,
    ) -> HandlerResult<Json<(u32, Option<BudgetExceeded>)>> {
        let (mut ledger, now) = (read(&ctx).await?, now(&ctx, &payees, false).await?);
        ledger.enter(&payees, now);
        let made = ledger.use_calls(&payees, &calls, now);
        write(&ctx, ledger, false);
        Ok(Json(made))
    }

    /// Returns what the model must know about these budgets.
    #[handler(ingress_private = true)]
    async fn warnings(
        &self,
        ctx: ObjectContext<'_>,
        Json(payees): Json<Vec<Payee>>,
    ) -> HandlerResult<Json<Vec<(String, bool)>>> {
        let mut ledger = read(&ctx).await?;
        let warnings = ledger.warnings(&payees);
        write(&ctx, ledger, false);
        Ok(Json(warnings))
    }

    /// Returns what was spent of a shared budget, and what is reserved. Nothing if it is not known.
    #[handler]
    async fn spent(&self, ctx: SharedObjectContext<'_>) -> HandlerResult<Json<Option<(Spent, Spent)>>> {
        let ledger = ctx.get::<Json<Ledger>>(LEDGER).await?.map(|Json(ledger)| ledger);
        let of_all = |ledger: Ledger| {
            let mut reserved = Spent::default();
            ledger.reserved.values().for_each(|one| reserved += one.amount);
            Some((*ledger.spent.get(EVERYBODY)?, reserved))
        };
        Ok(Json(ledger.and_then(of_all)))
    }

    /// Deletes the accounts.
    #[handler]
    async fn forget(&self, ctx: ObjectContext<'_>) -> HandlerResult<()> {
        let ledger = read(&ctx).await?;
        wake(&ctx, ledger);
        ctx.clear_all();
        Ok(())
    }
}

async fn read(ctx: &ObjectContext<'_>) -> Result<Ledger, TerminalError> {
    Ok(ctx.get::<Json<Ledger>>(LEDGER).await?.map(|Json(ledger)| ledger).unwrap_or_default())
}

/// Writes the ledger. If something was given back, those that wait are told.
fn write(ctx: &ObjectContext<'_>, mut ledger: Ledger, is_freed: bool) {
    if is_freed {
        ledger = wake(ctx, ledger);
    }
    ctx.set(LEDGER, Json(ledger));
}

fn wake(ctx: &ObjectContext<'_>, mut ledger: Ledger) -> Ledger {
    for awakeable in ledger.take_waiting() {
        ctx.resolve_awakeable(&awakeable, Json(()));
    }
    ledger
}

/// The time in milliseconds of the epoch, if it is needed.
async fn now(ctx: &ObjectContext<'_>, payees: &[Payee], is_needed: bool) -> Result<u64, TerminalError> {
    if !is_needed && payees.iter().all(|payee| payee.budget.time.is_none()) {
        return Ok(0);
    }
    let clock = || async {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        HandlerResult::Ok(u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
    };
    ctx.run(clock).name("now").await
}
