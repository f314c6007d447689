//! A call's own task.

use std::{any::Any, future::Future, panic::AssertUnwindSafe};

use futures::FutureExt;
use tokio::{runtime::Handle, task::AbortHandle};

use crate::Outcome;

/// Runs a call on a task of its own, from now on; dropping the future aborts it. One that has begun on
/// the blocking pool can't be aborted: it runs to its end, and nobody gets its result.
pub(super) fn run<F>(call: F, blocking: bool) -> impl Future<Output = ()> + use<F>
where
    F: Future<Output = ()> + Send + 'static,
{
    let task = match blocking {
        true => {
            let runtime = Handle::current();
            tokio::task::spawn_blocking(move || runtime.block_on(call))
        }
        false => tokio::spawn(call),
    };
    let abort = AbortOnDrop(task.abort_handle());
    async move {
        let _abort = abort;
        // An error is an abort, by a runtime that shuts down: there is no result then.
        let _ = task.await;
    }
}

/// What a call leads to, a panic included.
pub(super) async fn outcome(call: impl Future<Output = Outcome>) -> Outcome {
    AssertUnwindSafe(call)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| Outcome::Error(format!("the tool panicked: {}", panic_message(&*panic))))
}

/// The words of a panic.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// Aborts a task when it is dropped.
#[derive(Debug)]
pub(super) struct AbortOnDrop(pub(super) AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
