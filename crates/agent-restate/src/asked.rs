//! Asking a model, once, and what was shown of a reply that was cancelled.

use std::sync::{Arc, OnceLock};

use agent_core::{
    Cancel, Conversation, LlmError, Response, StopReason, conversation::Failure, host::Host,
    model::LlmErrorKind,
};
use futures::{
    FutureExt,
    future::{BoxFuture, Shared as Twice},
};
use restate_sdk::{context::ObjectContext, errors::TerminalError};

use crate::{
    payload::{size, too_large},
    process::Shared,
    step::in_session,
    stopped::CANCELLED,
};

/// The inner error is the model's. The outer one is not: the run can't go on.
pub(crate) type RequestParts = Result<Result<Response, Failure>, String>;

/// Asks the model of the agent that speaks next, as a step. What it says may have so many bytes.
pub(crate) async fn asked(
    ctx: &ObjectContext<'_>,
    process: &Shared,
    so_far: &Conversation,
    limit: usize,
) -> Result<RequestParts, TerminalError> {
    let name = format!("ask {}", so_far.speaker());
    let (process, so_far) = (process.clone(), so_far.clone());
    match process.keeps_partial_reply {
        false => in_session(ctx, &name, ask(process, so_far, limit, None)).await,
        true => kept(ctx, &name, process, so_far, limit).await,
    }
}

/// The same. If it is cancelled, what was shown until then is a step of its own: whoever replays the first step finds only that
/// it was cancelled.
async fn kept(
    ctx: &ObjectContext<'_>,
    name: &str,
    process: Shared,
    so_far: Conversation,
    limit: usize,
) -> Result<RequestParts, TerminalError> {
    let (cancel, begun) =
        (Cancel::new(), Arc::<OnceLock<Twice<BoxFuture<'static, RequestParts>>>>::default());
    let (stop, there) = (cancel.clone(), begun.clone());
    let asking = async move {
        let asking = there.get_or_init(|| ask(process, so_far, limit, Some(stop)).boxed().shared());
        asking.clone().await
    };
    let asked = in_session(ctx, name, asking).await;
    let Err(cancelled) = asked else { return asked };
    if cancelled.code() != CANCELLED {
        return Err(cancelled);
    }
    let shown = async move {
        // It may have been another process that showed something.
        let asking = begun.get()?.clone();
        cancel.all();
        asking.await.ok()?.ok().filter(ends_the_run)
    };
    let shown: Option<Response> = in_session(ctx, "keep what was shown", shown).await?;
    shown.map(|reply| Ok(Ok(reply))).ok_or(cancelled)
}

/// That the run is cancelled is heard once. So a reply that came to its end just then, and wants more than that, does not count.
fn ends_the_run(reply: &Response) -> bool {
    matches!(reply.stop_reason, StopReason::Cancelled | StopReason::EndTurn)
        && reply.tool_calls().next().is_none()
}

/// Asks the model in this process, until `cancel` says to leave off.
async fn ask(process: Shared, so_far: Conversation, limit: usize, cancel: Option<Cancel>) -> RequestParts {
    let failed = |error| Ok(Err(Failure { agent: so_far.speaker().to_owned(), error }));
    let asking = async {
        match &cancel {
            None => process.local.ask(&so_far).await,
            Some(cancel) => process.local.ask_until(&so_far, cancel).await,
        }
    };
    let Ok(reply) = tokio::time::timeout(process.longest, asking).await else {
        let why = format!("it took longer than {:?}", process.longest);
        return failed(LlmError::new(LlmErrorKind::Timeout, why));
    };
    let reply = reply.map_err(|error| error.to_string())?;
    let bytes = size(&reply);
    if bytes <= limit {
        return Ok(reply);
    }
    // It was paid for all the same.
    let usage =
        reply.as_ref().map_or_else(|failure| failure.error.usage(), |reply| reply.usage.of_broken_off());
    failed(LlmError::new(LlmErrorKind::Other, too_large("the reply", bytes, limit)).costing(usage))
}
