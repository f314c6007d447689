//! The journal: a file that keeps the changes of conversations.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use agent_core::Conversation;
use futures::{FutureExt, future::BoxFuture};
use rusqlite::Connection;

use crate::{
    Entry, JournalError,
    cancels::Cancels,
    entry::StoredEntry,
    file::JournalFile,
    fold::{Row, SessionState, fold},
    holder::Holder,
    leases,
    table::{self, SessionNumber},
    watch::Watch,
    writer::Writer,
};

/// A file, an SQLite database, that saves conversations, so that any process can continue them.
/// Open it with [`Journal::open`], then use [`Journal::host`] to run a conversation. A conversation
/// in a journal is a *session*. Clones share the same open file.
///
/// Any number of processes may have the file open at the same time, to read and to write. A write
/// is acknowledged, which means that the method returns, only when it is on the disk
/// (`synchronous=FULL`). Writes that come in at the same time share one sync.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    file: JournalFile,
    /// `None` only while the journal is dropped. The writer must be the last to close the file,
    /// because SQLite then folds its log into the file.
    reader: Mutex<Option<Connection>>,
    /// `None` if the journal was opened only to read.
    writer: Option<Writer>,
    /// Set when the first session is driven.
    holder: Mutex<Option<Arc<Holder>>>,
    watch: Watch,
    cancels: Arc<Cancels>,
}

/// Ready when the write is on the disk.
pub(crate) type WriteFuture<T> = BoxFuture<'static, Result<T, JournalError>>;

/// Options for opening a journal. Get them from [`Journal::options`], set what you need, then call
/// [`Options::open`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Options {
    max_pages: Option<u32>,
}

impl Options {
    /// Sets the largest size of the file, in pages of 4 KiB. By default only the disk limits it.
    /// When the size is reached, writes fail with [`JournalError::Full`]. Everything in the file
    /// stays readable.
    pub fn max_pages(mut self, pages: u32) -> Self {
        self.max_pages = Some(pages);
        self
    }

    /// Opens a journal to read and write, with these options; see [`Journal::open`].
    pub fn open(self, path: impl AsRef<Path>) -> Result<Journal, JournalError> {
        let file = JournalFile::open_or_create(path.as_ref())?;
        let connection = file.connect_writer(self.max_pages)?;
        let reader = Mutex::new(Some(file.connect_reader()?));
        let (holder, watch, cancels) = <(_, _, Arc<Cancels>)>::default();
        let writer = Some(Writer::start(file.clone(), connection, cancels.clone()));
        Ok(Journal(Arc::new(Inner { file, reader, writer, holder, watch, cancels })))
    }
}

