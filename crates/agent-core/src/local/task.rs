//! A call's own task.

use std::{any::Any, future::Future, panic::AssertUnwindSafe};

use futures::{FutureExt, channel::oneshot, future::BoxFuture};
use tokio::{runtime::Handle, task::AbortHandle};

use crate::Outcome;

/// Runs a call on the runtime's workers; dropping the future aborts it.
pub(super) fn on_runtime(
    call: impl Future<Output = Outcome> + Send + 'static,
) -> BoxFuture<'static, Outcome> {
    let (sender, ended) = oneshot::channel();
    let task = tokio::spawn(finish(call, sender));
    wait(ended, task.abort_handle()).boxed()
}

/// Runs a call on the blocking pool. A call that has begun there can't be aborted: it runs to its
/// end, and nobody gets its result.
pub(super) fn on_blocking_pool(
    call: impl Future<Output = Outcome> + Send + 'static,
) -> BoxFuture<'static, Outcome> {
    let (sender, ended) = oneshot::channel();
    let runtime = Handle::current();
    let task = tokio::task::spawn_blocking(move || runtime.block_on(finish(call, sender)));
    wait(ended, task.abort_handle()).boxed()
}

/// A channel and not the task's own handle, since it can be read also when the task that waits has
/// used up its turn on the runtime: what has ended is found at once, also by a `Drop`.
async fn finish(call: impl Future<Output = Outcome>, sender: oneshot::Sender<Outcome>) {
    let outcome = AssertUnwindSafe(call).catch_unwind().await;
    let outcome = outcome
        .unwrap_or_else(|panic| Outcome::Error(format!("the tool panicked: {}", panic_message(&*panic))));
    // Nobody waits any more: then nobody wants it.
    let _ = sender.send(outcome);
}

async fn wait(ended: oneshot::Receiver<Outcome>, task: AbortHandle) -> Outcome {
    let _abort = AbortOnDrop(task);
    match ended.await {
        Ok(outcome) => outcome,
        Err(oneshot::Canceled) => Outcome::Error("aborted: the runtime is shutting down".to_owned()),
    }
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The words of a panic.
pub(super) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
