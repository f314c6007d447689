//! Places where sessions are kept, as pages and services ask them.
//!
//! A *session* is a conversation that somebody keeps, with the conversations that were delegated
//! from it. [`Sessions`] is what a web page, a service or a command line needs from such a place: it
//! lists the sessions, follows the events of one, and carries a person's decisions to the program
//! that runs it. The place may be a file that many processes write, so the program that asks need
//! not be the one that runs the agents.

mod error;
mod event;
mod summary;

use async_trait::async_trait;
pub use error::SessionsError;
pub use event::SessionEvent;
use futures::stream::BoxStream;
pub use summary::{SessionState, SessionSummary};

use crate::Conversation;

/// A decision of a person about a call that waits. See [`Sessions::decide`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The call is made.
    Approve,
    /// The call is not made. The model reads the reason.
    Deny {
        /// The reason.
        reason: String,
    },
}

/// The events of a session, as [`Sessions::events`] returns them.
pub type SessionEvents = BoxStream<'static, Result<SessionEvent, SessionsError>>;

/// A place where sessions are kept. Implement it for your own, so that pages can show it.
///
/// Nobody who runs agents waits for a method of this trait, nor for a reader of events.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Lists all sessions, in the order in which they began. A session that can't be read has an
    /// error in its place, which names it.
    async fn sessions(&self) -> Result<Vec<Result<SessionSummary, SessionsError>>, SessionsError>;

    /// The summary of one session.
    async fn session(&self, id: &str) -> Result<SessionSummary, SessionsError>;

    /// The conversation of a session in its latest state, with the conversations that were
    /// delegated from it.
    async fn conversation(&self, id: &str) -> Result<Conversation, SessionsError>;

    /// The events of a session whose [offset](SessionEvent::offset) is greater than `after`. Pass 0
    /// for all of them, or the offset of the last event that you have read, to go on after it.
    ///
    /// The stream waits for events that are still to come, also when a run has ended, because the
    /// session may be run again. Drop it to stop. It ends after an error, for example because the
    /// session was deleted. A slow reader misses nothing. It reads what is kept at its own pace.
    async fn events(&self, id: &str, after: u64) -> Result<SessionEvents, SessionsError>;

    /// Decides about a call that waits for a person. `key` is
    /// [`PendingApproval::key`](crate::conversation::PendingApproval::key). Fails if no such call
    /// waits.
    async fn decide(&self, key: &str, decision: Decision) -> Result<(), SessionsError>;

    /// Asks the program that runs this session to cancel the run, as
    /// [`Cancel::all`](crate::Cancel::all) does. It may take a moment until the run has ended. Fails
    /// if no program runs the session.
    async fn cancel(&self, id: &str) -> Result<(), SessionsError>;

    /// Copies a session to a new one, to continue the copy in another direction. With `turns`, the
    /// copy ends after that many replies of the model and the results of their calls; with `None`,
    /// everything is copied. The copy has no events until a program runs it.
    async fn fork(&self, id: &str, turns: Option<usize>, new_id: &str) -> Result<(), SessionsError>;
}
