//! The result of a run on the engine.

use agent_core::{Conversation, End, conversation::Failure};
use serde::{Deserialize, Serialize};

/// The result of a finished run. [`Restate::attach`](crate::Restate::attach) and
/// [`Restate::result`](crate::Restate::result) return it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// The conversation after the run.
    pub conversation: Conversation,
    /// How the run ended; the `Err` says which model did not reply. In both cases another run can
    /// continue.
    pub end: Result<End, Failure>,
}
