//! For hosts around this one that keep the accounts of budgets themselves.

use std::sync::Arc;

use super::{LocalHost, ask_meter::AskMeter, payer::Payer, worst_case::Measured};
use crate::{BudgetExceeded, Cancel, Conversation, Failure, Response, RunError, event::emitter::Origin};

/// The reply to a request that was paid for elsewhere; see [`LocalHost::ask_paid_by`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct PaidReply {
    /// The reply, with what its requests have used.
    pub reply: Result<Response, Failure>,
    /// Why a request was not paid for, if one was not.
    pub exceeded: Option<BudgetExceeded>,
    /// How many input tokens the server has counted. Give it to the next request of this agent in
    /// this conversation, whose tokens are then estimated better.
    pub measured: Option<Measured>,
}

impl LocalHost {
    /// Leaves all [budgets](crate::budget) to the host around this one, which pays for requests with
    /// [`ask_paid_by`](Self::ask_paid_by) and counts calls itself. This host keeps no accounts then.
    pub fn without_budgets(mut self) -> Self {
        self.own_budgets().leave();
        self
    }

    /// Asks the model like [`ask`](crate::host::Host::ask), but stops when `cancel` is used, and lets
    /// `payer` pay for the requests.
    /// What a request reserves and does not settle, because this future is dropped, is not counted
    /// here. `measured` is from an earlier reply ([`PaidReply::measured`]).
    pub async fn ask_paid_by(
        &self,
        so_far: &Conversation,
        payer: Arc<dyn Payer>,
        measured: Option<Measured>,
        cancel: &Cancel,
    ) -> Result<PaidReply, RunError> {
        let unpriced = self.caller.budgets.unpriced(&self.caller.team, payer.has_money_limit());
        let origin = Origin::in_conversation(so_far, so_far.speaker());
        let meter = AskMeter::new(payer, self.caller.emitter.clone(), origin, None, measured, unpriced);
        let reply = self.ask_model(so_far, cancel.handle().stop(), Some(&meter), None).await?;
        Ok(PaidReply { reply, exceeded: meter.exceeded(), measured: meter.measured() })
    }

    /// Says which budget can't pay for the last request of a conversation; `None` if it was paid
    /// for. If the run of the conversation by [`drive_by`](Self::drive_by) then fails, it ends with
    /// [`End::Budget`](crate::End::Budget). It is for hosts that keep the accounts themselves
    /// ([`without_budgets`](Self::without_budgets)).
    pub fn ran_out(&self, conversation: &str, exceeded: Option<BudgetExceeded>) {
        self.caller.budgets.ran_out(conversation, exceeded);
    }
}
