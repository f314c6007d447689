//! Asks the admin API of the engine, which knows all sessions.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use crate::{RestateError, Transport};

#[derive(Deserialize)]
struct Rows<T> {
    rows: Vec<T>,
}

/// The rows that answer an SQL query.
pub(crate) async fn query<T: DeserializeOwned>(
    transport: &Arc<dyn Transport>,
    admin: &str,
    token: Option<&HeaderValue>,
    sql: &str,
) -> Result<Vec<T>, RestateError> {
    let mut request = Request::post(format!("{admin}/query"))
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, token);
    }
    let request = request.body(Bytes::from(json!({"query": sql}).to_string()));
    let request = request.map_err(|error| RestateError::NotSent(error.to_string()))?;
    let answer =
        transport.send(request).await.map_err(|error| RestateError::Unreachable(error.to_string()))?;
    if !answer.status().is_success() {
        let message = String::from_utf8_lossy(answer.body()).into_owned();
        return Err(RestateError::Refused { status: answer.status().as_u16(), message });
    }
    let rows: Result<Rows<T>, _> = serde_json::from_slice(answer.body());
    let unreadable = |error| format!("the answer to a query can't be read: {error}");
    rows.map(|rows| rows.rows).map_err(|error| RestateError::Unreadable(unreadable(error)))
}

/// A text in an SQL query.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
