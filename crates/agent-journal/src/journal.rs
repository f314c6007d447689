//! The journal: a file that keeps what conversations were told.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use agent_core::Conversation;
use futures::{FutureExt, future::BoxFuture};
use rusqlite::Connection;

use crate::{
    Entry, JournalError,
    entry::Written,
    file::File,
    fold::{Row, State, fold},
    holder::Holder,
    leases,
    table::{self, Number},
    watch::Watch,
    writer::Writer,
};

/// A journal on disk: what conversations were told, in an SQLite file. Clones are the same journal.
///
/// Any number of processes may have the same file open, to read and to write. What was written is on the disk when it is
/// acknowledged (`synchronous=FULL`); what many write at once shares a sync.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    file: File,
    /// `None` only while it is dropped: who writes is the last to close the file, and leaves it in one piece.
    reader: Mutex<Option<Connection>>,
    /// `None` if it was opened to read.
    writer: Option<Writer>,
    /// Once it has driven a session.
    holder: Mutex<Option<Arc<Holder>>>,
    watch: Watch,
}

/// There when what was sent to be written is on the disk.
pub(crate) type Acknowledged<T> = BoxFuture<'static, Result<T, JournalError>>;

/// How a journal is opened; from [`Journal::options`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Options {
    most_pages: Option<u32>,
}

impl Options {
    /// The most the file may hold, in pages of 4 KiB; then it is [full](JournalError::Full), and what is there stays.
    pub fn most_pages(mut self, pages: u32) -> Self {
        self.most_pages = Some(pages);
        self
    }

    /// Opens a journal to write; see [`Journal::open`].
    pub fn open(self, path: impl AsRef<Path>) -> Result<Journal, JournalError> {
        let file = File::made(path.as_ref())?;
        let connection = file.to_write(self.most_pages)?;
        let reader = Mutex::new(Some(file.to_read()?));
        let writer = Some(Writer::start(file.clone(), connection));
        let (holder, watch) = Default::default();
        Ok(Journal(Arc::new(Inner { file, reader, writer, holder, watch })))
    }
}

impl Journal {
    /// Opens a journal, or begins one: a file that only its owner can read. One of an earlier version is brought to this
    /// one's.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        Self::options().open(path)
    }

    /// Opens a journal to read, whoever is writing it.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        let file = File::found(path.as_ref())?;
        let reader = Mutex::new(Some(file.to_read()?));
        let (holder, watch) = Default::default();
        Ok(Self(Arc::new(Inner { file, reader, writer: None, holder, watch })))
    }

    /// How else it can be opened.
    pub fn options() -> Options {
        Options::default()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.file.path
    }

    /// The conversation of this id, as far as it has come, with all that was delegated from it.
    pub fn conversation(&self, id: &str) -> Result<Conversation, JournalError> {
        Ok(self.state(id)?.1.conversation)
    }

    /// What that conversation was told, in order; each entry with the id of the conversation it is about, itself or one
    /// delegated from it.
    pub fn entries(&self, id: &str) -> Result<Vec<(String, Entry)>, JournalError> {
        let (_, rows) = self.rows(id)?;
        let entry = |row: &Row| Ok((crate::fold::at(id, &row.path), row.entry(&self.0.file)?));
        rows.iter().map(entry).collect()
    }

    /// How many transactions it has written, each with one sync: less than what was appended, if much came at once.
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

    pub(crate) fn file(&self) -> &File {
        &self.0.file
    }

    /// Reads a session; an error if there is none.
    pub(crate) fn rows(&self, id: &str) -> Result<(Number, Vec<Row>), JournalError> {
        self.rows_of(id)?.ok_or_else(|| JournalError::UnknownSession { id: id.to_owned() })
    }

    pub(crate) fn rows_of(&self, id: &str) -> Result<Option<(Number, Vec<Row>)>, JournalError> {
        self.with_reader(|connection| {
            let Some(number) = table::number(connection, id)? else { return Ok(None) };
            Ok(Some((number, table::rows(connection, number)?)))
        })
    }

    pub(crate) fn state(&self, id: &str) -> Result<(Number, State), JournalError> {
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

    /// Has something written; once this is there, it is on the disk. It is sent before this is awaited, so what is sent in
    /// some order is written in that order. `told` is told first, also if nobody awaits it.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, JournalError> + Send + 'static,
        told: impl FnOnce(Result<&T, &JournalError>) + Send + 'static,
    ) -> Acknowledged<T> {
        let path: PathBuf = self.0.file.path.clone();
        let sent = self.0.writer.as_ref().map(|writer| writer.write(work, told));
        let acknowledged = async move {
            let Some(receiver) = sent else {
                return Err(JournalError::ReadOnly { path, why: "it was opened to read".to_owned() });
            };
            let gone = |_| JournalError::Io { path, why: "the thread that writes has panicked".to_owned() };
            receiver.await.map_err(gone)?
        };
        acknowledged.boxed()
    }

    /// Itself as one who holds leases.
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

    /// Appends entries, each about the conversation at its path, if it still drives the session of this id: one that
    /// was taken for dead must not write into what others go on with.
    pub(crate) fn append(
        &self,
        (session, id): (Number, &str),
        path: &str,
        entries: &[Entry],
        told: impl FnOnce(Result<(), &JournalError>) + Send + 'static,
    ) -> Acknowledged<()> {
        let (file, path) = (self.0.file.clone(), path.to_owned());
        let written: Vec<Written> = entries.iter().map(Entry::write).collect();
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
        self.write(append, move |done| told(done.copied()))
    }
}

/// What it held, others may hold, before its lock is gone.
impl Drop for Inner {
    fn drop(&mut self) {
        let holder = self.holder.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(holder), Some(writer)) = (&holder, &self.writer) {
            let name = holder.name.clone();
            let give_up = move |connection: &Connection| {
                let sql = "DELETE FROM holders WHERE name = ?1";
                // What stays is taken for what it is: a holder that is dead.
                Ok(connection.execute(sql, [name]).unwrap_or_default())
            };
            drop(writer.write(give_up, |_| ()));
        }
        *self.reader.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
        self.writer = None;
    }
}
