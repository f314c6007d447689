//! What is reserved for requests that are under way.

use serde::{Deserialize, Serialize};

use crate::Usage;

/// The most that requests may use which are under way, or were when their process ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Reserved {
    pub(super) agent: String,
    pub(super) usage: Usage,
}
