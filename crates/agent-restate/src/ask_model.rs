//! Asks a model once, and keeps the part of a cancelled reply that has arrived.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use agent_core::{
    Cancel, Conversation, LlmError, Response, StopReason,
    conversation::{Call, Failure},
    model::LlmErrorKind,
    tool::Done,
};
use futures::{
    FutureExt,
    future::{BoxFuture, Shared as SharedFuture},
};
use restate_sdk::{context::ObjectContext, errors::TerminalError};
use serde::{Deserialize, Serialize};

use crate::{
    payload::{json_bytes, too_large},
    process::SharedProcess,
    step::session_step,
    stopped::CANCELLED,
};

/// The reply of a model. The inner error is a failure of the model. With the outer error, the run
/// can't continue.
pub(crate) type AskResult = Result<Result<Response, Failure>, String>;

/// What a request to a model has led to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) result: AskResult,
    /// The trace of the run, if it has begun with this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trace: Option<String>,
    /// The calls of the reply that were made while it streamed, by their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) made: Vec<(String, Done)>,
}

/// Asks the model of the speaking agent, as a step. The reply may have at most `limit` bytes.
/// `is_new_trace` says that the trace of the run begins with this request. At most `most_early` of
/// its calls are made while it streams.
pub(crate) async fn ask_model(
    ctx: &ObjectContext<'_>,
    process: &SharedProcess,
    so_far: &Conversation,
    limit: usize,
    is_new_trace: bool,
    most_early: u32,
) -> Result<Asked, TerminalError> {
    let name = format!("ask {}", so_far.speaker());
    let asking = Asking {
        process: process.clone(),
        so_far: Arc::new(so_far.clone()),
        limit,
        most_early,
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
    Ok(Asked { trace: asked.trace.or(begun), ..asked })
}

/// A request to a model, which several steps share while they are in this process.
#[derive(Clone)]
struct Asking {
    process: SharedProcess,
    so_far: Arc<Conversation>,
    limit: usize,
    most_early: u32,
    /// Stops the request, if a part of a reply is to be kept.
    cancel: Option<Cancel>,
    begun: Arc<OnceLock<SharedFuture<BoxFuture<'static, Asked>>>>,
}

impl Asking {
    /// The reply. The request begins when this is polled for the first time.
    fn reply(&self) -> SharedFuture<BoxFuture<'static, Asked>> {
        let begin = || {
            // Without `begun`, which holds this future: it must be dropped with its step.
            let asking = Self { begun: Arc::default(), ..self.clone() };
            async move {
                let (result, made) = asking.ask_here().await;
                let Self { process, so_far, .. } = asking;
                Asked { result, trace: process.traces.take_new(so_far.id()), made }
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
    ) -> Result<Asked, TerminalError> {
        let Some(cancel) = self.cancel.clone() else { return Err(cancelled) };
        let begun = self.begun.clone();
        let shown = async move {
            // If another process has streamed the reply, there is nothing here.
            let asking = begun.get()?.clone();
            cancel.all();
            asking.await.result.ok()?.ok().filter(can_end_the_run)
        };
        let shown: Option<Response> = session_step(ctx, "keep what was shown", shown).await?;
        shown.map(|reply| Asked { result: Ok(Ok(reply)), trace: None, made: Vec::new() }).ok_or(cancelled)
    }

    /// Asks the model in this process, until `cancel` stops it. Returns the reply, and the calls that
    /// were made while it streamed.
    async fn ask_here(&self) -> (AskResult, Vec<(String, Done)>) {
        let Self { process, so_far, limit, most_early, cancel, .. } = self;
        let (began, cancel) = (Instant::now(), cancel.clone().unwrap_or_default());
        let left = AtomicU32::new(*most_early);
        let may_start = |call: &Call| {
            let take = |left: u32| left.checked_sub(1);
            process.starts_early(call)
                && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
        };
        let asking = process.local.ask_early(so_far, &cancel, &may_start);
        let (reply, made) = match tokio::time::timeout(process.step_timeout, asking).await {
            Err(_) => {
                let agent = so_far.speaker().to_owned();
                (Ok(Err(Failure { agent, error: too_slow(process.step_timeout) })), Vec::new())
            }
            Ok(Err(error)) => (Err(error.to_string()), Vec::new()),
            Ok(Ok(reply)) => {
                let time_left = process.step_timeout.saturating_sub(began.elapsed());
                let (reply, made) = reply.finish(time_left).await;
                (within(so_far, reply, *limit), self.small(made))
            }
        };
        process.flush(so_far.id()).await;
        (reply, made)
    }

    /// The results that can be saved with the reply. The calls of the others are made again.
    fn small(&self, mut made: Vec<(String, Done)>) -> Vec<(String, Done)> {
        let share = self.limit / made.len().max(1);
        made.retain(|(_, done)| json_bytes(done) <= share);
        made
    }
}

/// Whether the reply can end the run. The cancellation is reported only once. So a reply that was
/// complete just then does not count if it makes calls.
pub(crate) fn can_end_the_run(reply: &Response) -> bool {
    matches!(reply.stop_reason, StopReason::Cancelled | StopReason::EndTurn)
        && reply.tool_calls().next().is_none()
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
