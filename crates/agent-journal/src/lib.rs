//! Saves the runs of agents in a file, so that they survive the end of their process. The file is
//! an SQLite database, the *journal*. It holds every change of each conversation, in order. A
//! conversation in a journal is a *session*. If a process stops or crashes, any process can open
//! the journal, rebuild the conversation from its changes, and continue it. Finished calls are not
//! made again.
//!
//! Open a [`Journal`], get a [host](Journal::host) for your conversation from it, and run the
//! conversation with that host:
//!
//! ```
//! use agent_core::{Agent, Conversation, Team, script::{Reply, Script}, host::drive};
//! use agent_journal::Journal;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("runs.journal");
//! let team = Team::new([Agent::builder("oracle", Script::new([Reply::text("Forty-two.")])).build()?])?;
//! let journal = Journal::open(&path)?;
//!
//! let mut conversation = Conversation::start("oracle", "What is six times seven?").with_id("question-1");
//! let host = journal.host(team, &mut conversation).await?;
//! assert_eq!(drive(&mut conversation, &host).await?.text(), "Forty-two.");
//!
//! // In any process, on any day:
//! assert_eq!(Journal::read(&path)?.conversation("question-1")?.text(), "Forty-two.");
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod as_sessions;
mod cancellable;
mod cancels;
mod connection;
mod decision;
mod entry;
mod error;
mod event_recorder;
mod event_table;
mod file;
mod fold;
mod follow;
#[cfg(doctest)]
mod guide;
mod held_lease;
mod holder;
mod journal;
mod journal_host;
mod journal_host_error;
mod lease;
mod leases;
mod ledger;
mod new_host;
mod next_write;
mod open_session;
mod portable;
mod record_reservations;
mod record_starts;
mod run_trace;
mod schema;
mod session;
mod summary;
mod table;
mod unrecorded;
mod watch;
mod writer;

pub use entry::Entry;
pub use error::{Driver, JournalError};
pub use journal::{Journal, Options};
pub use journal_host::JournalHost;
pub use journal_host_error::JournalHostError;
pub use session::Session;
