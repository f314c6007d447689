//! Errors of a journal.

use std::{fmt, path::PathBuf};

use agent_core::conversation::{NotWaiting, SessionIdError};

/// An error of a journal. Its text names the file or session, and says what to do. Everything that
/// was on the disk before the error stays in the journal.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The file is not a journal. It was not changed.
    #[error("{} is not a journal: {what}; the file was not changed, choose another one", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What the file is instead.
        what: String,
    },
    /// The file is a journal, but a part of it is missing or changed.
    #[error("{} is damaged: {what}; nothing more is written to it, continue with a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A newer version of this crate wrote the file.
    #[error("{} has schema version {schema}, and this version of agent-journal knows only versions up to {known}: use the version that wrote it", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema version of the file.
        schema: u32,
        /// The newest schema version that this crate knows.
        known: u32,
    },
    /// An older version of this crate wrote the file, and it was opened only to read.
    /// [`Journal::open`](crate::Journal::open) upgrades it.
    #[error("{} has schema version {schema}, and this version of agent-journal needs {known}: open it once with Journal::open, which upgrades it", path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// The schema version of the file.
        schema: u32,
        /// The schema version of this crate.
        known: u32,
    },
    /// The disk is full, or the file has reached [its largest size](crate::Options::max_pages). A
    /// host that could not write does nothing more. When there is room again, continue with a new
    /// host.
    #[error("there is no room for more in {}: make room, then run again with a new host; everything that was acknowledged is in the journal", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file or its folder can't be written to, or the journal was opened only to read.
    #[error("{} can't be written: {why}", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// Why the file can't be written to.
        why: String,
    },
    /// The file can't be opened at all.
    #[error("{} can't be opened: {why}", path.display())]
    NotOpened {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        why: String,
    },
    /// The process, or the machine, has too many open files.
    #[error("{} can't be opened: too many files are open: close some, or raise the limit (ulimit -n)", path.display())]
    TooManyFiles {
        /// The file.
        path: PathBuf,
    },
    /// Another process has been writing for too long. A host that could not write does nothing
    /// more. Continue with a new host.
    #[error("another process has been writing to {} for too long: run again with a new host", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The system failed to read or write the file.
    #[error("{} can't be read or written: {why}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        why: String,
    },
    /// The journal has no session with this id.
    #[error("there is no session {id:?} in the journal")]
    UnknownSession {
        /// The id of the session.
        id: String,
    },
    /// The id of the conversation can't be the id of a session: it is still the default id, or it
    /// has characters that are not allowed.
    #[error(transparent)]
    NotASessionId(#[from] SessionIdError),
    /// The journal already has a session with this id.
    #[error("there is a session {id:?} in the journal already: choose another id, or delete that session")]
    SessionExists {
        /// The id of the session.
        id: String,
    },
    /// The session can't be cancelled: no host drives it, or it has nothing to do.
    #[error("session {id:?} can't be cancelled, because no program runs it now")]
    NotRunning {
        /// The id of the session.
        id: String,
    },
    /// Another process has taken over this session, because it considered this process dead. This
    /// host does nothing more. To continue, get a new host when the other process is done.
    #[error(
        "this process no longer drives session {id:?}: another process has taken it over; everything that was acknowledged is in the journal, continue with a new host"
    )]
    LeaseLost {
        /// The id of the session.
        id: String,
    },
    /// Another host drives the session now. Only one host can drive a session at a time.
    #[error("session {id:?} is driven by {by}: wait until it is done, or {}", match by {
        Driver::ThisProcess => "drop that host",
        Driver::Process(_) => "stop it",
    })]
    Driven {
        /// The id of the session.
        id: String,
        /// Who drives the session.
        by: Driver,
    },
    /// The conversation in memory and the conversation in the journal have the same id, but
    /// different content. Load the one in the journal, or give the one in memory another id.
    #[error(
        "the journal has a different conversation with the id {id:?}: load that one with Journal::conversation, or \
         give this one its own id (Conversation::with_id)"
    )]
    Diverged {
        /// The id of the session.
        id: String,
    },
    /// No call with this key waits for a person.
    #[error(transparent)]
    NotWaiting(#[from] NotWaiting),
    /// [`Journal::fork`](crate::Journal::fork) asked for more turns than the session has.
    #[error("session {id:?} has {turns} turns, so it can't be forked after turn {turn}")]
    NoSuchTurn {
        /// The id of the session.
        id: String,
        /// The turn that was asked for.
        turn: usize,
        /// How many turns the session has.
        turns: usize,
    },
    /// The text to import is not one that [`Journal::export`](crate::Journal::export) returns.
    #[error("not an exported session: {why}")]
    NotASession {
        /// What is wrong.
        why: String,
    },
}

/// Who drives a session, in [`JournalError::Driven`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// Another host in this process.
    ThisProcess,
    /// A process with this process id.
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
