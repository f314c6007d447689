//! Starts calls while the reply still streams.

use std::sync::Arc;

use super::{LocalHost, early_plans::EarlyPlans};
use crate::{
    Block, Call, Conversation, Delta, Early, Fold, Mode, Piece, Rules, StopReason, ToolCall, ToolSpec,
    conversation::Sanitizer,
};

/// Which calls may start early, beside the rules that always hold.
pub(super) type MayStart<'a> = dyn Fn(&Call) -> bool + Send + Sync + 'a;

/// Follows a reply as it streams, and starts calls that may start early. A call starts when the
/// next block begins, or at a stop reason that says that the calls are made. The end of its block
/// is not enough, because a block that was cut ends the same way.
pub(super) struct EarlyCalls<'a> {
    host: &'a LocalHost,
    so_far: &'a Conversation,
    /// Which calls may start early.
    early: Early,
    /// Makes blocks as the conversation will record them.
    sanitizer: Sanitizer<'a>,
    /// How many calls are complete.
    calls: usize,
    /// The index of the next block to look at, and of the last block that began.
    next: usize,
    last: Option<usize>,
    /// Whether further calls may start early.
    open: bool,
    /// The plans of the reply, if it has some whose steps may start early.
    plans: Option<Box<EarlyPlans<'a>>>,
    may_start: Option<&'a MayStart<'a>>,
}

impl<'a> EarlyCalls<'a> {
    pub(super) fn new(
        host: &'a LocalHost,
        so_far: &'a Conversation,
        may_start: Option<&'a MayStart<'a>>,
    ) -> Self {
        let agent = host.caller.team.agent(so_far.speaker());
        let early = agent.map_or(Early::Never, |agent| agent.early()).min(host.early);
        let specs = agent.map(|agent| agent.specs().as_ref()).unwrap_or_default();
        let has_listeners = host.caller.emitter.has_listeners();
        let matters =
            |spec: &ToolSpec| spec.starts_early(early) || (has_listeners && spec.could_start_early());
        let open = (host.mode == Mode::Concurrent || may_start.is_some())
            && early != Early::Never
            && specs.iter().any(matters)
            // A call of a tool that runs first may come later in the reply.
            && !specs.iter().any(|spec| spec.runs_first);
        let sanitizer = so_far.sanitizer();
        Self { host, so_far, early, sanitizer, calls: 0, next: 0, last: None, open, plans: None, may_start }
    }

    /// Looks at each piece of the reply, before it is added to the fold.
    pub(super) fn see(&mut self, before: &Fold, delta: &Delta) {
        match delta {
            Delta::Block { index, block } if self.open => {
                // The ids of calls are known early only if blocks begin in order.
                self.open = self.last.is_none_or(|last| last < *index);
                self.last = Some(*index);
                if self.open {
                    self.take_all(before);
                    self.begin_plan(*index, block);
                }
            }
            Delta::Piece { index, piece: Piece::Input(text) } if self.open => {
                self.plans.iter_mut().for_each(|plans| plans.read(*index, text));
            }
            // An open reason decides nothing: the real one may still come.
            Delta::Stop { stop_reason, .. }
                if self.open && stop_reason.runs_calls() && *stop_reason != StopReason::open() =>
            {
                self.take_all(before);
            }
            Delta::Restarted { .. } => {
                self.host.discard_plans(self.so_far.id(), |_| false);
                self.host.started.restart(self.so_far.id());
                *self = Self::new(self.host, self.so_far, self.may_start);
            }
            _ => {}
        }
    }

    fn take_all(&mut self, before: &Fold) {
        for (place, block) in before.blocks(self.next) {
            self.next = place + 1;
            self.take(block.clone());
        }
    }

    fn take(&mut self, block: Block) {
        let block = self.sanitizer.sanitize(block);
        let Some(call) = block.as_tool_use() else { return };
        let place = self.calls;
        self.calls += 1;
        let agent = self.so_far.speaker();
        let Some(spec) = self.host.caller.team.spec(agent, &call.name) else { return };
        self.open &= !spec.exclusive;
        if self.plans.as_ref().is_some_and(|plans| plans.has(&call.id)) {
            // Its steps start early. It is made when the reply is whole, so it ends after them.
            return;
        }
        let is_beyond = self.host.caller.team.limits().is_beyond(place);
        if self.open && spec.starts_early(self.early) && !is_beyond {
            let call = self.as_call(call, place);
            if self.may_start.is_none_or(|may_start| may_start(&call)) {
                self.host.started.start(&self.host.caller, self.host.cancel.get(), call.into());
            }
        } else if self.open && spec.could_start_early() && self.host.caller.emitter.has_listeners() {
            self.host.started.note_passed(self.so_far.shared_id(), &call.id);
        }
    }

    fn as_call(&self, call: &Arc<ToolCall>, place: usize) -> Call {
        Call {
            conversation: self.so_far.shared_id().clone(),
            depth: self.so_far.depth(),
            agent: self.so_far.speaker().into(),
            call: call.clone(),
            place,
            approved: false,
            may_detach: true,
        }
    }

    /// A block begins. If it is the call of a plan, steps may start while its input is written.
    fn begin_plan(&mut self, index: usize, block: &Block) {
        let Some(call) = block.as_tool_use() else { return };
        // A host that takes the early calls with the reply carries out plans itself.
        let is_own = self.may_start.is_none();
        if !self.open || !is_own || !self.host.may_start_steps(self.so_far, call, self.calls) {
            return;
        }
        // The block itself is sanitized when it is complete, and gets the same id then.
        let block = self.sanitizer.clone().sanitize(block.clone());
        if let Some(call) = block.as_tool_use() {
            let call = self.as_call(call, self.calls);
            let plans = self.plans.get_or_insert_with(|| Box::new(EarlyPlans::new(self.host)));
            plans.begin(self.so_far, index, call);
        }
    }

    /// The plans of the reply so far, whose steps go on while it streams.
    pub(super) fn plans(&mut self) -> Option<&mut EarlyPlans<'a>> {
        self.plans.as_deref_mut()
    }
}
