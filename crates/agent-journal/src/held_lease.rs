//! The lease of a host.

use std::sync::Arc;

use crate::{lease::Lease, ledger::Ledger};

/// The lease of a host, together with its ledger. On drop, the ledger is closed before the lease is
/// given up.
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
