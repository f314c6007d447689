//! What can go wrong with a journal.

use std::{fmt, path::PathBuf};

use agent_core::conversation::{NotWaiting, SessionIdError};

/// What went wrong with a journal: which file or session it is about, and what to do. Whatever it is, what was
/// acknowledged before stays where it is.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The file is something else.
    #[error("{} is not a journal: {what}; it was left as it is, name another file", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// The file was a journal, and part of it is missing or changed.
    #[error("{} is damaged: {what}; nothing more is written to it, go on with a copy from before", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A newer version of this crate wrote the file.
    #[error("{} has schema {schema}, and this version knows up to {known}: use the version that wrote it", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        schema: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// An older version of this crate wrote the file, which can be brought to this one's, but not by who only reads.
    #[error("{} has schema {schema}, this version writes {known}: open it once to write", path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// Its schema.
        schema: u32,
        /// The newest.
        known: u32,
    },
    /// There is no room on the disk, or no more is allowed. A host that could not write goes no further: once there is
    /// room, a new one does.
    #[error("there is no room for more in {}: make room and run again with a new host, what was acknowledged is there", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file or its folder can't be written to.
    #[error("{} can't be written: {why}; the folder must be writable, too", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The file can't be opened at all.
    #[error("{} can't be opened: {why}", path.display())]
    NotOpened {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The process, or the machine, has as many files open as it may.
    #[error("{} can't be opened: too many files are open: close some, or raise the limit (ulimit -n)", path.display())]
    TooManyFiles {
        /// The file.
        path: PathBuf,
    },
    /// Another process is writing, and does not come to an end. A host that could not write goes no further, a new one
    /// does.
    #[error("{} is written by another process for too long: try again, a run with a new host", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The system failed to read or write the file.
    #[error("{} can't be read or written: {why}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// There is no such session.
    #[error("there is no session {id:?} in the journal")]
    UnknownSession {
        /// Its id.
        id: String,
    },
    /// No session may begin under this id: the conversation was given none of its own, or it is odd.
    #[error(transparent)]
    NotASessionId(#[from] SessionIdError),
    /// There is a session of this id already.
    #[error("there is a session {id:?} in the journal already: choose another id, or delete it")]
    SessionExists {
        /// Its id.
        id: String,
    },
    /// The session was driven here, and another process has taken it over: it took this one for dead.
    #[error(
        "session {id:?} is not driven here any more: another process took it over; what was acknowledged is there, go on with a new host"
    )]
    LeaseLost {
        /// The session.
        id: String,
    },
    /// Somebody drives the session.
    #[error("session {id:?} is driven by {by}: wait until that is done, or {}", match by {
        Driver::ThisProcess => "drop that host",
        Driver::Process(_) => "stop it",
    })]
    Driven {
        /// The session.
        id: String,
        /// Who drives it.
        by: Driver,
    },
    /// The conversation in memory is not the one of this id in the journal, nor what came of it.
    #[error(
        "the journal has another conversation {id:?}: take it from there, or give this one an id of its own \
         (Conversation::with_id)"
    )]
    Diverged {
        /// Its id.
        id: String,
    },
    /// No call of this key waits for a person.
    #[error(transparent)]
    NotWaiting(#[from] NotWaiting),
    /// The session has not had so many turns.
    #[error("session {id:?} has had {turns} turns, so it can't be forked at {turn}")]
    NoSuchTurn {
        /// The session.
        id: String,
        /// The turn that was asked for.
        turn: usize,
        /// How many it has had.
        turns: usize,
    },
    /// What should be imported is not what an export gives.
    #[error("not an exported session: {why}")]
    NotASession {
        /// What is wrong with it.
        why: String,
    },
}

/// Who drives a session.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// Another host in this process.
    ThisProcess,
    /// The process of this number.
    Process(u32),
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ThisProcess => f.write_str("another host in this process"),
            Self::Process(pid) => write!(f, "process {pid}"),
        }
    }
}
