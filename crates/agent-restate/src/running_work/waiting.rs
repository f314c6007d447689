//! The calls that wait for a person.

use std::collections::{HashMap, HashSet};

use agent_core::conversation::PendingApproval;
use restate_sdk::{
    context::{ContextAwakeables, ContextTimers, ContextWriteState, DurableFuture, ObjectContext},
    errors::TerminalError,
    serde::Json,
};

use super::{EventFuture, RunningWork, WorkEvent};
use crate::{
    decision::Verdict,
    process::SharedProcess,
    waits::{WAITING, Wait},
};

/// The decision about the call with this key.
pub(crate) struct Decided {
    pub(crate) key: String,
    pub(crate) verdict: Verdict,
}

impl<'ctx> RunningWork<'ctx> {
    /// These calls wait now, and no others. Those for which `is_own` is false are for other handlers.
    pub(crate) fn wait_for_people(
        &mut self,
        ctx: &ObjectContext<'ctx>,
        process: &SharedProcess,
        calls: &[PendingApproval],
        is_own: impl Fn(&str) -> bool,
    ) {
        let places: HashMap<&str, usize> =
            calls.iter().enumerate().map(|(place, call)| (&*call.key, place)).collect();
        let before = self.waits.len();
        self.waits.retain(|wait| places.contains_key(&*wait.waiting.key));
        let left = self.waits.len();
        let known: HashSet<String> = self.waits.iter().map(|wait| wait.waiting.key.clone()).collect();
        for call in calls.iter().filter(|call| is_own(&call.key) && !known.contains(&call.key)) {
            self.start_waiting(ctx, process, call.clone());
        }
        if left < before || self.waits.len() > left {
            // They are shown in call order.
            self.waits.sort_by_key(|wait| places[&*wait.waiting.key]);
            self.show_waits(ctx);
        }
    }

    pub(crate) fn has_waits(&self) -> bool {
        !self.waits.is_empty()
    }

    /// Waits for the next decision, if no work runs.
    pub(crate) async fn decision(&mut self, ctx: &ObjectContext<'ctx>) -> Result<Decided, TerminalError> {
        while let Some((_, event)) = self.events.next().await? {
            // What else may come is about work that has ended.
            let WorkEvent::Decided(awakeable, verdict) = event else { continue };
            if let Some(decided) = self.decided(ctx, &awakeable, verdict) {
                return Ok(decided);
            }
        }
        unreachable!("each waiting call has a pending decision")
    }

    /// The first decision about a call. The timer may fire after a person has decided.
    pub(super) fn decided(
        &mut self,
        ctx: &ObjectContext<'ctx>,
        awakeable: &str,
        verdict: Result<Verdict, TerminalError>,
    ) -> Option<Decided> {
        let place = self.waits.iter().position(|wait| wait.awakeable == awakeable)?;
        let Wait { waiting, .. } = self.waits.remove(place);
        // The others still wait while this call is made.
        self.show_waits(ctx);
        let verdict = verdict.unwrap_or_else(|error| Verdict::Deny(error.message().to_owned()));
        Some(Decided { key: waiting.key, verdict })
    }

    fn start_waiting(&mut self, ctx: &ObjectContext<'ctx>, process: &SharedProcess, call: PendingApproval) {
        let (awakeable, decided) = ctx.awakeable::<Json<Verdict>>();
        let id = awakeable.clone();
        let of_person = decided.map(|verdict| WorkEvent::Decided(id, verdict.map(|Json(verdict)| verdict)));
        self.wait_for_decision(Box::pin(of_person));
        if let Some(approval_timeout) = process.approval_timeout {
            let late = Verdict::Deny(format!("nobody decided within {approval_timeout:?}"));
            let id = awakeable.clone();
            let of_timer =
                ctx.sleep(approval_timeout).map(|slept| WorkEvent::Decided(id, slept.map(|()| late)));
            self.wait_for_decision(Box::pin(of_timer));
        }
        self.waits.push(Wait { waiting: call, awakeable });
    }

    /// Waits for something that belongs to no work.
    fn wait_for_decision(&mut self, decision: EventFuture<'ctx>) {
        self.wait_for(usize::MAX, decision);
    }

    fn show_waits(&self, ctx: &ObjectContext<'ctx>) {
        ctx.set(WAITING, Json(self.waits.clone()));
    }
}
