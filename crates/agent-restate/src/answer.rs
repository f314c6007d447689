//! What comes back of a piece of work.

use agent_core::{Outcome, model::UsageByAgent, tool::Done};
use serde::{Deserialize, Serialize};

use crate::allowance::Back;

/// What a call or a delegation came to: what is said of each, and of a delegation what it did not use up.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    outcome: Outcome,
    usage: UsageByAgent,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) back: Option<Back>,
}

impl Answer {
    pub(crate) fn new(done: Done, back: Back) -> Self {
        Self { outcome: done.outcome, usage: done.usage, back: Some(back) }
    }

    pub(crate) fn done(self) -> Done {
        Done { outcome: self.outcome, usage: self.usage }
    }
}
