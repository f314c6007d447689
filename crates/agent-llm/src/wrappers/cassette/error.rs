//! Why a cassette can't be used.

use std::{error::Error, io, path::PathBuf};

/// Why a [`Cassette`](crate::Cassette) can't be opened.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum CassetteError {
    /// There is no such file to replay.
    #[error(
        "there is no cassette {}: record it once, with a key. Set AGENT_CASSETTE=record if the program opens it \
         with Cassette::from_env, otherwise use Cassette::record",
        path.display()
    )]
    Missing {
        /// The path that was given.
        path: PathBuf,
    },
    /// The file can't be read.
    #[error("the cassette {} can't be read: {source}", path.display())]
    Read {
        /// The path that was given.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file or its folder can't be made or written.
    #[error("the cassette {} can't be written: {source}", path.display())]
    Write {
        /// The path that was given.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line of the file is no recording. A recording that was interrupted can leave half a line.
    #[error(
        "line {line} of the cassette {} is no recording: {reason}; delete the line, and record what it had again",
        path.display()
    )]
    Line {
        /// The path that was given.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The variable `AGENT_CASSETTE` has another word than it may have.
    #[error("AGENT_CASSETTE is {value:?}: it must be replay, record or new")]
    Mode {
        /// What it has.
        value: String,
    },
    /// The backend that is to be recorded can't be made.
    #[error("the backend to record can't be made: {0}")]
    Backend(#[source] Box<dyn Error + Send + Sync>),
}
