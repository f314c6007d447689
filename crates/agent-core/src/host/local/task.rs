//! The task of a call.

use std::{
    any::Any,
    future::Future,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Wake, Waker},
};

use futures::FutureExt;
use tokio::{
    sync::Notify,
    task::{AbortHandle, spawn_blocking},
};

use crate::{Outcome, panic_message::panic_message};

/// Starts a call on its own task. Dropping the future aborts it. A call on the blocking pool can't
/// be aborted: it runs until it returns or awaits, and its result is not used.
pub(super) fn run<F>(call: F, blocking: bool) -> impl Future<Output = ()> + use<F>
where
    F: Future<Output = ()> + Send + 'static,
{
    let task = match blocking {
        true => tokio::spawn(on_the_pool(call)),
        false => tokio::spawn(call),
    };
    let abort = AbortOnDrop(task.abort_handle());
    async move {
        let _abort = abort;
        // An error means that the runtime shuts down and aborted the task. There is no result then.
        let _ = task.await;
    }
}

/// Runs a call on the blocking pool. While it awaits something, it holds no thread. It is polled
/// directly and not inside `block_on`, because code inside `block_on` can't call `block_on` again.
async fn on_the_pool(call: impl Future<Output = ()> + Send + 'static) {
    let (mut call, woken) = (Box::pin(call), Arc::new(Woken(Notify::new())));
    loop {
        let waker = Waker::from(woken.clone());
        let polling = spawn_blocking(move || {
            let is_over = call.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
            (call, is_over)
        });
        let _abort = AbortOnDrop(polling.abort_handle());
        match polling.await {
            Ok((rest, false)) => call = rest,
            // An error means that the runtime shuts down and aborted the task.
            Ok((_, true)) | Err(_) => return,
        }
        woken.0.notified().await;
    }
}

/// Remembers a wake, even if nobody waits for it yet.
struct Woken(Notify);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

/// The outcome of a call. A panic becomes an error result.
pub(super) fn outcome(call: impl Future<Output = Outcome>) -> impl Future<Output = Outcome> {
    let panicked = |panic: Box<dyn Any + Send>| format!("the tool panicked: {}", panic_message(&*panic));
    let ended = AssertUnwindSafe(call).catch_unwind();
    ended.map(move |ended| ended.unwrap_or_else(|panic| Outcome::error(panicked(panic))))
}

/// Aborts a task when it is dropped.
#[derive(Debug)]
pub(super) struct AbortOnDrop(pub(super) AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
