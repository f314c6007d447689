//! Where a call's result is left.

use std::sync::{Arc, OnceLock};

use crate::{Done, Outcome};

/// Where a host leaves what a call led to, as soon as it has ended and wherever it ran. What is left
/// here counts, also when the run is dropped before anybody looked.
#[derive(Clone, Debug, Default)]
pub struct Receipt(Arc<OnceLock<Done>>);

impl Receipt {
    /// Leaves the result; a second one is ignored.
    pub fn fill(&self, done: impl Into<Done>) {
        // An error means that there is one: the first counts.
        let _ = self.0.set(done.into());
    }

    pub(crate) fn done(&self) -> Option<Done> {
        self.0.get().cloned()
    }

    /// The result of a call that the host says has ended.
    pub(crate) fn done_or_error(&self) -> Done {
        let missing = || Outcome::error("the call ended without a result").into();
        self.done().unwrap_or_else(missing)
    }
}
