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
    /// Lists the sessions, a line each: whose turn it is, and what waits for a person
    List,
    /// Shows what was said in a session
    Show {
        /// The session's id
        id: String,
    },
    /// Shows what a session is told as it comes, until it has ended and nobody drives it
    Tail {
        /// The session's id
        id: String,
    },
    /// Goes on with a session of the drill's team; sessions of other agents go on in their own program
    Resume {
        /// The session's id
        id: String,
    },
    /// Copies a session, all of it or its first turns
    Fork {
        /// The session's id
        id: String,
        /// The copy's id
        new: String,
        /// How many turns of a model the copy has [default: all]
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
        /// Why; the model reads it
        reason: String,
    },
    /// Prints a session as JSON
    Export {
        /// The session's id
        id: String,
    },
    /// Reads a session as JSON from standard input, and prints its id
    Import {
        /// The session's id in this journal [default: the one it has]
        id: Option<String>,
    },
    /// Deletes a session
    Delete {
        /// The session's id
        id: String,
    },
}
