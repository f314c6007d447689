//! What a model may want of its detached calls.

use serde::{Deserialize, Serialize};

/// What a call does with detached calls; see [`Outcome::Control`](crate::Outcome::Control).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Control {
    /// Says which calls go on.
    Check,
    /// Waits until one of the calls has ended, or until `"seconds"` have passed: 60 without it, and
    /// at most 3,600.
    Wait,
    /// Stops the calls. The model is told how each has ended.
    Stop,
}
