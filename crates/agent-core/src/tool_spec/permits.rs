//! How many tool calls may be under way at once.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bounds the tool calls under way, of one tool ([`ToolSpec::permits`](crate::ToolSpec)) or of all runs that
/// share it ([`Limits::permits`](crate::Limits)). Clones share the bound.
///
/// Agents hold no permit, however deep they are nested, only calls of tools do: so no bound can bring them to
/// wait for each other. A tool that runs an agent *inside* its call holds its permit meanwhile; delegate
/// instead ([`Outcome::Delegate`](crate::Outcome)).
#[derive(Clone, Debug)]
pub struct Permits(Arc<Bound>);

#[derive(Debug)]
struct Bound {
    semaphore: Arc<Semaphore>,
    number: u64,
    /// What it bounded when it was first waited for.
    scope: OnceLock<Scope>,
}

/// What a bound is for; the one that most share comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Tool,
    Run,
    Process,
}

impl Permits {
    /// At most so many calls at once; 0 is taken as 1.
    pub fn new(calls: usize) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let semaphore = Arc::new(Semaphore::new(calls.clamp(1, Semaphore::MAX_PERMITS)));
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self(Arc::new(Bound { semaphore, number, scope: OnceLock::new() }))
    }

    /// How many more calls may begin now.
    pub fn available(&self) -> usize {
        self.0.semaphore.available_permits()
    }

    /// The place of this bound among all. Who needs several takes them in this order, so that no two calls wait for
    /// each other, whatever stands where: what bounds a tool in one team may bound all runs in another.
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

/// The same bound, not one of the same size.
impl PartialEq for Permits {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Permits {}
