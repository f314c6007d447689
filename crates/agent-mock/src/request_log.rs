//! The requests that came in, and how many are open.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use tokio::sync::watch;

use crate::RecordedRequest;

/// The requests so far, and counts of them. Each count is exact; reads of different counts are not
/// synchronised.
#[derive(Default)]
pub(crate) struct RequestLog {
    answered: AtomicUsize,
    count: AtomicUsize,
    open: watch::Sender<usize>,
    most_open: AtomicUsize,
    requests: Mutex<Vec<Arc<RecordedRequest>>>,
    attempts: Mutex<HashMap<u64, usize>>,
    hasher: RandomState,
}

/// An open request. It counts as open until this is dropped.
pub(crate) struct OpenRequest(watch::Sender<usize>);

impl RequestLog {
    /// The next number for an answer, from 1.
    pub(crate) fn number(&self) -> usize {
        self.answered.fetch_add(1, Relaxed) + 1
    }

    /// Counts a new request for a reply.
    pub(crate) fn open(&self) -> OpenRequest {
        self.count.fetch_add(1, Relaxed);
        self.open.send_modify(|open| {
            *open += 1;
            self.most_open.fetch_max(*open, Relaxed);
        });
        OpenRequest(self.open.clone())
    }

    /// How often this request has come in, including now. Requests are compared by hash.
    pub(crate) fn attempt(&self, asked: &str) -> usize {
        let mut attempts = self.attempts.lock().expect("nothing that holds this lock can panic");
        let count = attempts.entry(self.hasher.hash_one(asked)).or_default();
        *count += 1;
        *count
    }

    pub(crate) fn keep(&self, request: Arc<RecordedRequest>) {
        self.kept().push(request);
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// The number of open requests, and each change of it.
    pub(crate) fn watch_open(&self) -> watch::Receiver<usize> {
        self.open.subscribe()
    }

    pub(crate) fn most_open(&self) -> usize {
        self.most_open.load(Relaxed)
    }

    pub(crate) fn requests(&self) -> Vec<Arc<RecordedRequest>> {
        self.kept().clone()
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Arc<RecordedRequest>>> {
        self.requests.lock().expect("nothing that holds this lock can panic")
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}
