//! The writer: one thread, which writes many entries in one transaction (group commit).

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

use crate::{JournalError, file::JournalFile, holder::RENEWAL_INTERVAL, leases};

/// Writes the jobs that are sent to it, in their order. Jobs that come in while the disk is busy
/// are written in one transaction, with one sync.
#[derive(Debug)]
pub(crate) struct Writer {
    file: JournalFile,
    jobs: Option<Sender<Job>>,
    /// The holder whose leases must be renewed.
    renewed: Arc<OnceLock<String>>,
    /// How many transactions are on the disk so far.
    syncs: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

/// Work inside a transaction, or the reason why there is no transaction. Returns whether it
/// succeeded, and whom to tell how the transaction ended.
type Job = Box<dyn FnOnce(Result<&Connection, JournalError>) -> (Result<(), JournalError>, Ack) + Send>;

/// Is called when it is known whether the work is on the disk.
type Ack = Box<dyn FnOnce(Result<(), JournalError>) + Send>;

/// The most jobs in one transaction. In a longer one, the first job would wait for too long.
const MAX_JOBS: usize = 1_000;

impl Writer {
    pub(crate) fn start(file: JournalFile, connection: Connection) -> Self {
        let (jobs, queue) = mpsc::channel();
        let (own, renewed) = (file.clone(), Arc::new(OnceLock::new()));
        let (holder, syncs) = (renewed.clone(), Arc::new(AtomicU64::new(0)));
        let count = syncs.clone();
        let thread = thread::spawn(move || run_writer(&own, &connection, &queue, &holder, &count));
        Self { file, jobs: Some(jobs), renewed, syncs, thread: Some(thread) }
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Renews the leases of this holder from now on.
    pub(crate) fn renew(&self, holder: String) {
        // A journal has only one holder.
        let _ = self.renewed.set(holder);
    }

    /// Does `work` inside a transaction. If it fails, only this work is undone. The receiver gets
    /// its result when it is on the disk. `on_done` is called before that, even if the receiver is
    /// dropped.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static,
        on_done: impl FnOnce(Result<&T, &JournalError>) + Send + 'static,
    ) -> oneshot::Receiver<Result<T, JournalError>> {
        let (sender, receiver) = oneshot::channel();
        let file = self.file.clone();
        let job: Job = Box::new(move |connection| {
            let done = connection.and_then(|connection| in_savepoint(&file, connection, work));
            let went = done.as_ref().map(|_| ()).map_err(Clone::clone);
            let ack: Ack = Box::new(move |written| {
                let done = written.and(done);
                on_done(done.as_ref());
                // The caller may be gone.
                let _ = sender.send(done);
            });
            (went, ack)
        });
        if let Some(jobs) = &self.jobs {
            // The thread ends only when this is dropped, or with a panic. The receiver notices a
            // panic.
            let _ = jobs.send(job);
        }
        receiver
    }
}

/// Waits until everything that was sent is written.
impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        // The writer thread itself may be the last owner of the journal.
        if let Some(thread) = self.thread.take().filter(|own| own.thread().id() != thread::current().id()) {
            // Those who waited have noticed a panic already.
            let _ = thread.join();
        }
    }
}

fn run_writer(
    file: &JournalFile,
    connection: &Connection,
    queue: &Receiver<Job>,
    holder: &OnceLock<String>,
    syncs: &AtomicU64,
) {
    let mut renewed = Instant::now();
    loop {
        if let (Some(holder), true) = (holder.get(), renewed.elapsed() >= RENEWAL_INTERVAL) {
            leases::renew(connection, holder);
            renewed = Instant::now();
        }
        match queue.recv_timeout(RENEWAL_INTERVAL) {
            Ok(first) => write_batch(file, connection, first, queue, syncs),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Writes everything that is waiting in one transaction, with one sync.
fn write_batch(
    file: &JournalFile,
    connection: &Connection,
    first: Job,
    queue: &Receiver<Job>,
    syncs: &AtomicU64,
) {
    let mut acks = Vec::new();
    let mut begun = begin(file, connection);
    for job in iter::once(first).chain(queue.try_iter().take(MAX_JOBS)) {
        let (went, ack) = job(begun.clone().map(|()| connection));
        acks.push(ack);
        if begun.is_ok() && connection.is_autocommit() {
            // SQLite has rolled back the whole transaction, including the jobs before this one.
            tell(mem::take(&mut acks), &went);
            begun = begin(file, connection);
        }
    }
    let written = begun.and_then(|()| commit(file, connection));
    // Count before anybody is told.
    syncs.fetch_add(1, Ordering::Relaxed);
    tell(acks, &written);
}

fn tell(acks: Vec<Ack>, written: &Result<(), JournalError>) {
    for ack in acks {
        ack(written.clone());
    }
}

/// Does the work of one job in a savepoint, so that an error undoes only this work.
fn in_savepoint<T>(
    file: &JournalFile,
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

fn begin(file: &JournalFile, connection: &Connection) -> Result<(), JournalError> {
    execute(file, connection, "BEGIN IMMEDIATE")
}

fn commit(file: &JournalFile, connection: &Connection) -> Result<(), JournalError> {
    execute(file, connection, "COMMIT").inspect_err(|_| {
        // The transaction is not on the disk. If the rollback fails, SQLite has rolled back
        // already.
        let _ = connection.execute_batch("ROLLBACK");
    })
}

/// Executes a statement that each transaction needs. It is prepared only once.
fn execute(file: &JournalFile, connection: &Connection, sql: &str) -> Result<(), JournalError> {
    let executed = connection.prepare_cached(sql).and_then(|mut statement| statement.execute(()));
    executed.map(|_| ()).map_err(|error| file.error(&error))
}
