//! What plans need of budgets whose steps start before their conversation begins.

use super::{Budgets, lock};

impl Budgets {
    /// Whether what a request of this conversation reserves is saved before it is sent.
    pub(in crate::host::local) fn saves_reservations(&self, conversation: &str) -> bool {
        self.record.is_some() && lock(&self.open).contains_key(conversation)
    }

    /// Closes the accounts of a plan that did not begin. The conversation `above` pays for what its
    /// calls have used.
    pub(in crate::host::local) fn close_unused(&self, above: &str, plan: &str) {
        let mut open = lock(&self.open);
        if let Some(unused) = open.remove(plan) {
            open.get_mut(above)
                .into_iter()
                .for_each(|books| books.calls.extend(unused.calls.iter().cloned()));
        }
    }
}
