//! Limits how many tool calls run in parallel.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A limit on how many tool calls run in parallel (a semaphore). Give it to one tool
/// ([`ToolSpec::permits`](crate::ToolSpec)) or to the limits of runs
/// ([`Limits::permits`](crate::Limits)). Further calls wait. Clones share the limit.
///
/// Only calls of tools hold permits. Delegated agents hold none, at any depth, so they can't block
/// each other. A tool that runs an agent *inside* its call holds its permit all that time, so
/// delegate instead ([`Outcome::Delegate`](crate::Outcome)).
#[derive(Clone, Debug)]
pub struct Permits(Arc<Bound>);

#[derive(Debug)]
struct Bound {
    semaphore: Arc<Semaphore>,
    calls: usize,
    number: u64,
    /// What the permits limited when they were first acquired.
    scope: OnceLock<Scope>,
}

/// What permits limit, from the narrowest to the widest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Tool,
    Run,
    Process,
}

impl Permits {
    /// Allows this many calls in parallel. 0 counts as 1.
    pub fn new(calls: usize) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let calls = calls.clamp(1, Semaphore::MAX_PERMITS);
        let semaphore = Arc::new(Semaphore::new(calls));
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self(Arc::new(Bound { semaphore, calls, number, scope: OnceLock::new() }))
    }

    /// How many calls may run in parallel.
    pub fn calls(&self) -> usize {
        self.0.calls
    }

    /// How many more calls could start now.
    pub fn available(&self) -> usize {
        self.0.semaphore.available_permits()
    }

    /// The place of these permits in a global order. Calls that need several permits acquire them
    /// in this order, so that no two calls wait for each other. The scope is fixed at first use,
    /// because permits of a tool in one team may be those of all runs in another.
    pub(crate) fn place(&self, scope: Scope) -> (Scope, u64) {
        (*self.0.scope.get_or_init(|| scope), self.0.number)
    }

    pub(crate) fn try_acquire(&self) -> Option<OwnedSemaphorePermit> {
        self.0.semaphore.clone().try_acquire_owned().ok()
    }

    pub(crate) async fn acquire(&self) -> OwnedSemaphorePermit {
        self.0.semaphore.clone().acquire_owned().await.expect("the semaphore is never closed")
    }
}

/// Compares by identity: two are equal if they are clones of one value.
impl PartialEq for Permits {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Permits {}
