//! Calls that wait for a person: each has an awakeable, which a decision resolves from anywhere.

use std::pin::Pin;

use agent_core::{Conversation, conversation::PendingApproval};
use restate_sdk::{
    context::{
        ContextAwakeables, ContextTimers, ContextWriteState, DurableFuture, DurableFuturesUnordered,
        ObjectContext,
    },
    errors::TerminalError,
    serde::Json,
};
use serde::{Deserialize, Serialize};

use crate::{decision::Verdict, process::Shared};

/// The key of the state that says what waits.
pub(crate) const WAITING: &str = "waiting";

/// A call that waits, and what a decision about it resolves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Wait {
    pub(crate) waiting: PendingApproval,
    pub(crate) awakeable: String,
}

/// What waits in one run of a conversation.
#[derive(Default)]
pub(crate) struct Waits<'ctx> {
    waits: Vec<Wait>,
    /// The awakeable of each, by its place among the decisions: a call may wait again, under the same key.
    awakeables: Vec<String>,
    decisions: DurableFuturesUnordered<Coming<'ctx>>,
}

/// A decision that is waited for: it comes from a person, or from the clock.
type Coming<'ctx> = Pin<Box<dyn DurableFuture<Output = Result<Verdict, TerminalError>> + Send + 'ctx>>;

impl<'ctx> Waits<'ctx> {
    /// Waits until one of these calls is decided about, and tells the conversation.
    pub(crate) async fn decide(
        &mut self,
        ctx: &ObjectContext<'ctx>,
        process: &Shared,
        calls: &[PendingApproval],
        conversation: &mut Conversation,
    ) -> Result<(), TerminalError> {
        for call in calls {
            if self.waits.iter().all(|wait| wait.waiting.key != call.key) {
                self.begin(ctx, process, call);
            }
        }
        ctx.set(WAITING, Json(self.waits.clone()));
        while let Some((place, verdict)) = self.decisions.next().await? {
            // The clock may come after the person.
            let Some(place) = self.waits.iter().position(|wait| wait.awakeable == self.awakeables[place])
            else {
                continue;
            };
            let verdict = verdict.unwrap_or_else(|error| Verdict::Deny(error.message().to_owned()));
            let wait = self.waits.remove(place);
            verdict.apply(&wait.waiting.key, conversation).expect("what waits is decided about here only");
            // The others still wait while this one is made.
            ctx.set(WAITING, Json(self.waits.clone()));
            return Ok(());
        }
        unreachable!("what waits has been begun above, and is decided about once")
    }

    fn begin(&mut self, ctx: &ObjectContext<'ctx>, process: &Shared, call: &PendingApproval) {
        let (awakeable, decided) = ctx.awakeable::<Json<Verdict>>();
        self.expect(&awakeable, Box::pin(decided.map_ok(|Json(verdict)| verdict)));
        if let Some(patience) = process.patience {
            let late = move |()| Verdict::Deny(format!("nobody decided within {patience:?}"));
            self.expect(&awakeable, Box::pin(ctx.sleep(patience).map_ok(late)));
        }
        self.waits.push(Wait { waiting: call.clone(), awakeable });
    }

    fn expect(&mut self, awakeable: &str, decision: Coming<'ctx>) {
        self.awakeables.push(awakeable.to_owned());
        self.decisions.push(decision);
    }
}
