//! The file: opening one, and what SQLite's errors mean for it.

use std::{
    fs::{self, OpenOptions},
    io,
    path::{self, Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags};

use crate::{JournalError, schema};

/// A journal's file.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
}

/// How long to wait for another process that writes.
const PATIENCE: Duration = Duration::from_secs(10);

impl File {
    /// The same file by whatever path it is named, and wherever the process goes: what holds its leases lies beside it.
    fn new(path: &Path) -> Self {
        // Never a name that SQLite takes for something else than a file.
        let whole = fs::canonicalize(path).or_else(|_| path::absolute(path));
        Self { path: whole.unwrap_or_else(|_| path.to_owned()) }
    }

    /// The file, if there is one.
    pub(crate) fn found(path: &Path) -> Result<Self, JournalError> {
        check_name(path)?;
        match fs::metadata(path) {
            Err(error) => Err(Self::new(path).io_reading(&error)),
            Ok(_) => Ok(Self::new(path)),
        }
    }

    /// The file, which is made if there is none, for its owner's eyes only.
    pub(crate) fn made(path: &Path) -> Result<Self, JournalError> {
        check_name(path)?;
        let given = Self { path: path.to_owned() };
        given.create().map_err(|error| given.io(&error))?;
        Ok(Self::new(path))
    }

    /// A connection that writes.
    pub(crate) fn to_write(&self, most_pages: Option<u32>) -> Result<Connection, JournalError> {
        let mut connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let wrong = |error| self.error(&error);
        if connection.is_readonly(MAIN_DB).map_err(wrong)? {
            let (path, why) = (self.path.clone(), "the system lets it only be read".to_owned());
            return Err(JournalError::ReadOnly { path, why });
        }
        if !schema::is_empty(&connection).map_err(wrong)? {
            schema::check(self, &connection)?;
            schema::check_pages(self, &connection)?;
        }
        use_log(&connection).map_err(wrong)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(wrong)?;
        connection.pragma_update(None, "foreign_keys", true).map_err(wrong)?;
        if let Some(pages) = most_pages {
            connection.pragma_update(None, "max_page_count", pages).map_err(wrong)?;
        }
        schema::migrate(self, &mut connection)?;
        Ok(connection)
    }

    /// A connection that only reads. It may write where the system lets it: what a process that was killed left half done, who
    /// reads next takes back.
    pub(crate) fn to_read(&self) -> Result<Connection, JournalError> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "query_only", true).map_err(|error| self.error(&error))?;
        schema::check_newest(self, &connection)?;
        schema::check_pages(self, &connection)?;
        Ok(connection)
    }

    fn connect(&self, access: OpenFlags) -> Result<Connection, JournalError> {
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(&self.path, flags).map_err(|error| self.error(&error))?;
        connection.busy_timeout(PATIENCE).map_err(|error| self.error(&error))?;
        Ok(connection)
    }

    /// SQLite gives the files it puts beside it the same mode. A file that is there is not opened here: with any
    /// descriptor of it that is closed, the process would lose the locks that SQLite has.
    fn create(&self) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made.map(drop),
        }
    }

    fn io_reading(&self, error: &io::Error) -> JournalError {
        let why = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        };
        JournalError::NotOpened { path: self.path.clone(), why }
    }

    pub(crate) fn io(&self, error: &io::Error) -> JournalError {
        let (path, why) = (self.path.clone(), error.to_string());
        match error.kind() {
            _ if is_one_too_many(error) => JournalError::TooManyFiles { path },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                JournalError::ReadOnly { path, why }
            }
            io::ErrorKind::StorageFull => JournalError::Full { path },
            _ => JournalError::NotOpened { path, why },
        }
    }

    pub(crate) fn damaged(&self, what: impl ToString) -> JournalError {
        JournalError::Damaged { path: self.path.clone(), what: what.to_string() }
    }

    pub(crate) fn foreign(&self, what: impl Into<String>) -> JournalError {
        JournalError::Foreign { path: self.path.clone(), what: what.into() }
    }

    /// What an error of SQLite's says of this file.
    pub(crate) fn error(&self, error: &rusqlite::Error) -> JournalError {
        let (path, why) = (self.path.clone(), error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => self.foreign("it is no SQLite file"),
            Some(ErrorCode::DatabaseCorrupt) => JournalError::Damaged { path, what: why },
            Some(ErrorCode::DiskFull) => JournalError::Full { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => JournalError::ReadOnly { path, why },
            Some(ErrorCode::CannotOpen) if self.is_one_too_many() => JournalError::TooManyFiles { path },
            Some(ErrorCode::CannotOpen) if self.is_there() => JournalError::ReadOnly { path, why },
            Some(ErrorCode::CannotOpen) => JournalError::NotOpened { path, why },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => JournalError::Busy { path },
            Some(_) => JournalError::Io { path, why },
            // Not SQLite but its wrapper: a column of another type than the schema's.
            None => JournalError::Damaged { path, what: why },
        }
    }

    /// SQLite does not say why it could not open a file. Its folder is no file that anybody has locked.
    fn is_one_too_many(&self) -> bool {
        self.path
            .parent()
            .is_some_and(|folder| fs::File::open(folder).is_err_and(|error| is_one_too_many(&error)))
    }

    fn is_there(&self) -> bool {
        fs::metadata(&self.path).is_ok()
    }
}

/// Fails if what is named can't be a file that keeps anything.
fn check_name(path: &Path) -> Result<(), JournalError> {
    let not = |why: &str| Err(JournalError::NotOpened { path: path.to_owned(), why: why.to_owned() });
    if path.as_os_str().is_empty() {
        return not("its name is empty: name a file");
    }
    if path == Path::new(":memory:") {
        return not("a journal is on a disk, never in memory: name a file, or run without a journal");
    }
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => not("it is a folder: name a file in it"),
        Ok(found) if !found.is_file() => not("it is a device, a pipe or a socket: name a file"),
        // What else is wrong, who opens it sees.
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn is_one_too_many(error: &io::Error) -> bool {
    use rustix::io::Errno;

    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

#[cfg(not(unix))]
fn is_one_too_many(_: &io::Error) -> bool {
    false
}

/// Has what is written go to a log first. To change to it, SQLite waits for nobody.
fn use_log(connection: &Connection) -> rusqlite::Result<()> {
    let begun = Instant::now();
    loop {
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        if mode.eq_ignore_ascii_case("wal") {
            return Ok(());
        }
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if is_busy(&error) && begun.elapsed() < PATIENCE => {
                // Another process opens it for the first time, too.
                thread::sleep(Duration::from_millis(5));
            }
            changed => return changed,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn who_writes_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let connection = File::made(&folder.path().join("runs.journal")).unwrap().to_write(None).unwrap();
        let synchronous: u32 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!((synchronous, mode.as_str()), (2, "wal"), "2 is FULL");
    }

    #[test]
    fn many_who_begin_a_journal_at_once_all_have_it() {
        for _ in 0..10 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("runs.journal");
            let open = |_| {
                let path = path.clone();
                thread::spawn(move || File::made(&path)?.to_write(None).map(drop))
            };
            let all: Vec<_> = (0..8).map(open).collect();
            for one in all {
                one.join().unwrap().unwrap();
            }
        }
    }
}
