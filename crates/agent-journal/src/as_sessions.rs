//! A journal as a place of sessions, for web pages and services.

use agent_core::{
    Conversation, End, async_trait,
    sessions::{Decision, SessionEvents, SessionState, SessionSummary, Sessions, SessionsError},
};
use futures::StreamExt;

use crate::{Journal, JournalError, Session, table};

/// The sessions in the file, whatever process runs them. To decide, cancel and fork, the journal
/// must have been opened to write ([`Journal::open`]). Sessions have events only if their hosts
/// [keep](crate::JournalHost::keep_events) them. New events are noticed within 200 ms.
#[async_trait]
impl Sessions for Journal {
    async fn sessions(&self) -> Result<Vec<Result<SessionSummary, SessionsError>>, SessionsError> {
        let all = Journal::sessions(self)?.into_iter();
        Ok(all.map(|session| session.map(summary).map_err(SessionsError::from)).collect())
    }

    async fn session(&self, id: &str) -> Result<SessionSummary, SessionsError> {
        let session = Journal::session(self, id)?;
        session.map(summary).ok_or_else(|| SessionsError::Unknown { id: id.to_owned() })
    }

    async fn conversation(&self, id: &str) -> Result<Conversation, SessionsError> {
        Ok(Journal::conversation(self, id)?)
    }

    async fn events(&self, id: &str, after: u64) -> Result<SessionEvents, SessionsError> {
        if self.with_reader(|connection| table::session_number(connection, id))?.is_none() {
            return Err(SessionsError::Unknown { id: id.to_owned() });
        }
        Ok(self.follow(id, after).map(|event| event.map_err(SessionsError::from)).boxed())
    }

    async fn decide(&self, key: &str, decision: Decision) -> Result<(), SessionsError> {
        let decided = match decision {
            Decision::Approve => self.approve(key).await,
            Decision::Deny { reason } => self.deny(key, &reason).await,
        };
        Ok(decided?)
    }

    async fn cancel(&self, id: &str) -> Result<(), SessionsError> {
        Ok(Journal::cancel(self, id).await?)
    }

    async fn fork(&self, id: &str, turns: Option<usize>, new_id: &str) -> Result<(), SessionsError> {
        Ok(Journal::fork(self, id, turns, new_id).await?)
    }
}

fn summary(session: Session) -> SessionSummary {
    let state = match (session.end, session.driven_by) {
        (Some(End::Waiting(calls)), _) => SessionState::Waiting(calls),
        (Some(end), _) => SessionState::Ended(end),
        (None, Some(_)) => SessionState::Running,
        (None, None) => SessionState::Stopped,
    };
    let mut summary = SessionSummary::new(session.id, session.agent, state, session.began);
    summary.turns = session.turns;
    summary.usage = session.usage;
    summary.changed = session.changed;
    summary.last_event = session.last_event;
    summary
}

impl From<JournalError> for SessionsError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::UnknownSession { id } => Self::Unknown { id },
            JournalError::NotWaiting(error) => Self::NotWaiting(error),
            JournalError::NotRunning { id } => Self::NotRunning { id },
            JournalError::NoSuchTurn { id, turn, turns } => Self::NoSuchTurn { id, turn, turns },
            JournalError::SessionExists { id } => Self::Exists { id },
            JournalError::NotASessionId(error) => Self::NotASessionId(error),
            error => Self::failed(error),
        }
    }
}
