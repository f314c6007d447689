//! Asks a model once, and keeps the part of a cancelled reply that has arrived.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use agent_core::{
    Cancel, Conversation, LlmError, Response, StopReason, conversation::Failure, host::Host,
    model::LlmErrorKind,
};
use futures::{
    FutureExt,
    future::{BoxFuture, Shared as SharedFuture},
};
use restate_sdk::{context::ObjectContext, errors::TerminalError};

use crate::{
    payload::{json_bytes, too_large},
    process::SharedProcess,
    run_traces::Traced,
    step::session_step,
    stopped::CANCELLED,
};

/// The reply of a model. The inner error is a failure of the model. With the outer error, the run
/// can't continue.
pub(crate) type AskResult = Result<Result<Response, Failure>, String>;

/// Asks the model of the speaking agent, as a step. The reply may have at most `limit` bytes.
pub(crate) async fn ask_model(
    ctx: &ObjectContext<'_>,
    process: &SharedProcess,
    so_far: &Conversation,
    limit: usize,
) -> Result<Traced<AskResult>, TerminalError> {
    let name = format!("ask {}", so_far.speaker());
    let (process, so_far) = (process.clone(), so_far.clone());
    match process.keeps_partial_reply {
        false => session_step(ctx, &name, ask_traced(process, so_far, limit, None)).await,
        true => ask_and_keep_partial(ctx, &name, process, so_far, limit).await,
    }
}

/// Like `ask_model`, but if the request is cancelled, it keeps the part of the reply that has
/// arrived. Keeping it is a step of its own, because a replay of the first step finds only that it
/// was cancelled.
async fn ask_and_keep_partial(
    ctx: &ObjectContext<'_>,
    name: &str,
    process: SharedProcess,
    so_far: Conversation,
    limit: usize,
) -> Result<Traced<AskResult>, TerminalError> {
    let (cancel, begun) =
        (Cancel::new(), Arc::<OnceLock<SharedFuture<BoxFuture<'static, Traced<AskResult>>>>>::default());
    let (stop, there) = (cancel.clone(), begun.clone());
    let asking = async move {
        let asking = there.get_or_init(|| ask_traced(process, so_far, limit, Some(stop)).boxed().shared());
        asking.clone().await
    };
    let asked = session_step(ctx, name, asking).await;
    let Err(cancelled) = asked else { return asked };
    if cancelled.code() != CANCELLED {
        return Err(cancelled);
    }
    let shown = async move {
        // If another process has streamed the reply, there is nothing here.
        let asking = begun.get()?.clone();
        cancel.all();
        asking.await.result.ok()?.ok().filter(can_end_the_run)
    };
    let shown: Option<Response> = session_step(ctx, "keep what was shown", shown).await?;
    shown.map(|reply| Traced { result: Ok(Ok(reply)), trace: None }).ok_or(cancelled)
}

/// Whether the reply can end the run. The cancellation is reported only once. So a reply that was
/// complete just then does not count if it makes calls.
pub(crate) fn can_end_the_run(reply: &Response) -> bool {
    matches!(reply.stop_reason, StopReason::Cancelled | StopReason::EndTurn)
        && reply.tool_calls().next().is_none()
}

/// Asks the model in this process. The trace of the run may begin with that.
async fn ask_traced(
    process: SharedProcess,
    so_far: Conversation,
    limit: usize,
    cancel: Option<Cancel>,
) -> Traced<AskResult> {
    let (traces, id) = (process.traces.clone(), so_far.id().to_owned());
    let result = ask_here(process, so_far, limit, cancel).await;
    Traced { result, trace: traces.take_new(&id) }
}

/// Asks the model in this process, until `cancel` stops it.
async fn ask_here(
    process: SharedProcess,
    so_far: Conversation,
    limit: usize,
    cancel: Option<Cancel>,
) -> AskResult {
    let failed = |error| Ok(Err(Failure { agent: so_far.speaker().to_owned(), error }));
    let asking = async {
        match &cancel {
            None => process.local.ask(&so_far).await,
            Some(cancel) => process.local.ask_until(&so_far, cancel).await,
        }
    };
    let reply = tokio::time::timeout(process.step_timeout, asking).await;
    process.flush(so_far.id()).await;
    let Ok(reply) = reply else {
        return failed(too_slow(process.step_timeout));
    };
    match reply {
        Ok(reply) => within(&so_far, reply, limit),
        Err(error) => Err(error.to_string()),
    }
}

/// The error for a reply that takes too long.
pub(crate) fn too_slow(step_timeout: Duration) -> LlmError {
    LlmError::new(LlmErrorKind::Timeout, format!("it took longer than {step_timeout:?}"))
}

/// The reply, if it has at most `limit` bytes.
pub(crate) fn within(so_far: &Conversation, reply: Result<Response, Failure>, limit: usize) -> AskResult {
    let bytes = json_bytes(&reply);
    if bytes <= limit {
        return Ok(reply);
    }
    // The reply was paid for all the same.
    let usage =
        reply.as_ref().map_or_else(|failure| failure.error.usage(), |reply| reply.usage.of_broken_off());
    let error = LlmError::new(LlmErrorKind::Other, too_large("the reply", bytes, limit)).costing(usage);
    Ok(Err(Failure { agent: so_far.speaker().to_owned(), error }))
}
