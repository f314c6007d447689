//! Why servers don't start.

use std::io;
use std::path::PathBuf;

use crate::Missing;

/// Why a cluster or a node of it did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no server to start.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// Another number of nodes than is provided for.
    #[error("a cluster has 1 node or 3, not {0}")]
    Nodes(usize),
    /// The folder has the data of a cluster of another size.
    #[error("{} has the data of {there} node(s), not {asked}: ask for {there}, or choose another folder", folder.display())]
    OtherNodes {
        /// The folder.
        folder: PathBuf,
        /// The nodes whose data is there.
        there: usize,
        /// The nodes that were asked for.
        asked: usize,
    },
    /// A port that the cluster had is somebody else's now. Nodes know each other by their ports, so they keep them.
    #[error("port {port} is taken, and the data in {} needs it: stop the program that has it", folder.display())]
    PortTaken {
        /// The folder.
        folder: PathBuf,
        /// The port.
        port: u16,
    },
    /// There are no free ports.
    #[error("there are not enough free ports on 127.0.0.1")]
    NoPorts,
    /// A file or folder of the cluster can't be read or written.
    #[error("{}: {source}", path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The server's program, or the shell that watches over it, can't be started.
    #[error("{program} can't be started: {source}")]
    Spawn {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// There is a cluster already, of which not all nodes live.
    #[error("some nodes in {} have died: stop the others first", folder.display())]
    Broken {
        /// Their folder.
        folder: PathBuf,
    },
    /// A node ended before it was ready.
    #[error("node {node} ended ({status}) before it was ready. The end of {}:\n{tail}", log.display())]
    Ended {
        /// The node, from 1.
        node: usize,
        /// How it ended.
        status: String,
        /// The file it writes its log to.
        log: PathBuf,
        /// The last lines of that.
        tail: String,
    },
    /// A node was not ready in time.
    #[error("node {node} is not ready after {seconds} s: {why}. The end of {}:\n{tail}", log.display())]
    NotReady {
        /// The node, from 1.
        node: usize,
        /// How long it was waited for.
        seconds: u64,
        /// What it still lacks.
        why: String,
        /// The file it writes its log to.
        log: PathBuf,
        /// The last lines of that.
        tail: String,
    },
}

impl StartError {
    /// What makes an error of the system one about this file or folder.
    pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::Folder { path, source }
    }
}
