//! Which work the limits and budgets of a run refuse.

use agent_core::{
    agent::Rules,
    conversation::{Call, Work},
    host::Host,
};
use restate_sdk::errors::TerminalError;

use crate::{amount::Resource, engine::Engine, tools::Refused};

impl Engine<'_, '_> {
    /// Counts this work, as far as the limits and budgets of the run allow it. Returns for each why
    /// it is refused, if it is.
    pub(crate) async fn refused_calls(&self, work: &[Work]) -> Result<Vec<Option<Refused>>, TerminalError> {
        let counts: Vec<bool> = work.iter().map(|work| self.counts_as_call(work)).collect();
        // Against the limit, an approved call has counted when it asked.
        let of_run = |(work, counts): (&Work, &bool)| *counts && !is_approved(work);
        let of_run: Vec<bool> = work.iter().zip(&counts).map(of_run).collect();
        let calls = of_run.iter().filter(|counts| **counts).count();
        self.allowance.ensure(self.ctx, Resource::Calls, u32::try_from(calls).unwrap_or(u32::MAX)).await?;
        let of_limit =
            |counts: &bool| if *counts { self.allowance.use_one(Resource::Calls).err() } else { None };
        let mut refused: Vec<Option<Refused>> =
            of_run.iter().map(|counts| of_limit(counts).map(Refused::ByLimit)).collect();
        let mut left: Vec<&mut Option<Refused>> = refused
            .iter_mut()
            .zip(counts)
            .filter(|(refused, counts)| *counts && refused.is_none())
            .map(|(place, _)| place)
            .collect();
        let count = u32::try_from(left.len()).unwrap_or(u32::MAX);
        if let (made, Some(exceeded)) = self.budgets.use_calls(self.ctx, count).await? {
            for place in left.iter_mut().skip(made as usize) {
                **place = Some(Refused::ByBudget(exceeded.clone()));
            }
        }
        Ok(refused)
    }

    /// Whether this is a call that counts against the limit of the run.
    fn counts_as_call(&self, work: &Work) -> bool {
        let Work::Call(Call { agent, call, place, .. }) = work else { return false };
        let most = self.rules().limits().calls_in_reply;
        most.is_none_or(|most| *place < most as usize) && self.rules().spec(agent, &call.name).is_some()
    }
}

fn is_approved(work: &Work) -> bool {
    matches!(work, Work::Call(Call { approved: true, .. }))
}
