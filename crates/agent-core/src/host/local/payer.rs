//! Who keeps the accounts from which requests are paid.

use futures::{
    FutureExt,
    future::{BoxFuture, pending},
};

use crate::{
    Chain, Usage,
    budget::{BudgetExceeded, BudgetScope},
};

/// Pays for the requests of one turn of a conversation. It is for hosts that keep the accounts of
/// their runs outside of this process: they give one to
/// [`LocalHost::ask_paid_by`](crate::host::LocalHost::ask_paid_by).
pub trait Payer: Send + Sync {
    /// Whether one of the budgets has a limit in dollars. Then the most that a request can cost must
    /// be known.
    fn has_money_limit(&self) -> bool;

    /// Whether the budget with this scope is the conversation's own, and a part of it is
    /// [kept](crate::budget::Budget::kept_for_answer) for a last answer.
    fn keeps_for_answer(&self, scope: &BudgetScope) -> bool;

    /// What the model must know about budgets that are nearly used up
    /// ([`Budget::warning`](crate::budget::Budget::warning)), and whether each is new.
    fn warnings(&self) -> Vec<(String, bool)>;

    /// Reserves the most that a request can use. If it must wait until other requests have ended, it
    /// calls `on_wait` first. `is_last` says that the request is for the last answer.
    fn reserve<'a>(
        &'a self,
        worst: Usage,
        is_last: bool,
        on_wait: &'a mut (dyn FnMut(&BudgetExceeded) + Send),
    ) -> BoxFuture<'a, Result<Settle, BudgetExceeded>>;

    /// Waits until no more time may be spent. If there is no such limit, it waits for ever.
    fn time_is_over(&self) -> BoxFuture<'static, BudgetExceeded>;
}

/// Ends a reservation. It is called with what the request used; `None` if it failed and used
/// nothing.
pub type Settle = Box<dyn FnOnce(Option<Usage>) + Send>;

/// The accounts are in this process.
impl Payer for Chain {
    fn has_money_limit(&self) -> bool {
        self.has_money_limit()
    }

    fn keeps_for_answer(&self, scope: &BudgetScope) -> bool {
        self.keeps_for_answer(scope)
    }

    fn warnings(&self) -> Vec<(String, bool)> {
        self.warnings()
    }

    fn reserve<'a>(
        &'a self,
        worst: Usage,
        is_last: bool,
        on_wait: &'a mut (dyn FnMut(&BudgetExceeded) + Send),
    ) -> BoxFuture<'a, Result<Settle, BudgetExceeded>> {
        let need = worst.of_one_request();
        let reserve = async move {
            self.reserve(need, is_last, on_wait).await?;
            let chain = self.clone();
            let spent = |used: Option<Usage>| used.map(|used| used.of_one_request()).unwrap_or_default();
            Ok(Box::new(move |used: Option<Usage>| chain.settle(need, spent(used))) as Settle)
        };
        reserve.boxed()
    }

    fn time_is_over(&self) -> BoxFuture<'static, BudgetExceeded> {
        let Some((left, exceeded)) = self.time_left() else { return pending().boxed() };
        let over = async move {
            tokio::time::sleep(left).await;
            exceeded
        };
        over.boxed()
    }
}
