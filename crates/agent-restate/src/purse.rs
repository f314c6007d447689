//! The budgets whose accounts are in one object of the engine.

use agent_core::{Usage, budget::Spent};
use restate_sdk::{
    context::{ContextClient, ObjectContext, RequestTarget},
    errors::TerminalError,
    serde::Json,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    accounts::{ACCOUNTS, Of, Settlement},
    ledger::Account,
};

/// The budgets of one object, the narrowest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Purse {
    /// The key of the object.
    pub(crate) key: String,
    pub(crate) accounts: Vec<Account>,
    /// Whether all sessions share it, so that it outlives the run.
    #[serde(default)]
    pub(crate) is_shared: bool,
}

impl Purse {
    /// Asks the object, and waits for its answer.
    pub(crate) async fn call<Req, Res>(
        &self,
        ctx: &ObjectContext<'_>,
        handler: &str,
        what: Req,
    ) -> Result<Res, TerminalError>
    where
        Req: Serialize + Send + 'static,
        Res: DeserializeOwned + Send + 'static,
    {
        let request = ctx.request::<_, Json<Res>>(self.target(handler), Json(what));
        let Json(answer) = request.call().await?;
        Ok(answer)
    }

    /// Tells the object something. It gets what one handler tells it in that order.
    pub(crate) fn send<Req>(&self, ctx: &ObjectContext<'_>, handler: &str, what: Req)
    where
        Req: Serialize + 'static,
    {
        // The message is sent when it is created; nobody waits for it.
        drop(ctx.request::<_, ()>(self.target(handler), Json(what)).send());
    }

    /// A request for these budgets.
    pub(crate) fn of<T>(&self, what: T) -> Of<T> {
        Of { accounts: self.accounts.clone(), what }
    }

    /// Ends a reservation. `used` is nothing if the request was not made.
    pub(crate) fn settle(&self, ctx: &ObjectContext<'_>, name: &str, used: Option<&Usage>) {
        let used = used.map_or_else(Spent::default, Usage::of_one_request);
        self.send(ctx, "settle", Settlement { name: name.to_owned(), used });
    }

    /// Deletes the accounts.
    pub(crate) fn forget(&self, ctx: &ObjectContext<'_>) {
        drop(ctx.request::<(), ()>(self.target("forget"), ()).send());
    }

    /// Whether calls must be counted or may be refused.
    pub(crate) fn bounds_calls(&self) -> bool {
        self.accounts.iter().any(|account| account.budget.calls.is_some() || account.budget.time.is_some())
    }

    pub(crate) fn has_time(&self) -> bool {
        self.accounts.iter().any(|account| account.budget.time.is_some())
    }

    fn target(&self, handler: &str) -> RequestTarget {
        RequestTarget::object(ACCOUNTS, self.key.as_str(), handler)
    }
}
