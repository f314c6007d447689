//! How many tool calls may be under way at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bounds the tool calls under way, of one tool ([`ToolSpec::permits`](crate::ToolSpec)) or of all runs that
/// share it ([`Limits::permits`](crate::Limits)). Clones share the bound.
///
/// Agents hold no permit, however deep they are nested, only calls of tools do: so no bound can bring them to
/// wait for each other. A tool that runs an agent *inside* its call holds its permit meanwhile; delegate
/// instead ([`Outcome::Delegate`](crate::Outcome)).
#[derive(Clone, Debug)]
pub struct Permits(Arc<Semaphore>);

impl Permits {
    /// At most so many calls at once; 0 is taken as 1.
    pub fn new(calls: usize) -> Self {
        Self(Arc::new(Semaphore::new(calls.clamp(1, Semaphore::MAX_PERMITS))))
    }

    /// How many more calls may begin now.
    pub fn available(&self) -> usize {
        self.0.available_permits()
    }

    pub(crate) fn try_acquire(&self) -> Option<OwnedSemaphorePermit> {
        self.0.clone().try_acquire_owned().ok()
    }

    pub(crate) async fn acquire(&self) -> OwnedSemaphorePermit {
        self.0.clone().acquire_owned().await.expect("the semaphore is never closed")
    }
}

/// The same bound, not one of the same size.
impl PartialEq for Permits {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Permits {}
