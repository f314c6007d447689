//! The writer: one thread, which writes many entries in one transaction (group commit).

use std::{
    mem,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use futures::channel::oneshot;
use rusqlite::Connection;

use crate::{JournalError, cancels::Cancels, file::JournalFile, holder::RENEWAL_INTERVAL, leases};

/// Writes the jobs that are sent to it, in their order. Jobs that come in while the disk is busy
/// are written in one transaction, with one sync.
#[derive(Debug)]
pub(crate) struct Writer {
    file: JournalFile,
    jobs: Option<Sender<Sent>>,
    /// The holder whose leases must be renewed.
    renewed: Arc<OnceLock<String>>,
    /// How many transactions are on the disk so far.
    syncs: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

/// Work inside a transaction, or the reason why there is no transaction. Returns whether it
/// succeeded, and whom to tell how the transaction ended.
type Job = Box<dyn FnOnce(Result<&Connection, JournalError>) -> (Result<(), JournalError>, Ack) + Send>;

/// A job as it is sent.
enum Sent {
    /// Is written as soon as possible.
    Now(Job),
    /// Is written together with the next job, or after [`SOON`].
    Soon(Job),
}

/// Is called when it is known whether the work is on the disk.
type Ack = Box<dyn FnOnce(Result<(), JournalError>) + Send>;

/// The most jobs in one transaction. In a longer one, the first job would wait for too long.
const MAX_JOBS: usize = 1_000;

/// The longest time that a job waits for another one, to be written with it.
const SOON: Duration = Duration::from_millis(100);

impl Writer {
    /// Starts the thread. It also looks for requests to cancel sessions, and passes them on to
    /// `cancels`.
    pub(crate) fn start(file: JournalFile, connection: Connection, cancels: Arc<Cancels>) -> Self {
        let (jobs, queue) = mpsc::channel();
        let (renewed, syncs) = (Arc::new(OnceLock::new()), Arc::new(AtomicU64::new(0)));
        let mut own = Thread {
            file: file.clone(),
            connection,
            queue,
            holder: renewed.clone(),
            renewed: Instant::now(),
            syncs: syncs.clone(),
            cancels,
            soon: Vec::new(),
            since: Instant::now(),
        };
        let thread = thread::spawn(move || own.run());
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
        self.send(Sent::Now(self.job(work, move |done| {
            on_done(done.as_ref());
            // The caller may be gone.
            let _ = sender.send(done);
        })));
        receiver
    }

    /// Does `work` like [`write`](Self::write), but no sync of the disk is made for it right away:
    /// it waits a moment for other work, and is written together with that, before it.
    pub(crate) fn write_soon(
        &self,
        work: impl FnOnce(&Connection) -> Result<(), JournalError> + Send + 'static,
        on_done: impl FnOnce(Result<(), JournalError>) + Send + 'static,
    ) {
        self.send(Sent::Soon(self.job(work, on_done)));
    }

    fn job<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static,
        on_done: impl FnOnce(Result<T, JournalError>) + Send + 'static,
    ) -> Job {
        let file = self.file.clone();
        Box::new(move |connection| {
            let done = connection.and_then(|connection| in_savepoint(&file, connection, work));
            let went = done.as_ref().map(|_| ()).map_err(Clone::clone);
            let ack: Ack = Box::new(move |written| on_done(written.and(done)));
            (went, ack)
        })
    }

    fn send(&self, job: Sent) {
        if let Some(jobs) = &self.jobs {
            // The thread ends only when this is dropped, or with a panic. The receiver notices a
            // panic.
            let _ = jobs.send(job);
        }
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

/// What the thread has.
struct Thread {
    file: JournalFile,
    connection: Connection,
    queue: Receiver<Sent>,
    holder: Arc<OnceLock<String>>,
    renewed: Instant,
    syncs: Arc<AtomicU64>,
    cancels: Arc<Cancels>,
    /// Jobs that wait for others, and since when the first of them waits.
    soon: Vec<Job>,
    since: Instant,
}

impl Thread {
    fn run(&mut self) {
        loop {
            self.renew();
            self.cancels.look(&self.connection);
            match self.queue.recv_timeout(self.pause()) {
                Ok(Sent::Now(job)) => self.write_batch(Some(job)),
                Ok(Sent::Soon(job)) => self.wait_with(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if !self.soon.is_empty() && self.since.elapsed() >= SOON {
                self.write_batch(None);
            }
        }
        if !self.soon.is_empty() {
            self.write_batch(None);
        }
    }

    fn renew(&mut self) {
        if let (Some(holder), true) = (self.holder.get(), self.renewed.elapsed() >= RENEWAL_INTERVAL) {
            leases::renew(&self.connection, holder);
            self.renewed = Instant::now();
        }
    }

    /// How long to wait for the next job.
    fn pause(&self) -> Duration {
        let soon = (!self.soon.is_empty()).then(|| SOON.saturating_sub(self.since.elapsed()));
        [soon, self.cancels.interval()].into_iter().flatten().min().unwrap_or(RENEWAL_INTERVAL)
    }

    fn wait_with(&mut self, job: Job) {
        if self.soon.is_empty() {
            self.since = Instant::now();
        }
        self.soon.push(job);
    }

    /// Writes everything that is waiting in one transaction, with one sync. What was sent first is
    /// written first.
    fn write_batch(&mut self, first: Option<Job>) {
        let mut acks = Vec::new();
        let mut begun = begin(&self.file, &self.connection);
        let sent = self.queue.try_iter().take(MAX_JOBS).map(|(Sent::Now(job) | Sent::Soon(job))| job);
        for job in mem::take(&mut self.soon).into_iter().chain(first).chain(sent) {
            let (went, ack) = job(begun.clone().map(|()| &self.connection));
            acks.push(ack);
            if begun.is_ok() && self.connection.is_autocommit() {
                // SQLite has rolled back the whole transaction, including the jobs before this one.
                tell(mem::take(&mut acks), &went);
                begun = begin(&self.file, &self.connection);
            }
        }
        let written = begun.and_then(|()| commit(&self.file, &self.connection));
        // Count before anybody is told.
        self.syncs.fetch_add(1, Ordering::Relaxed);
        tell(acks, &written);
    }
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
