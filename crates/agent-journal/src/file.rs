//! The file: finding and making one, and what SQLite's errors mean for it.

use std::{
    fs::{self, OpenOptions},
    io,
    path::{self, Path, PathBuf},
};

use rusqlite::ErrorCode;

use crate::JournalError;

/// A journal's file.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
}

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
