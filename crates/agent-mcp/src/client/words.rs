//! Errors of rmcp in words.

use std::{
    error::Error,
    io::{self, ErrorKind},
};

use rmcp::{
    ServiceError, service::ClientInitializeError, transport::streamable_http_client::StreamableHttpError,
};

/// Why there is no handshake with a server that has ended, or with a program that is none.
const CLOSED: &str = "the server closed the connection before it answered; is it an MCP server?";

/// Whether the other side has closed the connection. A program that ends may be noticed only when
/// the next message is written.
fn is_closed(error: &(dyn Error + 'static)) -> bool {
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    kind == Some(ErrorKind::BrokenPipe) || source(error).is_some_and(is_closed)
}

/// An error of a handshake, without the names of rmcp's types.
pub(super) fn handshake_words(error: &ClientInitializeError) -> String {
    match error {
        ClientInitializeError::TransportError { error, .. } if is_closed(&*error.error) => CLOSED.to_owned(),
        ClientInitializeError::TransportError { error, .. } => causes(&*error.error),
        ClientInitializeError::LegacyFallbackFailed { discover, fallback } => {
            format!("{}; and then: {}", handshake_words(discover), handshake_words(fallback))
        }
        ClientInitializeError::ConnectionClosed(_) => CLOSED.to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_that_nobody_reads_is_a_closed_connection() {
        let closed = |kind: ErrorKind| is_closed(&io::Error::from(kind));
        assert!(closed(ErrorKind::BrokenPipe));
        assert!(!closed(ErrorKind::ConnectionRefused));
    }
}
