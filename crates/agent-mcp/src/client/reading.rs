//! Requests that are no calls, and how long they may take.

use std::time::Duration;

use super::settings::Settings;

/// What is read of a server, by the method of the request.
#[derive(Clone, Copy)]
pub(super) enum Reading<'a> {
    /// What the server has. It must be answered as soon as a handshake.
    List(&'a str),
    /// Something that the server may have to get first, as in a call.
    Content(&'a str),
}

impl Reading<'_> {
    /// The method, how long it may take, and which setting says so.
    pub(super) fn limited(self, settings: &Settings) -> (String, Duration, &'static str) {
        match self {
            Self::List(method) => (method.to_owned(), settings.connect_timeout, "connect_timeout"),
            Self::Content(method) => (method.to_owned(), settings.call_timeout, "call_timeout"),
        }
    }
}
