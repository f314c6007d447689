//! Brings a conversation in memory to the state of the journal.

use agent_core::Conversation;

use super::Ledger;
use crate::unrecorded::is_earlier_state;

impl Ledger {
    /// The conversation of the session, if it is newer than this one.
    pub(crate) fn newer_conversation(&self, so_far: &Conversation) -> Option<Conversation> {
        let state = self.state();
        let known = &state.session.conversation;
        let is_newer =
            so_far.id() == self.id && is_earlier_state(so_far, known) && !is_earlier_state(known, so_far);
        is_newer.then(|| known.clone())
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
