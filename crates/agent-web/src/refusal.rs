//! Answers that say why something can't be done.

use agent_core::sessions::SessionsError;
use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;
use serde_json::json;

/// An answer that says why not: `{"error": "…"}`.
pub(crate) fn said(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({"error": why}))).into_response()
}

/// The id of a session in the address. If it can't be read, the answer says so as all others do.
pub(crate) struct Id(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let read = Path::from_request_parts(parts, state).await;
        read.map(|Path(id)| Self(id)).map_err(|error| said(error.status(), &error.body_text()))
    }
}

/// A body of JSON. If it can't be read, the answer says so as all others do.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let read = Json::from_request(request, state).await;
        read.map(|Json(body)| Self(body)).map_err(|error| said(error.status(), &error.body_text()))
    }
}

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
        said(status, &self.0.to_string())
    }
}
