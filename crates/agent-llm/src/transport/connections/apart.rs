//! A thread that keeps limits of time in programs that were built without optimisation.

use std::{
    future::{Future, pending},
    pin::{Pin, pin},
    sync::OnceLock,
    task::{Context, Poll},
    time::Duration,
};

use futures::{
    FutureExt,
    future::{Either, select},
};
use tokio::{
    runtime::{Builder, Handle},
    task::{JoinError, JoinHandle},
    time::{Sleep, sleep},
};

/// Makes a request so that limits of time hold whatever its server sends. hyper skips what comes
/// before an answer (1xx) in one go, up to 50 MB of it. With optimisation that takes a fraction of
/// a second, and the request is made as any other: a connection on another thread would make a
/// streamed turn many times as expensive. Without optimisation it takes seconds, in which a runtime
/// of one worker sees to no limit. So there the connections are on a thread of their own. With
/// several workers, the others may sleep until somebody wakes them.
pub(super) async fn apart<T: Send + 'static>(request: impl Future<Output = T> + Send + 'static) -> T {
    if !cfg!(debug_assertions) {
        return request.await;
    }
    // A runtime of the current thread has one, too.
    let is_alone = Handle::current().metrics().num_workers() < 2;
    match started(if is_alone { &CONNECTIONS } else { &ALARMS }) {
        None => request.await,
        Some(thread) if !is_alone => waking(thread, request).await,
        Some(thread) => match Task(thread.spawn(request)).await {
            Ok(done) => done,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        },
    }
}

/// Awaits a request, and wakes a worker now and then meanwhile. Of the workers that sleep only one
/// waits for timers: if that is the one that a connection keeps busy, no other does before it is
/// woken, and then that one does.
async fn waking<T>(thread: &Handle, request: impl Future<Output = T>) -> T {
    let mut request = pin!(request);
    loop {
        let alarm = alarm(thread);
        match select(request, pin!(alarm)).await {
            Either::Left((done, _)) => return done,
            Either::Right(((), waiting)) => request = waiting,
        }
    }
}

/// Goes off by the clock of that thread.
fn alarm(thread: &Handle) -> Sleep {
    const NOW_AND_THEN: Duration = Duration::from_millis(500);
    let _clock = thread.enter();
    sleep(NOW_AND_THEN)
}

/// The runtime of a thread.
type Thread = OnceLock<Option<Handle>>;

/// The thread of connections.
static CONNECTIONS: Thread = Thread::new();

/// The thread of alarms, which no connection keeps busy.
static ALARMS: Thread = Thread::new();

/// The runtime of this thread, which starts with the first who asks; `None` if the system gives
/// none.
fn started(thread: &'static Thread) -> Option<&'static Handle> {
    let start = || {
        let runtime = Builder::new_current_thread().enable_all().build().ok()?;
        let handle = runtime.handle().clone();
        let thread = std::thread::Builder::new().name("agent-llm".to_owned());
        thread.spawn(move || runtime.block_on(pending::<()>())).ok()?;
        Some(handle)
    };
    thread.get_or_init(start).as_ref()
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
