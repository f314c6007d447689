//! A call that needs permits. It waits for them, has the call made, and gives them back.
//!
//! Who holds the permits is the invocation of `call`. The engine carries out the requests to an
//! object one after the other. So `over` begins when `call` has ended, however it ended: with a
//! result, cancelled, or killed. If an invocation is killed, the engine also kills all that it has
//! called or sent and that is not complete. So `over` is not sent by `call`, but by `follow`, which
//! is complete before the first permit is taken.

use agent_core::{conversation::Call, tool::Done};
use restate_sdk::{
    context::{
        CallFuture, ContextAwakeables, ContextClient, ObjectContext, RequestTarget, SharedObjectContext,
    },
    errors::{HandlerResult, TerminalError},
    object,
    serde::Json,
};
use serde::{Deserialize, Serialize};

use crate::{
    permit_queue::Asking,
    permits::{PERMITS, TakePermit},
    process::SharedProcess,
    run_traces::TRACE,
    step::session_step,
    tools::{TOOLS, ToolCallRequest},
};

/// The name of the object. Its key is the key of the call.
pub(crate) const LIMITED_CALL: &str = "AgentLimitedCall";

/// The handler that makes this call.
pub(crate) fn handler_of(request: &ToolCallRequest) -> RequestTarget {
    let Call { conversation, call, .. } = &request.call;
    match request.permits.is_empty() {
        true => RequestTarget::service(TOOLS, "call"),
        false => RequestTarget::object(LIMITED_CALL, format!("{conversation}/{}", call.id), "call"),
    }
}

/// Who held permits, and of which limits.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Held {
    holder: String,
    limits: Vec<String>,
}

pub(crate) struct LimitedCall(pub(crate) SharedProcess);

#[object(name = "AgentLimitedCall", ingress_private = true)]
impl LimitedCall {
    /// Makes one tool call, when it has its permits. While it waits, no process works for it.
    #[handler]
    async fn call(
        &self,
        ctx: ObjectContext<'_>,
        Json(request): Json<ToolCallRequest>,
    ) -> HandlerResult<Json<Done>> {
        let trace = ctx.headers().get(TRACE).cloned();
        let _works = self.0.traces.call(&request.call.conversation, trace.as_deref());
        let holder = ctx.invocation_id().to_owned();
        let limits = request.permits.iter().map(|permit| permit.limit.clone()).collect();
        let target = RequestTarget::object(LIMITED_CALL, ctx.key(), "follow");
        ctx.request::<_, ()>(target, Json(Held { holder, limits })).call().await?;
        self.wait(&ctx, &request).await?;
        let call = ToolCallRequest { permits: Vec::new(), ..request };
        let request = ctx.request::<_, Json<Done>>(RequestTarget::service(TOOLS, "call"), Json(call));
        let request =
            trace.into_iter().fold(request, |request, trace| request.header(TRACE.to_owned(), trace));
        let called = request.call();
        let made = called.invocation_handle().await;
        let done = called.await;
        if let (Err(_), Ok(made)) = (&done, made) {
            // If this was cancelled, so is the call. The permits are needed until it has ended.
            let _ = made.attach::<Vec<u8>>().await;
        }
        Ok(done?)
    }

    /// Has `over` follow the call.
    #[handler]
    async fn follow(&self, ctx: SharedObjectContext<'_>, Json(held): Json<Held>) -> HandlerResult<()> {
        let target = RequestTarget::object(LIMITED_CALL, ctx.key(), "over");
        // The message is sent when it is created; nobody waits for it.
        drop(ctx.request::<_, ()>(target, Json(held)).send());
        Ok(())
    }

    /// The call is over.
    #[handler]
    async fn over(&self, ctx: ObjectContext<'_>, Json(held): Json<Held>) -> HandlerResult<()> {
        for limit in held.limits {
            let target = RequestTarget::object(PERMITS, limit, "give_back");
            // The message is sent when it is created; nobody waits for it.
            drop(ctx.request::<_, ()>(target, Json(held.holder.clone())).send());
        }
        Ok(())
    }
}

impl LimitedCall {
    /// Waits for the permits of the call. An error means that it was cancelled.
    async fn wait(&self, ctx: &ObjectContext<'_>, request: &ToolCallRequest) -> Result<(), TerminalError> {
        let mut is_told = false;
        for permit in &request.permits {
            let (awakeable, granted) = ctx.awakeable::<Json<()>>();
            let asking = Asking { holder: ctx.invocation_id().to_owned(), awakeable };
            let target = RequestTarget::object(PERMITS, permit.limit.as_str(), "take");
            let take = Json(TakePermit { most: permit.most, asking });
            let Json(is_free) = ctx.request::<_, Json<bool>>(target, take).call().await?;
            if is_free {
                continue;
            }
            if !std::mem::replace(&mut is_told, true) {
                let (process, call) = (self.0.clone(), request.call.clone());
                session_step(ctx, "tell that it waits", async move { process.tell_queued(&call).await })
                    .await?;
            }
            granted.await?;
        }
        Ok(())
    }
}
