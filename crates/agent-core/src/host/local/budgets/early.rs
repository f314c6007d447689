//! What plans need of budgets whose steps start before their conversation begins.

use super::{Budgets, lock};
use crate::{Call, Receipt};

impl Budgets {
    /// Whether what a request of this conversation reserves is saved before it is sent.
    pub(in crate::host::local) fn saves_reservations(&self, conversation: &str) -> bool {
        self.record.is_some() && lock(&self.open).contains_key(conversation)
    }

    /// Closes the accounts of a plan that did not begin. The conversation `above` pays for what its
    /// calls have used.
    pub(in crate::host::local) fn close_unused(&self, above: &str, plan: &str) {
        let mut open = lock(&self.open);
        if let (Some(closed), Some(books)) = (open.remove(plan), open.get_mut(above)) {
            books.calls.extend(closed.calls);
            books.unused.extend(closed.unused);
        }
    }

    /// Counts what an early call has used whose result nobody takes.
    pub(in crate::host::local) fn count_unused(&self, call: &Call, receipt: &Receipt) {
        if let Some(books) = lock(&self.open).get_mut(&call.conversation) {
            books.unused.extend(receipt.abandon());
        }
    }
}
