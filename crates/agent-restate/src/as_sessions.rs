//! An engine as a place of sessions, for web pages and services.

use agent_core::{
    Conversation, async_trait,
    conversation::NotWaiting,
    sessions::{Decision, SessionEvents, SessionSummary, Sessions, SessionsError},
};

use crate::{Restate, RestateError};

/// The sessions on the engine, whatever processes do their work. To list them, and for the summary
/// of one, the client needs the address of the admin API ([`Restate::with_admin`]). Sessions have
/// events only if the processes [keep](crate::Services::keep_events) them. New events are noticed
/// within 200 ms.
///
/// A session that waits for a person can be cancelled, too. A copy can end after any turn that the
/// engine has [kept](Restate::fork).
#[async_trait]
impl Sessions for Restate {
    async fn sessions(&self) -> Result<Vec<Result<SessionSummary, SessionsError>>, SessionsError> {
        self.summaries(None).await
    }

    async fn session(&self, id: &str) -> Result<SessionSummary, SessionsError> {
        let found = self.summaries(Some(id)).await?.pop();
        found.unwrap_or_else(|| Err(SessionsError::Unknown { id: id.to_owned() }))
    }

    async fn conversation(&self, id: &str) -> Result<Conversation, SessionsError> {
        self.whole(id).await?.ok_or_else(|| SessionsError::Unknown { id: id.to_owned() })
    }

    async fn events(&self, id: &str, after: u64) -> Result<SessionEvents, SessionsError> {
        match self.exists(id).await? {
            true => Ok(self.follow(id, after)),
            false => Err(SessionsError::Unknown { id: id.to_owned() }),
        }
    }

    async fn decide(&self, key: &str, decision: Decision) -> Result<(), SessionsError> {
        let decided = match decision {
            Decision::Approve => self.approve(key).await,
            Decision::Deny { reason } => self.deny(key, &reason).await,
        };
        decided.map_err(|error| match error {
            RestateError::NotWaiting(_) => NotWaiting { key: key.to_owned() }.into(),
            error => error.into(),
        })
    }

    async fn cancel(&self, id: &str) -> Result<(), SessionsError> {
        match Self::cancel(self, id).await? {
            true => Ok(()),
            false if self.exists(id).await? => Err(SessionsError::NotRunning { id: id.to_owned() }),
            false => Err(SessionsError::Unknown { id: id.to_owned() }),
        }
    }

    async fn fork(&self, id: &str, turns: Option<usize>, new_id: &str) -> Result<(), SessionsError> {
        Self::fork(self, id, turns, new_id).await.map_err(|error| match error {
            RestateError::Exists(_) => SessionsError::Exists { id: new_id.to_owned() },
            error => error.into(),
        })
    }
}

impl From<RestateError> for SessionsError {
    fn from(error: RestateError) -> Self {
        match error {
            RestateError::Unknown { id } => Self::Unknown { id },
            RestateError::NoSuchTurn { id, turn, turns } => Self::NoSuchTurn { id, turn, turns },
            RestateError::TurnNotKept { .. } => Self::NotPossible {
                what: "copying the session up to this turn",
                why: "the engine has not kept how it was then: copy all of it, or up to another turn",
            },
            RestateError::NotASessionId(error) => Self::NotASessionId(error),
            error => Self::failed(error),
        }
    }
}
