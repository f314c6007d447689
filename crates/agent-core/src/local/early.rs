//! Calls that start while the reply still streams.

use super::Local;
use crate::{Block, Call, Conversation, Delta, Fold, Rules, StopReason};

/// Follows a reply as it streams, and starts its read-only calls as soon as the model has moved on from
/// them: with the next block, or with the stop reason that says that its calls count. That a block ended
/// says nothing: one that was cut ends the same way.
pub(super) struct Early<'a> {
    host: &'a Local,
    so_far: &'a Conversation,
    /// What the model has moved on from, as the conversation will record it.
    recorded: Vec<Block>,
    /// Whether the next call may start.
    open: bool,
}

impl<'a> Early<'a> {
    pub(super) fn new(host: &'a Local, so_far: &'a Conversation) -> Self {
        Self { host, so_far, recorded: Vec::new(), open: host.starts_early(so_far.speaker()) }
    }

    /// Is shown each piece of the reply before it is folded in.
    pub(super) fn see(&mut self, before: &Fold, delta: &Delta) {
        match delta {
            Delta::Block { .. } if self.open => self.take_all(before),
            // An open reason says nothing yet: the one that counts may still come.
            Delta::Stop { stop_reason, .. }
                if self.open && stop_reason.runs_calls() && *stop_reason != StopReason::open() =>
            {
                self.take_all(before);
            }
            Delta::Restarted { .. } => *self = Self::new(self.host, self.so_far),
            _ => {}
        }
    }

    fn take_all(&mut self, before: &Fold) {
        for block in before.blocks(self.recorded.len()) {
            self.take(block.clone());
        }
    }

    fn take(&mut self, block: Block) {
        self.recorded.push(self.so_far.mend(block, &self.recorded));
        let Some(call) = self.recorded.last().and_then(Block::as_tool_use) else { return };
        let agent = self.so_far.speaker();
        let Some(spec) = self.host.caller.team.spec(agent, &call.name) else { return };
        self.open &= !spec.exclusive;
        if self.open && spec.may_share() {
            let call = Call {
                conversation: self.so_far.shared_id(),
                depth: self.so_far.depth(),
                agent: agent.into(),
                call: call.clone(),
                allowed: false,
            };
            self.host.shared.start(&self.host.caller, self.host.cancel.as_ref(), call);
        }
    }
}
