//! The file of a journal: finding it, creating it, and translating errors about it.

use std::{
    fs::{self, OpenOptions},
    io,
    path::{self, Path, PathBuf},
};

use rusqlite::ErrorCode;

use crate::JournalError;

/// The file of a journal.
#[derive(Clone, Debug)]
pub(crate) struct JournalFile {
    pub(crate) path: PathBuf,
}

impl JournalFile {
    /// Makes the path absolute, so that it does not depend on the current folder or on links. The
    /// lock files are in the same folder.
    fn new(path: &Path) -> Self {
        // The path is never one of the special names that SQLite does not treat as a file.
        let whole = fs::canonicalize(path).or_else(|_| path::absolute(path));
        Self { path: whole.unwrap_or_else(|_| path.to_owned()) }
    }

    /// The file, which must exist.
    pub(crate) fn existing(path: &Path) -> Result<Self, JournalError> {
        check_name(path)?;
        match fs::metadata(path) {
            Err(error) => Err(Self::new(path).io_reading(&error)),
            Ok(_) => Ok(Self::new(path)),
        }
    }

    /// The file. It is created if it does not exist, and only its owner can read it.
    pub(crate) fn open_or_create(path: &Path) -> Result<Self, JournalError> {
        check_name(path)?;
        let given = Self { path: path.to_owned() };
        given.create().map_err(|error| given.io(&error))?;
        Ok(Self::new(path))
    }

    /// SQLite gives its own files beside this one the same mode. If the file exists, it must not be
    /// opened here: closing any descriptor of it would release the locks of SQLite in this process.
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
            _ if is_too_many_files(error) => JournalError::TooManyFiles { path },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => self.not_writable(&why),
            io::ErrorKind::StorageFull => JournalError::Full { path },
            _ => JournalError::NotOpened { path, why },
        }
    }

    pub(crate) fn not_writable(&self, why: &str) -> JournalError {
        let why = format!("{why}; its folder must be writable, too");
        JournalError::ReadOnly { path: self.path.clone(), why }
    }

    pub(crate) fn damaged(&self, what: impl ToString) -> JournalError {
        JournalError::Damaged { path: self.path.clone(), what: what.to_string() }
    }

    pub(crate) fn foreign(&self, what: impl Into<String>) -> JournalError {
        JournalError::Foreign { path: self.path.clone(), what: what.into() }
    }

    /// Translates an error of SQLite.
    pub(crate) fn error(&self, error: &rusqlite::Error) -> JournalError {
        let (path, why) = (self.path.clone(), error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => self.foreign("it is not an SQLite file"),
            Some(ErrorCode::DatabaseCorrupt) => JournalError::Damaged { path, what: why },
            Some(ErrorCode::DiskFull) => JournalError::Full { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => self.not_writable(&why),
            Some(ErrorCode::CannotOpen) if self.is_too_many_files() => JournalError::TooManyFiles { path },
            Some(ErrorCode::CannotOpen) if self.is_there() => self.not_writable(&why),
            Some(ErrorCode::CannotOpen) => JournalError::NotOpened { path, why },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => JournalError::Busy { path },
            Some(_) => JournalError::Io { path, why },
            // The error is from rusqlite: a column has another type than the schema says.
            None => JournalError::Damaged { path, what: why },
        }
    }

    /// Whether too many files are open. SQLite does not say why it could not open a file, so this
    /// tries to open the folder, which nobody locks.
    fn is_too_many_files(&self) -> bool {
        self.path
            .parent()
            .is_some_and(|folder| fs::File::open(folder).is_err_and(|error| is_too_many_files(&error)))
    }

    fn is_there(&self) -> bool {
        fs::metadata(&self.path).is_ok()
    }
}

/// Fails if this path can't be the path of a file.
fn check_name(path: &Path) -> Result<(), JournalError> {
    let not = |why: &str| Err(JournalError::NotOpened { path: path.to_owned(), why: why.to_owned() });
    if path.as_os_str().is_empty() {
        return not("its name is empty: name a file");
    }
    if path == Path::new(":memory:") {
        return not("a journal can't be in memory: name a file, or run without a journal");
    }
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => not("it is a folder: name a file in it"),
        Ok(found) if !found.is_file() => not("it is a device, a pipe or a socket: name a file"),
        // Opening the file reports all other problems.
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn is_too_many_files(error: &io::Error) -> bool {
    use rustix::io::Errno;

    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

#[cfg(not(unix))]
fn is_too_many_files(_: &io::Error) -> bool {
    false
}
