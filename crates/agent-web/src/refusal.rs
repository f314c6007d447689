//! Answers that say why something can't be done.

use agent_core::sessions::SessionsError;
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

/// An error as an answer: `{"error": "…"}`.
pub(crate) struct Refusal(SessionsError);

impl From<SessionsError> for Refusal {
    fn from(error: SessionsError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match &self.0 {
            SessionsError::Unknown { .. } => StatusCode::NOT_FOUND,
            SessionsError::NotWaiting(_)
            | SessionsError::NotRunning { .. }
            | SessionsError::Exists { .. } => StatusCode::CONFLICT,
            SessionsError::NoSuchTurn { .. } | SessionsError::NotASessionId(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            SessionsError::NotPossible { .. } => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(json!({"error": self.0.to_string()}))).into_response()
    }
}
