//! The virtual object with the accounts of budgets: of a session and all that is delegated from it,
//! or of all sessions that share a budget. Restate handles its requests one after the other, so
//! requests that run in parallel on many machines can't overshoot a budget together.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use agent_core::budget::{Balance, BudgetExceeded, Spent};
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

use crate::ledger::{Account, Calls, Ledger, Need, Paid};

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
    pub(crate) accounts: Vec<Account>,
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

/// What a call of a conversation has used.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Spending {
    pub(crate) conversation: String,
    pub(crate) used: Spent,
}

pub(crate) struct Accounts;

#[object(name = "AgentBudget")]
impl Accounts {
    /// A run begins.
    #[handler(ingress_private = true)]
    async fn open(
        &self,
        ctx: ObjectContext<'_>,
        Json(accounts): Json<Vec<Account>>,
    ) -> HandlerResult<Json<()>> {
        let (mut ledger, now) = (read(&ctx).await?, now(&ctx, &accounts, false).await?);
        ledger.open(&accounts, now);
        write(&ctx, ledger, true);
        Ok(Json(()))
    }

    /// The time of these budgets starts again.
    #[handler(ingress_private = true)]
    async fn restart_time(
        &self,
        ctx: ObjectContext<'_>,
        Json(accounts): Json<Vec<Account>>,
    ) -> HandlerResult<Json<()>> {
        let (mut ledger, now) = (read(&ctx).await?, now(&ctx, &accounts, false).await?);
        ledger.restart_time(&accounts, now);
        write(&ctx, ledger, false);
        Ok(Json(()))
    }

    /// Reserves what a request may use.
    #[handler(ingress_private = true)]
    async fn reserve(
        &self,
        ctx: ObjectContext<'_>,
        Json(Of { accounts, what: need }): Json<Of<Need>>,
    ) -> HandlerResult<Json<PaidUntil>> {
        let (mut ledger, now) = (read(&ctx).await?, now(&ctx, &accounts, need.at_most.is_some()).await?);
        ledger.enter(&accounts, now);
        let paid = ledger.reserve(&accounts, need, now);
        let time_left = ledger.time_left(&accounts, now);
        let is_free = !matches!(paid, Paid::NotYet(_));
        write(&ctx, ledger, is_free);
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

    /// A call has used this, and nothing was reserved for it.
    #[handler(ingress_private = true)]
    async fn spend(
        &self,
        ctx: ObjectContext<'_>,
        Json(Of { accounts, what: spending }): Json<Of<Spending>>,
    ) -> HandlerResult<Json<()>> {
        let (mut ledger, now) = (read(&ctx).await?, now(&ctx, &accounts, false).await?);
        ledger.enter(&accounts, now);
        ledger.spend(&spending.conversation, spending.used);
        write(&ctx, ledger, false);
        Ok(Json(()))
    }

    /// A conversation was stopped from outside. What it has reserved counts as spent.
    #[handler(ingress_private = true)]
    async fn stop(
        &self,
        ctx: ObjectContext<'_>,
        Json(conversation): Json<String>,
    ) -> HandlerResult<Json<()>> {
        let mut ledger = read(&ctx).await?;
        ledger.stop(&conversation);
        write(&ctx, ledger, true);
        Ok(Json(()))
    }

    /// A delegated conversation has ended, and its own budget with it.
    #[handler(ingress_private = true)]
    async fn close(&self, ctx: ObjectContext<'_>, Json(account): Json<Account>) -> HandlerResult<Json<()>> {
        let mut ledger = read(&ctx).await?;
        ledger.close(&account);
        write(&ctx, ledger, false);
        Ok(Json(()))
    }

    /// Counts calls. Returns how many may be made, and which budget does not allow the rest.
    #[handler(ingress_private = true)]
    async fn use_calls(
        &self,
        ctx: ObjectContext<'_>,
        Json(Of { accounts, what: calls }): Json<Of<Calls>>,
    ) -> HandlerResult<Json<(u32, Option<BudgetExceeded>)>> {
        let (mut ledger, now) = (read(&ctx).await?, now(&ctx, &accounts, false).await?);
        ledger.enter(&accounts, now);
        let made = ledger.use_calls(&accounts, &calls, now);
        write(&ctx, ledger, false);
        Ok(Json(made))
    }

    /// Returns what the model must know about these budgets.
    #[handler(ingress_private = true)]
    async fn warnings(
        &self,
        ctx: ObjectContext<'_>,
        Json(accounts): Json<Vec<Account>>,
    ) -> HandlerResult<Json<Vec<(String, bool)>>> {
        let mut ledger = read(&ctx).await?;
        let warnings = ledger.warnings(&accounts);
        write(&ctx, ledger, false);
        Ok(Json(warnings))
    }

    /// Returns what was spent of a shared budget, and what is reserved. Nothing if it is not known.
    #[handler]
    async fn balance(&self, ctx: SharedObjectContext<'_>) -> HandlerResult<Json<Option<Balance>>> {
        let ledger = ctx.get::<Json<Ledger>>(LEDGER).await?;
        Ok(Json(ledger.and_then(|Json(ledger)| ledger.balance_of_everybody())))
    }

    /// Deletes the accounts.
    #[handler]
    async fn forget(&self, ctx: ObjectContext<'_>) -> HandlerResult<()> {
        let mut ledger = read(&ctx).await?;
        while let Some(awakeable) = ledger.next_waiting() {
            ctx.resolve_awakeable(&awakeable, Json(()));
        }
        ctx.clear_all();
        Ok(())
    }
}

async fn read(ctx: &ObjectContext<'_>) -> Result<Ledger, TerminalError> {
    Ok(ctx.get::<Json<Ledger>>(LEDGER).await?.map(|Json(ledger)| ledger).unwrap_or_default())
}

/// Writes the ledger. If something may be free, the next one that waits asks again.
fn write(ctx: &ObjectContext<'_>, mut ledger: Ledger, is_free: bool) {
    if let Some(awakeable) = is_free.then(|| ledger.next_waiting()).flatten() {
        ctx.resolve_awakeable(&awakeable, Json(()));
    }
    ctx.set(LEDGER, Json(ledger));
}

/// The time in milliseconds of the epoch, if it is needed.
async fn now(ctx: &ObjectContext<'_>, accounts: &[Account], is_needed: bool) -> Result<u64, TerminalError> {
    if !is_needed && accounts.iter().all(|account| account.budget.time.is_none()) {
        return Ok(0);
    }
    let clock = || async {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        HandlerResult::Ok(u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
    };
    ctx.run(clock).name("now").await
}
