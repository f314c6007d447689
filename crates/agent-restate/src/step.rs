//! A step that is done once, and given up when its invocation is cancelled.

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

use crate::held::under_way;

/// Defines a function that does `work` in a handler with such a context and keeps what comes of it: whoever comes here
/// again, after a crash, has that. Unlike `ctx.run` alone it ends when the invocation is cancelled: `work` is dropped.
///
/// One for each kind of context: over all of them, the compiler can't see that a `ctx.run` may be sent to another thread.
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
            let is_going_on = Arc::new(AtomicBool::new(false));
            let flag = is_going_on.clone();
            let done = ctx.run(move || watched(work, flag)).name(name);
            // Nobody resolves it: while the work is going on, waiting for it is what reads that the invocation was cancelled.
            let (_, cancelled) = ctx.awakeable::<String>();
            Box::pin(unless_cancelled(done, cancelled, is_going_on))
        }
    };
}

step!(in_session, ObjectContext);
step!(in_call, Context);

/// Does the work; `is_going_on` says as long as it does.
async fn watched<T>(work: impl Future<Output = T>, is_going_on: Arc<AtomicBool>) -> HandlerResult<Json<T>> {
    is_going_on.store(true, Ordering::Relaxed);
    let under_way = under_way();
    let done = work.await;
    drop(under_way);
    is_going_on.store(false, Ordering::Relaxed);
    Ok(Json(done))
}

async fn unless_cancelled<T>(
    done: impl Future<Output = Result<Json<T>, TerminalError>>,
    cancelled: impl Future<Output = Result<String, TerminalError>>,
    is_going_on: Arc<AtomicBool>,
) -> Result<T, TerminalError> {
    let (mut done, mut cancelled) = (pin!(done), pin!(cancelled));
    let both = poll_fn(|context| {
        if let Poll::Ready(done) = done.as_mut().poll(context) {
            return Poll::Ready(done.map(|Json(done)| done));
        }
        // Once the work is done, only its result may be waited for: each of the two reads what has come for both.
        match is_going_on.load(Ordering::Relaxed) {
            true => cancelled.as_mut().poll(context).map(|error| match error {
                Err(error) => Err(error),
                Ok(word) => Err(TerminalError::new(format!("somebody resolved what nobody should: {word}"))),
            }),
            false => Poll::Pending,
        }
    });
    both.await
}
