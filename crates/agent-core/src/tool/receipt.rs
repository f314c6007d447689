//! Where a call's result is left.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use crate::{Done, Outcome};

/// Where a host leaves what a call led to, as soon as it has ended and wherever it ran. What is
/// left here counts, also when the run is dropped before anybody looked.
#[derive(Clone, Debug, Default)]
pub struct Receipt(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    unwanted: AtomicBool,
}

#[derive(Debug)]
enum State {
    /// Nothing yet; who else wants it.
    Open(Vec<Receipt>),
    Filled(Done),
    /// It has been recorded.
    Taken,
}

impl Default for State {
    fn default() -> Self {
        Self::Open(Vec::new())
    }
}

impl Receipt {
    /// Leaves the result; a second one is ignored.
    pub fn fill(&self, done: impl Into<Done>) {
        let mut state = self.state();
        if let State::Open(copies) = &mut *state {
            let (copies, done) = (std::mem::take(copies), done.into());
            copies.iter().for_each(|copy| copy.fill(done.clone()));
            *state = State::Filled(done);
        }
    }

    /// Whether anybody waits for what the call says.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.0.unwanted.load(Ordering::Relaxed)
    }

    /// Nobody waits any more for what the call says, once this is dropped.
    pub(crate) fn wanted(&self) -> Wanted {
        Wanted(self.clone())
    }

    /// Whatever is left here is left there, too.
    pub(crate) fn copy_to(&self, other: Self) {
        match &mut *self.state() {
            State::Open(copies) => copies.push(other),
            State::Filled(done) => other.fill(done.clone()),
            State::Taken => {}
        }
    }

    /// What was left here, unless it has been recorded since.
    pub fn done(&self) -> Option<Done> {
        match &*self.state() {
            State::Filled(done) => Some(done.clone()),
            State::Open(_) | State::Taken => None,
        }
    }

    /// The result, to be recorded by whoever takes it.
    pub(crate) fn take(&self) -> Option<Done> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Filled(done) => Some(done),
            other => {
                *state = other;
                None
            }
        }
    }

    /// The same of a call that the host says has ended.
    pub(crate) fn take_or_error(&self) -> Done {
        self.take().unwrap_or_else(missing)
    }

    /// What was left here by a call that has ended, so that it is an error if there is nothing.
    pub fn done_or_error(&self) -> Done {
        self.done().unwrap_or_else(missing)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody waits for what a call says.
#[derive(Debug)]
pub(crate) struct Wanted(Receipt);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.0.unwanted.store(true, Ordering::Relaxed);
    }
}

fn missing() -> Done {
    Outcome::error("the call ended without a result").into()
}
