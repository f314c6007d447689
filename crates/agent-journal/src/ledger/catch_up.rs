//! Brings a conversation in memory to the state of the journal.

use agent_core::Conversation;

use super::Ledger;
use crate::unrecorded::is_earlier_state;

impl Ledger {
    /// The conversation of the session, if it is newer than this one.
    pub(crate) fn newer_conversation(&self, so_far: &Conversation) -> Option<Conversation> {
        let state = self.state();
        let known = &state.session.conversation;
        if so_far.id() != self.id || !is_earlier_state(so_far, known) {
            return None;
        }
        if !is_earlier_state(known, so_far) {
            return Some(known.clone());
        }
        // Both have the same messages. A run that was dropped may have written what became of a call
        // that is detached, and not have recorded it in memory.
        (detaches(known) || detaches(so_far)).then(|| with_decisions_of(known.clone(), so_far))
    }

    /// Replaces a conversation whose changes are all written by that of the journal. They differ if
    /// a run was dropped while it wrote that a call was made, and the user went on: only the journal
    /// counts that call.
    pub(crate) fn catch_up(&self, written: &mut Conversation) {
        let state = self.state();
        let known = &state.session.conversation;
        if known != written && is_earlier_state(known, written) && is_earlier_state(written, known) {
            *written = known.clone();
        }
    }
}

fn detaches(conversation: &Conversation) -> bool {
    conversation.detached_calls().next().is_some() || conversation.open_calls().next().is_some()
}

/// The conversation with decisions about waiting calls that were made only in this one.
fn with_decisions_of(mut known: Conversation, so_far: &Conversation) -> Conversation {
    for (id, change) in so_far.decided_since(&known) {
        // The journal may have another decision already. That one counts.
        let _ = known.apply(&id, change);
    }
    known
}
