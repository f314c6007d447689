//! The place for the result of a call.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use crate::{Done, Outcome, Usage, UsageByAgent, model::request::meter::MeterOf};

/// The place into which a host puts the result of a call as soon as the call has ended. A result in
/// a receipt is recorded even if the run is dropped before the loop has read the result.
#[derive(Clone, Debug, Default)]
pub struct Receipt(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    unwanted: AtomicBool,
    /// How many requests the call has made to models.
    requests: AtomicU32,
}

#[derive(Debug)]
enum State {
    /// No result yet. These receipts get a copy of it, and these have counted what the call used.
    Open {
        copies: Vec<Receipt>,
        meters: Vec<MeterOf>,
    },
    Filled(Done),
    /// The result has been taken, to be recorded.
    Taken,
}

impl Default for State {
    fn default() -> Self {
        Self::Open { copies: Vec::new(), meters: Vec::new() }
    }
}

impl Receipt {
    /// Puts the result in. A second result is ignored.
    pub fn fill(&self, done: impl Into<Done>) {
        let mut state = self.state();
        if let State::Open { copies, meters } = &mut *state {
            let (copies, mut done) = (std::mem::take(copies), done.into());
            meters.iter().for_each(|meter| meter.close(&mut done.usage));
            copies.iter().for_each(|copy| copy.fill(share(&mut done)));
            *state = State::Filled(done);
        }
    }

    /// A number for the next request of the call to a model.
    pub(crate) fn next_request(&self) -> u32 {
        self.0.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// Lets the usage of the result have what this meter counts. If there is a result already, only
    /// budgets know it.
    pub(crate) fn add_meter(&self, meter: MeterOf) {
        if let State::Open { meters, .. } = &mut *self.state() {
            meters.push(meter);
        }
    }

    /// Whether nothing was put in yet.
    pub(crate) fn is_open(&self) -> bool {
        matches!(*self.state(), State::Open { .. })
    }

    /// Takes out what a call has used of which nobody takes the result. If the call has not ended, it
    /// is broken off.
    pub(crate) fn abandon(&self) -> Vec<(String, Usage)> {
        let is_open = self.is_open();
        self.fill(Outcome::error("nobody needs the result"));
        let mut usage = UsageByAgent::default();
        if let State::Filled(done) = &mut *self.state() {
            usage = std::mem::take(&mut done.usage);
        }
        let used = |used: Usage| if is_open { used.of_broken_off() } else { used };
        usage.iter().map(|(agent, usage)| (agent.to_owned(), used(usage))).collect()
    }

    /// Returns a copy of the result with what the call has used, which is then only in this copy.
    pub(crate) fn take_copy(&self) -> Option<Done> {
        match &mut *self.state() {
            State::Filled(done) => Some(share(done)),
            State::Open { .. } | State::Taken => None,
        }
    }

    /// Whether anybody still waits for the result.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.0.unwanted.load(Ordering::Relaxed)
    }

    /// Returns a guard. When it is dropped, the result is no longer wanted.
    pub(crate) fn wanted(&self) -> Wanted {
        Wanted(self.clone())
    }

    /// Puts a copy of the result into another receipt, now or as soon as there is one.
    pub(crate) fn copy_to(&self, other: Self) {
        match &mut *self.state() {
            State::Open { copies, .. } => copies.push(other),
            State::Filled(done) => other.fill(share(done)),
            State::Taken => {}
        }
    }

    /// Returns a copy of the result; `None` if nothing was put in yet, or if the result has been
    /// recorded.
    pub fn done(&self) -> Option<Done> {
        match &*self.state() {
            State::Filled(done) => Some(done.clone()),
            State::Open { .. } | State::Taken => None,
        }
    }

    /// Takes the result out. Whoever takes it must record it.
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

    /// Takes the result of a call that has ended. A missing result becomes an error result.
    pub(crate) fn take_or_error(&self) -> Done {
        self.take().unwrap_or_else(missing)
    }

    /// Returns a copy of the result of a call that has ended. If nothing was put in, it returns an
    /// error result.
    pub fn done_or_error(&self) -> Done {
        self.done().unwrap_or_else(missing)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A guard of somebody who waits for a result.
#[derive(Debug)]
pub(crate) struct Wanted(Receipt);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.0.unwanted.store(true, Ordering::Relaxed);
    }
}

/// A copy of a result for another call. The usage is counted once, for the first one.
fn share(done: &mut Done) -> Done {
    Done { outcome: done.outcome.clone(), usage: std::mem::take(&mut done.usage) }
}

fn missing() -> Done {
    Outcome::error("the call ended without a result").into()
}
