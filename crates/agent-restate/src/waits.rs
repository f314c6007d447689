//! Calls that wait for a person. Each has an awakeable, which a decision resolves from any machine.

use agent_core::conversation::PendingApproval;
use serde::{Deserialize, Serialize};

/// The key of the state with the waiting calls.
pub(crate) const WAITING: &str = "waiting";

/// The key of the state that says that nothing but waiting is left to do.
pub(crate) const PAUSED: &str = "paused";

/// A waiting call, and the awakeable that a decision resolves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Wait {
    pub(crate) waiting: PendingApproval,
    pub(crate) awakeable: String,
}
