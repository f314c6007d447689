//! The lease that a host has as long as it is there.

use std::sync::Arc;

use crate::{lease::Lease, ledger::Ledger};

/// The lease of a host, and the ledger that is closed before it is given up.
#[derive(Debug)]
pub(crate) struct HeldLease(
    Arc<Ledger>,
    #[expect(dead_code, reason = "it is held until it is dropped")] Lease,
);

impl HeldLease {
    pub(crate) fn new(ledger: Arc<Ledger>, lease: Lease) -> Self {
        Self(ledger, lease)
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        self.0.close();
    }
}
