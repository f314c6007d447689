//! A step whose result is saved, so that it is done once. It ends when its invocation is cancelled.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use futures::future::BoxFuture;
use restate_sdk::{
    context::{Context, ContextAwakeables, ContextSideEffects, ObjectContext, RunFuture},
    errors::{HandlerResult, TerminalError},
    serde::Json,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::step_counter::count_step;

/// Defines a function that does `work` in a handler and saves its result. After a crash, the
/// handler gets the saved result. Unlike `ctx.run` alone, it ends when the invocation is cancelled,
/// and drops `work`.
///
/// There is one function for each type of context. With a generic one, the compiler can't see that
/// `ctx.run` may move to another thread.
macro_rules! step {
    ($step:ident, $context:ident) => {
        pub(crate) fn $step<'ctx, T>(
            ctx: &$context<'ctx>,
            name: &str,
            work: impl Future<Output = T> + Send + 'ctx,
        ) -> BoxFuture<'ctx, Result<T, TerminalError>>
        where
            T: Serialize + DeserializeOwned + Send + 'static,
        {
            let is_running = Arc::new(AtomicBool::new(false));
            let flag = is_running.clone();
            let done = ctx.run(move || run_work(work, flag)).name(name);
            // Nobody resolves this awakeable. While the work runs, awaiting it is the way to notice
            // that the invocation was cancelled.
            let (_, cancelled) = ctx.awakeable::<String>();
            Box::pin(or_cancelled(done, cancelled, is_running))
        }
    };
}

step!(session_step, ObjectContext);
step!(call_step, Context);

/// Does the work. `is_running` is true while it runs.
async fn run_work<T>(work: impl Future<Output = T>, is_running: Arc<AtomicBool>) -> HandlerResult<Json<T>> {
    is_running.store(true, Ordering::Relaxed);
    let counted = count_step();
    let done = work.await;
    drop(counted);
    is_running.store(false, Ordering::Relaxed);
    Ok(Json(done))
}

async fn or_cancelled<T>(
    done: impl Future<Output = Result<Json<T>, TerminalError>>,
    cancelled: impl Future<Output = Result<String, TerminalError>>,
    is_running: Arc<AtomicBool>,
) -> Result<T, TerminalError> {
    let (mut done, mut cancelled) = (pin!(done), pin!(cancelled));
    let both = poll_fn(|context| {
        if let Poll::Ready(done) = done.as_mut().poll(context) {
            return Poll::Ready(done.map(|Json(done)| done));
        }
        // Once the work is done, only its result may be awaited: polling either future reads the
        // input of both.
        match is_running.load(Ordering::Relaxed) {
            true => cancelled.as_mut().poll(context).map(|error| match error {
                Err(error) => Err(error),
                Ok(word) => Err(TerminalError::new(format!("somebody resolved an awakeable that is only there to notice a cancelled invocation: {word}"))),
            }),
            false => Poll::Pending,
        }
    });
    both.await
}
