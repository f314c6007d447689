//! A thread for the connections of programs whose runtime has only one.

use std::{
    future::{Future, pending},
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll},
};

use futures::FutureExt;
use tokio::{
    runtime::{Builder, Handle},
    task::{JoinError, JoinHandle},
};

/// Makes a request where it does not hold up who waits for it. What a server says before its answer (1xx) is passed over
/// in one go, however much there is. On a runtime of several workers another one sees to the limits meanwhile; on one with
/// a single worker nobody would, so there the connections are on a thread of their own.
pub(super) async fn apart<T: Send + 'static>(request: impl Future<Output = T> + Send + 'static) -> T {
    // A runtime of the current thread has one, too.
    let is_alone = Handle::current().metrics().num_workers() < 2;
    let thread = if is_alone { thread() } else { None };
    match thread {
        None => request.await,
        Some(thread) => match Task(thread.spawn(request)).await {
            Ok(done) => done,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        },
    }
}

/// The runtime of that thread; `None` if the system gives none.
fn thread() -> Option<&'static Handle> {
    static THREAD: OnceLock<Option<Handle>> = OnceLock::new();
    let start = || {
        let runtime = Builder::new_current_thread().enable_all().build().ok()?;
        let handle = runtime.handle().clone();
        let thread = std::thread::Builder::new().name("agent-llm".to_owned());
        thread.spawn(move || runtime.block_on(pending::<()>())).ok()?;
        Some(handle)
    };
    THREAD.get_or_init(start).as_ref()
}

/// A request that is given up when nobody waits for it any more.
struct Task<T>(JoinHandle<T>);

impl<T> Future for Task<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_unpin(context)
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
