//! The virtual object of a decision. If several people decide about one call, the first decision
//! counts.

use std::time::Duration;

use restate_sdk::{
    context::{
        ContextAwakeables, ContextClient, ContextReadState, ContextWriteState, ObjectContext, RequestTarget,
    },
    errors::{HandlerResult, TerminalError},
    object,
    serde::Json,
};

use crate::{decision::Verdict, names::NOT_WAITING};

/// The name of the object. Its key is the awakeable that the call waits for.
pub(crate) const DECISION: &str = "AgentDecision";

/// The key of the state with the decision.
const VERDICT: &str = "verdict";

/// How long a decision is kept. After that, nobody decides about the call any more.
const KNOWN: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) struct FirstDecision;

#[object(name = "AgentDecision", ingress_private = true)]
impl FirstDecision {
    /// Decides about the call. Fails if somebody has decided differently before.
    #[handler]
    async fn decide(&self, ctx: ObjectContext<'_>, Json(verdict): Json<Verdict>) -> HandlerResult<()> {
        if let Some(Json(first)) = ctx.get::<Json<Verdict>>(VERDICT).await? {
            return match first == verdict {
                true => Ok(()),
                false => Err(TerminalError::new_with_code(
                    NOT_WAITING,
                    "somebody has decided about this call already",
                )
                .into()),
            };
        }
        ctx.set(VERDICT, Json(verdict.clone()));
        ctx.resolve_awakeable(ctx.key(), Json(verdict));
        let forget = RequestTarget::object(DECISION, ctx.key(), "forget");
        drop(ctx.request::<(), ()>(forget, ()).send_after(KNOWN));
        Ok(())
    }

    /// Deletes the decision.
    #[handler]
    async fn forget(&self, ctx: ObjectContext<'_>) -> HandlerResult<()> {
        ctx.clear_all();
        Ok(())
    }
}
