//! What came in, and how much of it at once.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use crate::RecordedRequest;

/// The requests so far. The counts are exact; no order between them is promised.
#[derive(Default)]
pub(crate) struct Record {
    answered: AtomicUsize,
    count: AtomicUsize,
    open: Arc<AtomicUsize>,
    most_open: AtomicUsize,
    requests: Mutex<Vec<Arc<RecordedRequest>>>,
    attempts: Mutex<HashMap<u64, usize>>,
    hasher: RandomState,
}

/// A request that is open for as long as this lives.
pub(crate) struct Open(Arc<AtomicUsize>);

impl Record {
    /// A number for the next answer, from 1.
    pub(crate) fn number(&self) -> usize {
        self.answered.fetch_add(1, Relaxed) + 1
    }

    /// A request for a reply begins.
    pub(crate) fn open(&self) -> Open {
        self.count.fetch_add(1, Relaxed);
        let open = self.open.fetch_add(1, Relaxed) + 1;
        self.most_open.fetch_max(open, Relaxed);
        Open(self.open.clone())
    }

    /// How often this was asked, now included. It is told apart by its hash.
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

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
