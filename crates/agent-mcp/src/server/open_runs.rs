//! The runs that are under way, so that a second call with the same key attaches to the first.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use agent_core::Conversation;
use futures::{FutureExt, future::BoxFuture};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::ended::Ended;

/// How many reports of progress are kept for a client that reads slowly.
const REPORTS: usize = 32;

/// The runs that are under way, by the ids of their conversations. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct OpenRuns(Arc<Mutex<HashMap<String, OpenRun>>>);

struct OpenRun {
    /// Gone when no client waits any more. The run then stops, which may take a moment.
    stop: Weak<DropGuard>,
    start: Conversation,
    reports: broadcast::Sender<String>,
    ended: watch::Receiver<Option<Ended>>,
}

/// A client's part in a run. When the last part is dropped, so is the run: what has ended is kept,
/// and a later call with the same key goes on from there.
pub(crate) struct Attached {
    pub(crate) reports: broadcast::Receiver<String>,
    pub(crate) ended: watch::Receiver<Option<Ended>>,
    /// Whether the run was started for this client.
    pub(crate) is_first: bool,
    _stop: Arc<DropGuard>,
}

/// The error if a key was used before with another input.
pub(crate) struct OtherInput;

impl OpenRuns {
    /// Attaches to the run of the conversation with this id, or starts it. If a run is being
    /// stopped and has not ended yet, this waits for its end first: two runs of one conversation
    /// would both do the same work.
    pub(crate) async fn attach<F>(&self, start: &Conversation, run: F) -> Result<Attached, OtherInput>
    where
        F: FnOnce(broadcast::Sender<String>) -> BoxFuture<'static, Ended>,
    {
        let id = start.id();
        loop {
            let mut stopping = {
                let mut open = self.open();
                match open.get(id) {
                    Some(other) if other.start.messages() != start.messages() => return Err(OtherInput),
                    Some(other) => match other.attached() {
                        Some(attached) => return Ok(attached),
                        None => other.ended.clone(),
                    },
                    None => return Ok(self.start(&mut open, start, run)),
                }
            };
            // An error means that its task is gone, which is as good.
            let _ = stopping.wait_for(Option::is_some).await;
        }
    }

    fn start<F>(&self, open: &mut HashMap<String, OpenRun>, start: &Conversation, run: F) -> Attached
    where
        F: FnOnce(broadcast::Sender<String>) -> BoxFuture<'static, Ended>,
    {
        let (reports, to_read) = broadcast::channel(REPORTS);
        let (ending, ended) = watch::channel(None);
        let stopped = CancellationToken::new();
        let stop = Arc::new(stopped.clone().drop_guard());
        let id = start.id().to_owned();
        let entry = OpenRun {
            stop: Arc::downgrade(&stop),
            start: start.clone(),
            reports: reports.clone(),
            ended: ended.clone(),
        };
        open.insert(id.clone(), entry);
        let (run, runs) = (AssertUnwindSafe(run(reports)).catch_unwind(), self.clone());
        tokio::spawn(async move {
            let end = match stopped.run_until_cancelled_owned(run).await {
                Some(Ok(end)) => end,
                Some(Err(_)) => Ended::error("the run panicked: this is a bug of the server"),
                None => Ended::error("the call was cancelled"),
            };
            runs.open().remove(&id);
            // Without receivers, nobody waits any more.
            let _ = ending.send(Some(end));
        });
        Attached { reports: to_read, ended, is_first: true, _stop: stop }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, OpenRun>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenRun {
    /// A part in this run; `None` if it is being stopped.
    fn attached(&self) -> Option<Attached> {
        let stop = self.stop.upgrade()?;
        let (reports, ended) = (self.reports.subscribe(), self.ended.clone());
        Some(Attached { reports, ended, is_first: false, _stop: stop })
    }
}
