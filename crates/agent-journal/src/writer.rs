//! The one who writes: a thread with group commit.

use std::{
    iter, mem,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use futures::channel::oneshot;
use rusqlite::Connection;

use crate::{JournalError, file::File, holder::RENEWAL, leases};

/// Writes what is sent to it, in the order it was sent. What came while the disk was busy is written together, and
/// costs one sync.
#[derive(Debug)]
pub(crate) struct Writer {
    file: File,
    jobs: Option<Sender<Job>>,
    /// The holder whose leases run out unless they are renewed.
    renewed: Arc<OnceLock<String>>,
    /// How many transactions have been on the disk so far.
    syncs: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

/// Writes inside of a transaction, unless there is none. Says how that went, and who is to be told how it ended.
type Job = Box<dyn FnOnce(Result<&Connection, JournalError>) -> (Result<(), JournalError>, Ack) + Send>;

/// Is told whether what was written is on the disk.
type Ack = Box<dyn FnOnce(Result<(), JournalError>) + Send>;

/// The most jobs of one transaction: one that takes long makes the first of them wait.
const MOST: usize = 1_000;

impl Writer {
    pub(crate) fn start(file: File, connection: Connection) -> Self {
        let (jobs, queue) = mpsc::channel();
        let (own, renewed) = (file.clone(), Arc::new(OnceLock::new()));
        let (holder, syncs) = (renewed.clone(), Arc::new(AtomicU64::new(0)));
        let count = syncs.clone();
        let thread = thread::spawn(move || write_all(&own, &connection, &queue, &holder, &count));
        Self { file, jobs: Some(jobs), renewed, syncs, thread: Some(thread) }
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// From now on, renews what this holder holds.
    pub(crate) fn renew(&self, holder: String) {
        // There is one for a journal.
        let _ = self.renewed.set(holder);
    }

    /// Has `work` done inside of a transaction; an error of it takes nothing else along. What it gives back is acknowledged:
    /// on the disk. `told` is told before anybody else, also if nobody waits any more.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static,
        told: impl FnOnce(Result<&T, &JournalError>) + Send + 'static,
    ) -> oneshot::Receiver<Result<T, JournalError>> {
        let (sender, receiver) = oneshot::channel();
        let file = self.file.clone();
        let job: Job = Box::new(move |connection| {
            let done = connection.and_then(|connection| alone(&file, connection, work));
            let went = done.as_ref().map(|_| ()).map_err(Clone::clone);
            let ack: Ack = Box::new(move |written| {
                let done = written.and(done);
                told(done.as_ref());
                // Whoever asked may be gone.
                let _ = sender.send(done);
            });
            (went, ack)
        });
        if let Some(jobs) = &self.jobs {
            // The thread ends only when this is dropped, or by a panic, which the receiver sees.
            let _ = jobs.send(job);
        }
        receiver
    }
}

/// What was sent is written before the journal is gone.
impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        // It may be the last that has the journal itself.
        if let Some(thread) = self.thread.take().filter(|own| own.thread().id() != thread::current().id()) {
            // A panic in it was told to those who waited.
            let _ = thread.join();
        }
    }
}

fn write_all(
    file: &File,
    connection: &Connection,
    queue: &Receiver<Job>,
    holder: &OnceLock<String>,
    syncs: &AtomicU64,
) {
    let mut renewed = Instant::now();
    loop {
        if let (Some(holder), true) = (holder.get(), renewed.elapsed() >= RENEWAL) {
            leases::renew(connection, holder);
            renewed = Instant::now();
        }
        match queue.recv_timeout(RENEWAL) {
            Ok(first) => write_batch(file, connection, first, queue, syncs),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// One transaction, and one sync, for all that is there.
fn write_batch(file: &File, connection: &Connection, first: Job, queue: &Receiver<Job>, syncs: &AtomicU64) {
    let mut acks = Vec::new();
    let mut begun = begin(file, connection);
    for job in iter::once(first).chain(queue.try_iter().take(MOST)) {
        let (went, ack) = job(begun.clone().map(|()| connection));
        acks.push(ack);
        if begun.is_ok() && connection.is_autocommit() {
            // It went so wrong that SQLite has taken back what was written before it, too.
            tell(mem::take(&mut acks), &went);
            begun = begin(file, connection);
        }
    }
    let written = begun.and_then(|()| commit(file, connection));
    // Before anybody is told.
    syncs.fetch_add(1, Ordering::Relaxed);
    tell(acks, &written);
}

fn tell(acks: Vec<Ack>, written: &Result<(), JournalError>) {
    for ack in acks {
        ack(written.clone());
    }
}

/// Does the work of one job so that an error of it takes only that back.
fn alone<T>(
    file: &File,
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, JournalError>,
) -> Result<T, JournalError> {
    execute(file, connection, "SAVEPOINT job")?;
    let done = work(connection);
    if done.is_err() && !connection.is_autocommit() {
        execute(file, connection, "ROLLBACK TO job")?;
    }
    if !connection.is_autocommit() {
        execute(file, connection, "RELEASE job")?;
    }
    done
}

fn begin(file: &File, connection: &Connection) -> Result<(), JournalError> {
    execute(file, connection, "BEGIN IMMEDIATE")
}

fn commit(file: &File, connection: &Connection) -> Result<(), JournalError> {
    execute(file, connection, "COMMIT").inspect_err(|_| {
        // Nothing of it is there; if it can't be taken back either, it already was.
        let _ = connection.execute_batch("ROLLBACK");
    })
}

/// Executes what is executed for each transaction, so that it is not read anew each time.
fn execute(file: &File, connection: &Connection, sql: &str) -> Result<(), JournalError> {
    let executed = connection.prepare_cached(sql).and_then(|mut statement| statement.execute(()));
    executed.map(|_| ()).map_err(|error| file.error(&error))
}
