//! The virtual object of a decision: of several about one call, the first counts.

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

/// The name of the object. Its key is the awakeable that the call waits with.
pub(crate) const DECIDED: &str = "AgentDecision";

/// The key of the state that says what was decided.
const VERDICT: &str = "verdict";

/// How long a decision is known after it was made; by then, nobody decides about that call any more.
const KNOWN: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) struct Decided;

#[object(name = "AgentDecision", ingress_private = true)]
impl Decided {
    /// Decides, unless that was done and differently.
    #[handler]
    async fn decide(&self, ctx: ObjectContext<'_>, Json(verdict): Json<Verdict>) -> HandlerResult<()> {
        if let Some(Json(first)) = ctx.get::<Json<Verdict>>(VERDICT).await? {
            return match first == verdict {
                true => Ok(()),
                false => Err(TerminalError::new_with_code(NOT_WAITING, "it was decided").into()),
            };
        }
        ctx.set(VERDICT, Json(verdict.clone()));
        ctx.resolve_awakeable(ctx.key(), Json(verdict));
        let forget = RequestTarget::object(DECIDED, ctx.key(), "forget");
        drop(ctx.request::<(), ()>(forget, ()).send_after(KNOWN));
        Ok(())
    }

    /// Forgets it.
    #[handler]
    async fn forget(&self, ctx: ObjectContext<'_>) -> HandlerResult<()> {
        ctx.clear_all();
        Ok(())
    }
}
