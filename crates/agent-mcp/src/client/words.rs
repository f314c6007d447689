//! Errors of rmcp in words.

use std::error::Error;

use rmcp::{
    ServiceError, service::ClientInitializeError, transport::streamable_http_client::StreamableHttpError,
};

/// An error of a handshake, without the names of rmcp's types.
pub(super) fn handshake_words(error: &ClientInitializeError) -> String {
    match error {
        ClientInitializeError::TransportError { error, .. } => causes(&*error.error),
        ClientInitializeError::LegacyFallbackFailed { discover, fallback } => {
            format!("{}; and then: {}", handshake_words(discover), handshake_words(fallback))
        }
        ClientInitializeError::ConnectionClosed(_) => {
            "the server closed the connection before it answered; is it an MCP server?".to_owned()
        }
        error => causes(error),
    }
}

/// An error of a request, without the names of rmcp's types.
pub(super) fn words(error: &ServiceError) -> String {
    match error {
        ServiceError::TransportSend(error) => causes(&*error.error),
        ServiceError::McpError(error) => {
            let data = error.data.as_ref().map(|data| format!(" ({data})")).unwrap_or_default();
            format!("{}{data} [{}]", error.message, error.code.0)
        }
        ServiceError::UnexpectedResponse => "its answer can't be read".to_owned(),
        error => causes(error),
    }
}

/// An error and its causes, on one line.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = source(error);
    while let Some(error) = cause {
        let more = error.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        cause = source(error);
    }
    words
}

/// The cause of an error. rmcp shows an error of the HTTP client and does not give it as the cause, so
/// its own causes would be lost.
pub(super) fn source<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<StreamableHttpError<reqwest::Error>>() {
        Some(StreamableHttpError::Client(error)) => Some(error),
        _ => error.source(),
    }
}
