//! The result of a call or a delegation.

use agent_core::{Outcome, model::UsageByAgent, tool::Done};
use serde::{Deserialize, Serialize};

use crate::allowance::Unused;

/// The result of a call or a delegation. A delegation also returns the allowance that it did not
/// use.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    outcome: Outcome,
    usage: UsageByAgent,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) back: Option<Unused>,
}

impl Answer {
    pub(crate) fn new(done: Done, back: Unused) -> Self {
        Self { outcome: done.outcome, usage: done.usage, back: Some(back) }
    }

    pub(crate) fn done(self) -> Done {
        Done { outcome: self.outcome, usage: self.usage }
    }
}
