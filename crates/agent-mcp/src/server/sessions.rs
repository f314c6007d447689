//! The sessions of HTTP clients that speak the protocol of 2025, which are limited in number.

use std::{cell::Cell, future::Future, pin::Pin};

use futures::Stream;
use rmcp::{
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    transport::{
        common::server_side_http::ServerSseMessage,
        streamable_http_server::session::{
            RestoreOutcome, SessionId, SessionManager,
            local::{LocalSessionManager, LocalSessionManagerError},
        },
    },
};
use tokio::sync::Mutex;

/// Keeps sessions in memory, up to a number. A session ends when its client ends it, or when it has
/// not been used for 5 minutes.
pub(crate) struct BoundedSessions {
    sessions: LocalSessionManager,
    max: usize,
    /// Held while one is opened, so that two can't both be the last.
    opening: Mutex<()>,
}

tokio::task_local! {
    /// Whether a session was refused in this request, because there are too many.
    static IS_FULL: Cell<bool>;
}

/// Answers a request, and says whether that failed because there are too many sessions.
pub(crate) async fn telling_if_full<T>(answer: impl Future<Output = T>) -> (T, bool) {
    let telling = async { (answer.await, IS_FULL.with(Cell::get)) };
    IS_FULL.scope(Cell::new(false), telling).await
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("the server has {0} open sessions, which is its limit: try again later")]
    TooMany(usize),
    #[error(transparent)]
    Session(#[from] LocalSessionManagerError),
}

impl BoundedSessions {
    pub(crate) fn new(max: usize) -> Self {
        Self { sessions: LocalSessionManager::default(), max, opening: Mutex::default() }
    }
}

type Messages = Pin<Box<dyn Stream<Item = ServerSseMessage> + Send + Sync>>;

impl SessionManager for BoundedSessions {
    type Error = SessionError;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), SessionError> {
        let _opening = self.opening.lock().await;
        if self.sessions.sessions.read().await.len() >= self.max {
            // There is nobody to tell outside a request.
            let _ = IS_FULL.try_with(|is_full| is_full.set(true));
            return Err(SessionError::TooMany(self.max));
        }
        Ok(self.sessions.create_session().await?)
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, SessionError> {
        Ok(self.sessions.initialize_session(id, message).await?)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, SessionError> {
        Ok(self.sessions.has_session(id).await?)
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), SessionError> {
        Ok(self.sessions.close_session(id).await?)
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        let stream: Messages = Box::pin(self.sessions.create_stream(id, message).await?);
        Ok(stream)
    }

    async fn accept_message(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<(), SessionError> {
        Ok(self.sessions.accept_message(id, message).await?)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        let stream: Messages = Box::pin(self.sessions.create_standalone_stream(id).await?);
        Ok(stream)
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        let stream: Messages = Box::pin(self.sessions.resume(id, last_event_id).await?);
        Ok(stream)
    }

    async fn restore_session(&self, _: SessionId) -> Result<RestoreOutcome<Self::Transport>, SessionError> {
        Ok(RestoreOutcome::NotSupported)
    }
}
