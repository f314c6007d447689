//! What is asked of a journal's sessions.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::number::number;

/// A journal, and what is done with it.
#[derive(Args, Debug)]
pub struct Sessions {
    /// The journal's file
    pub file: PathBuf,
    /// What is done [default: list]
    #[command(subcommand)]
    pub what: Option<What>,
}

/// What is done with a journal.
#[derive(Subcommand, Debug)]
pub enum What {
    /// Lists the sessions: the state of each, and the calls that wait for a person
    List,
    /// Shows what was said in a session
    Show {
        /// The session's id
        id: String,
    },
    /// Shows the entries of a session as they come, until it has ended and no program runs it
    Tail {
        /// The session's id
        id: String,
    },
    /// Continues a session of the drill's team. Sessions of other agents need their own program
    Resume {
        /// The session's id
        id: String,
    },
    /// Copies a session, all of it or its first turns
    Fork {
        /// The session's id
        id: String,
        /// The id of the copy
        new: String,
        /// Number of model turns to copy [default: all]
        #[arg(value_parser = number::<usize>)]
        turns: Option<usize>,
    },
    /// Approves a call that waits for a person. `list` shows the keys
    #[command(visible_alias = "allow")]
    Approve {
        /// The call's key
        key: String,
    },
    /// Denies a call that waits for a person. `list` shows the keys
    Deny {
        /// The call's key
        key: String,
        /// The reason. The model reads it
        reason: String,
    },
    /// Serves a page that lists the sessions, follows them, approves and denies calls, cancels and forks. Prints its address
    Serve {
        /// The port of the page on this machine [default: any that is free]
        #[arg(long, value_parser = number::<u16>)]
        port: Option<u16>,
    },
    /// Prints a page with the timeline of a session: one HTML file that needs no network
    Page {
        /// The session's id
        id: String,
    },
    /// Prints a session as JSON
    Export {
        /// The session's id
        id: String,
    },
    /// Reads a session as JSON from standard input, and prints its id
    Import {
        /// The id of the session in this journal [default: the id in the JSON]
        id: Option<String>,
    },
    /// Deletes a session
    Delete {
        /// The session's id
        id: String,
    },
}
