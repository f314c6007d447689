//! What a conversation has used and does not know.

use super::{AskMeter, Books};
use crate::{Usage, UsageByAgent};

impl Books {
    /// What was used and is in no reply and no result.
    pub(super) fn unrecorded(&self) -> Vec<(String, Usage)> {
        let asking = self.asking.as_ref().and_then(AskMeter::unrecorded);
        let lost = self.calls.iter().filter(|(receipt, _)| receipt.is_open());
        let lost = lost.flat_map(|(_, meter)| {
            let mut usage = UsageByAgent::default();
            meter.close(&mut usage);
            let used = usage.iter().map(|(agent, used)| (agent.to_owned(), used.of_broken_off()));
            used.collect::<Vec<_>>()
        });
        asking.into_iter().chain(lost).chain(self.unused.iter().cloned()).collect()
    }
}
