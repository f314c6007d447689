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
/// `is_new_trace` says that the trace of the run begins with this request.
pub(crate) async fn ask_model(
    ctx: &ObjectContext<'_>,
    process: &SharedProcess,
    so_far: &Conversation,
    limit: usize,
    is_new_trace: bool,
) -> Result<Traced<AskResult>, TerminalError> {
    let name = format!("ask {}", so_far.speaker());
    let asking = Asking {
        process: process.clone(),
        so_far: Arc::new(so_far.clone()),
        limit,
        cancel: process.keeps_partial_reply.then(Cancel::new),
        begun: Arc::default(),
    };
    let begun = match is_new_trace {
        true => asking.begin_trace(ctx).await?,
        false => None,
    };
    let there = asking.clone();
    let asked = session_step(ctx, &name, async move { there.reply().await }).await;
    let asked = match asked {
        Err(cancelled) if cancelled.code() == CANCELLED => asking.keep_partial_reply(ctx, cancelled).await?,
        asked => asked?,
    };
    Ok(Traced { trace: asked.trace.or(begun), ..asked })
}

/// A request to a model, which several steps share while they are in this process.
#[derive(Clone)]
struct Asking {
    process: SharedProcess,
    so_far: Arc<Conversation>,
    limit: usize,
    /// Stops the request, if a part of a reply is to be kept.
    cancel: Option<Cancel>,
    begun: Arc<OnceLock<SharedFuture<BoxFuture<'static, Traced<AskResult>>>>>,
}

impl Asking {
    /// The reply. The request begins when this is polled for the first time.
    fn reply(&self) -> SharedFuture<BoxFuture<'static, Traced<AskResult>>> {
        let begin = || {
            let Self { process, so_far, limit, cancel, .. } = self.clone();
            async move {
                let result = ask_here(&process, &so_far, limit, cancel).await;
                Traced { result, trace: process.traces.take_new(so_far.id()) }
            }
            .boxed()
            .shared()
        };
        self.begun.get_or_init(begin).clone()
    }

    /// Begins the request, and saves the trace that begins with it in a step of its own. So the
    /// trace is known if the process ends before the reply.
    async fn begin_trace(&self, ctx: &ObjectContext<'_>) -> Result<Option<String>, TerminalError> {
        let there = self.clone();
        let begin = async move {
            // The start of the turn is told when it is polled for the first time. If the reply is
            // complete then, it says what the trace is.
            let _ = futures::poll!(there.reply());
            there.process.traces.take_new(there.so_far.id())
        };
        let trace = session_step(ctx, "begin the trace", begin).await?;
        if let Some(trace) = &trace {
            self.process.traces.learn(self.so_far.id(), trace);
        }
        Ok(trace)
    }

    /// Keeps the part of a cancelled reply that has arrived. It is a step of its own, because a
    /// replay of the step before finds only that it was cancelled.
    async fn keep_partial_reply(
        &self,
        ctx: &ObjectContext<'_>,
        cancelled: TerminalError,
    ) -> Result<Traced<AskResult>, TerminalError> {
        let Some(cancel) = self.cancel.clone() else { return Err(cancelled) };
        let begun = self.begun.clone();
        let shown = async move {
            // If another process has streamed the reply, there is nothing here.
            let asking = begun.get()?.clone();
            cancel.all();
            asking.await.result.ok()?.ok().filter(can_end_the_run)
        };
        let shown: Option<Response> = session_step(ctx, "keep what was shown", shown).await?;
        shown.map(|reply| Traced { result: Ok(Ok(reply)), trace: None }).ok_or(cancelled)
    }
}

/// Whether the reply can end the run. The cancellation is reported only once. So a reply that was
/// complete just then does not count if it makes calls.
pub(crate) fn can_end_the_run(reply: &Response) -> bool {
    matches!(reply.stop_reason, StopReason::Cancelled | StopReason::EndTurn)
        && reply.tool_calls().next().is_none()
}

/// Asks the model in this process, until `cancel` stops it.
async fn ask_here(
    process: &SharedProcess,
    so_far: &Conversation,
    limit: usize,
    cancel: Option<Cancel>,
) -> AskResult {
    let failed = |error| Ok(Err(Failure { agent: so_far.speaker().to_owned(), error }));
    let asking = async {
        match &cancel {
            None => process.local.ask(so_far).await,
            Some(cancel) => process.local.ask_until(so_far, cancel).await,
        }
    };
    let reply = tokio::time::timeout(process.step_timeout, asking).await;
    process.flush(so_far.id()).await;
    let Ok(reply) = reply else {
        return failed(too_slow(process.step_timeout));
    };
    match reply {
        Ok(reply) => within(so_far, reply, limit),
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
