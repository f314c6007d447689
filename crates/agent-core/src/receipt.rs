//! Where a call's result is left.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::{Done, Outcome};

/// Where a host leaves what a call led to, as soon as it has ended and wherever it ran. What is left
/// here counts, also when the run is dropped before anybody looked.
#[derive(Clone, Debug, Default)]
pub struct Receipt(Arc<Slip>);

#[derive(Debug, Default)]
struct Slip {
    done: OnceLock<Done>,
    copies: Mutex<Vec<Receipt>>,
}

impl Receipt {
    /// Leaves the result; a second one is ignored.
    pub fn fill(&self, done: impl Into<Done>) {
        // An error means that there is one: the first counts.
        let _ = self.0.done.set(done.into());
        self.fill_copies();
    }

    /// Whatever is left here is left there, too.
    pub(crate) fn copy_to(&self, other: Self) {
        self.0.copies.lock().unwrap_or_else(PoisonError::into_inner).push(other);
        self.fill_copies();
    }

    fn fill_copies(&self) {
        let Some(done) = self.0.done.get() else { return };
        let copies = std::mem::take(&mut *self.0.copies.lock().unwrap_or_else(PoisonError::into_inner));
        copies.iter().for_each(|copy| copy.fill(done.clone()));
    }

    /// What was left here.
    pub fn done(&self) -> Option<Done> {
        self.0.done.get().cloned()
    }

    /// The same of a call that has ended, so that it is an error if there is nothing.
    pub fn done_or_error(&self) -> Done {
        let missing = || Outcome::error("the call ended without a result").into();
        self.done().unwrap_or_else(missing)
    }
}