impl Journal {
    /// Opens a journal to read and write. Creates the file if it does not exist; only its owner can
    /// read it. If an older version of this crate wrote the file, it is upgraded.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        Self::options().open(path)
    }

    /// Opens a journal for reading only. This works while other processes write to the file. Fails
    /// if the file does not exist, or if an older version of this crate wrote the file
    /// ([`JournalError::Older`]).
    pub fn read(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        let file = JournalFile::existing(path.as_ref())?;
        let reader = Mutex::new(Some(file.connect_reader()?));
        let (holder, watch, cancels) = Default::default();
        Ok(Self(Arc::new(Inner { file, reader, writer: None, holder, watch, cancels })))
    }

    /// Options for opening a journal, such as a largest size.
    pub fn options() -> Options {
        Options::default()
    }

    /// The path of the file, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.0.file.path
    }

    /// Loads the conversation with this id, in its latest state, including the conversations that
    /// were delegated from it. Fails if there is no such session.
    pub fn conversation(&self, id: &str) -> Result<Conversation, JournalError> {
        Ok(self.state(id)?.1.conversation)
    }

    /// Lists the entries of a session in the order they were written. Each comes with the id of the
    /// conversation that it is about: the session's own conversation, or one that was delegated
    /// from it. Fails if there is no such session.
    pub fn entries(&self, id: &str) -> Result<Vec<(String, Entry)>, JournalError> {
        let (_, rows) = self.rows(id)?;
        let entry = |row: &Row| Ok((crate::fold::conversation_id(id, &row.path), row.entry(&self.0.file)?));
        rows.iter().map(entry).collect()
    }

    /// How many transactions this `Journal` has written, for measuring. Each transaction takes one
    /// sync of the disk. Entries that come in at the same time share a transaction.
    pub fn syncs(&self) -> u64 {
        self.0.writer.as_ref().map_or(0, Writer::syncs)
    }

    pub(crate) fn of(inner: Arc<Inner>) -> Self {
        Self(inner)
    }

    pub(crate) fn downgrade(&self) -> Weak<Inner> {
        Arc::downgrade(&self.0)
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.0.watch
    }

    /// The hosts of this journal that others may cancel.
    pub(crate) fn cancels(&self) -> &Arc<Cancels> {
        &self.0.cancels
    }

    pub(crate) fn file(&self) -> &JournalFile {
        &self.0.file
    }

    /// Reads the entries of a session. Fails if there is no such session.
    pub(crate) fn rows(&self, id: &str) -> Result<(SessionNumber, Vec<Row>), JournalError> {
        self.rows_of(id)?.ok_or_else(|| JournalError::UnknownSession { id: id.to_owned() })
    }

    pub(crate) fn rows_of(&self, id: &str) -> Result<Option<(SessionNumber, Vec<Row>)>, JournalError> {
        self.with_reader(|connection| {
            let Some(number) = table::session_number(connection, id)? else { return Ok(None) };
            Ok(Some((number, table::rows(connection, number)?)))
        })
    }

    pub(crate) fn state(&self, id: &str) -> Result<(SessionNumber, SessionState), JournalError> {
        let (number, rows) = self.rows(id)?;
        Ok((number, fold(self.file(), id, &rows)?))
    }

    pub(crate) fn with_reader<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        let reader = self.0.reader.lock().unwrap_or_else(PoisonError::into_inner);
        read(reader.as_ref().expect("it is open until the journal is dropped"))
            .map_err(|error| self.0.file.error(&error))
    }

    /// Sends work to the writer. When the future is ready, the work is on the disk. The work is
    /// sent by this call, not when the future is polled. So work is written in the order of the
    /// calls. `on_done` is called first, even if nobody awaits the future.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static,
        on_done: impl FnOnce(Result<&T, &JournalError>) + Send + 'static,
    ) -> WriteFuture<T> {
        let path: PathBuf = self.0.file.path.clone();
        let sent = self.0.writer.as_ref().map(|writer| writer.write(work, on_done));
        let acknowledged = async move {
            let Some(receiver) = sent else {
                return Err(JournalError::ReadOnly {
                    path,
                    why: "this journal was opened only to read, with Journal::read".to_owned(),
                });
            };
            let gone =
                |_| JournalError::Io { path, why: "the thread that writes the file has panicked".to_owned() };
            receiver.await.map_err(gone)?
        };
        acknowledged.boxed()
    }

    /// Sends work to the writer that can wait a moment for other work; see [`Writer::write_soon`].
    pub(crate) fn write_soon(
        &self,
        work: impl FnOnce(&Connection) -> Result<(), JournalError> + Send + 'static,
        on_done: impl FnOnce(Result<(), JournalError>) + Send + 'static,
    ) {
        if let Some(writer) = &self.0.writer {
            writer.write_soon(work, on_done);
        }
    }

    /// This journal as the holder of leases.
    pub(crate) fn holder(&self) -> Result<Arc<Holder>, JournalError> {
        let mut holder = self.0.holder.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(holder) = &*holder {
            return Ok(holder.clone());
        }
        let new = Holder::new(&self.0.file.path).map_err(|error| self.0.file.io(&error))?;
        let new = Arc::new(new);
        if let (false, Some(writer)) = (new.is_locked, &self.0.writer) {
            writer.renew(new.name.clone());
        }
        Ok(holder.insert(new).clone())
    }

    /// Appends entries about the conversation at `path`. Fails if this process no longer drives the
    /// session. Another process may have taken it over because it took this one for dead. Then
    /// nothing must be written into what that process continues.
    pub(crate) fn append(
        &self,
        (session, id): (SessionNumber, &str),
        path: &str,
        entries: &[Entry],
        on_done: impl FnOnce(Result<(), &JournalError>) + Send + 'static,
    ) -> WriteFuture<()> {
        let (file, path) = (self.0.file.clone(), path.to_owned());
        let written: Vec<StoredEntry> = entries.iter().map(Entry::write).collect();
        let (holder, id) = (self.holder().map(|holder| holder.name.clone()), id.to_owned());
        let append = move |connection: &Connection| {
            let drives =
                leases::is_held(connection, session, &holder?).map_err(|error| file.error(&error))?;
            if !drives {
                return Err(JournalError::LeaseLost { id });
            }
            let at = table::now();
            let mut entries = written.iter();
            let added = entries.try_for_each(|entry| table::add_entry(connection, session, &path, at, entry));
            added.map_err(|error| file.error(&error))
        };
        self.write(append, move |done| on_done(done.copied()))
    }
}

/// Gives up all leases before the lock of this holder is released.
impl Drop for Inner {
    fn drop(&mut self) {
        let holder = self.holder.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(holder), Some(writer)) = (&holder, &self.writer) {
            let name = holder.name.clone();
            let give_up = move |connection: &Connection| {
                let sql = "DELETE FROM holders WHERE name = ?1";
                // If the row stays, others see that this holder is dead.
                Ok(connection.execute(sql, [name]).unwrap_or_default())
            };
            drop(writer.write(give_up, |_| ()));
        }
        *self.reader.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
        self.writer = None;
    }
}
