//! Errors of the client.

use agent_core::{
    conversation::{Failure, NothingToTakeBack, SessionIdError},
    message::safe_line,
};
use restate_sdk::ingress::ClientError;
use serde::Deserialize;

use crate::{
    merge::DIVERGED,
    names::{EXISTS, NOT_WAITING},
    payload::TOO_LARGE,
    stopped::{REQUEST_LIMIT, UNKNOWN_AGENT},
};

/// An error of the client: why the engine did not do what it was asked to do. Finished calls and
/// replies are saved on the engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestateError {
    /// The address of the engine, or the token, is not valid.
    #[error("{address:?} is not the address of an engine, such as http://127.0.0.1:8080: {why}")]
    Address {
        /// The invalid address, or the words "the token".
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// The engine can't be reached, or the connection broke. The run may continue on the engine.
    /// Run the conversation again to wait for its end.
    #[error("the engine did not respond: {}", safe_line(.0))]
    Unreachable(String),
    /// The request could not be sent, usually because an id is too long.
    #[error("the request can't be made: {}", safe_line(.0))]
    NotSent(String),
    /// A model did not reply. The conversation is unchanged, except for its usage. To send the
    /// request again, run the conversation again.
    #[error(transparent)]
    Model(#[from] Failure),
    /// The run was cancelled, or killed on the engine. Finished calls and replies are saved there:
    /// read them with [`Restate::history`](crate::Restate::history).
    #[error("the run was cancelled; finished work is saved in the engine: read it with Restate::history")]
    Cancelled,
    /// The id of the conversation can't be the id of a session: it is still the default id, or it
    /// has characters that are not allowed. No request was sent.
    #[error(transparent)]
    NotASessionId(#[from] SessionIdError),
    /// The engine has a different conversation with this id. Read that one with
    /// [`Restate::history`](crate::Restate::history), or give yours another id.
    #[error("{}: read it with Restate::history, or give this one another id", safe_line(.0))]
    Diverged(String),
    /// The agent of the conversation is not in the team of the process that ran it. No call was
    /// made or given an error result. Run the conversation again when a process whose team has the
    /// agent serves the engine.
    #[error("{}", safe_line(.0))]
    UnknownAgent(String),
    /// The run has made as many requests to models as
    /// [`Limits::requests`](agent_core::Limits::requests) allows. The text is that of
    /// [`RunError::RequestLimit`](agent_core::RunError::RequestLimit). Finished calls and replies
    /// are saved. Run the conversation again to continue.
    #[error("{}", safe_line(.0))]
    RequestLimit(String),
    /// The session has no exchange that could be taken back.
    #[error(transparent)]
    NothingToTakeBack(#[from] NothingToTakeBack),
    /// No call with this key waits for a person. It was already approved or denied, or never
    /// waited.
    #[error("{}", safe_line(.0))]
    NotWaiting(String),
    /// What the engine answered, or has kept, can't be read. Another program may have written it.
    #[error("{}", safe_line(.0))]
    Unreadable(String),
    /// The engine has no session with this id.
    #[error("there is no session {id:?}")]
    Unknown {
        /// The id.
        id: String,
    },
    /// The session has fewer turns than that.
    #[error("session {id:?} can't be forked after turn {turn}, because its last turn is {turns}")]
    NoSuchTurn {
        /// The id of the session.
        id: String,
        /// The turn that was asked for.
        turn: usize,
        /// How many turns it has.
        turns: usize,
    },
    /// The engine has not kept how the session was after this turn: another host has driven it, or
    /// the turns before it have 2 MB already.
    #[error(
        "session {id:?} can't be forked after turn {turn}, because the engine has not kept how it was then: copy all of it, or fork it after another turn"
    )]
    TurnNotKept {
        /// The id of the session.
        id: String,
        /// The turn that was asked for.
        turn: usize,
    },
    /// The engine has a session with this id already. The text names it.
    #[error("{}: choose another id", safe_line(.0))]
    Exists(String),
    /// A message, a result or the conversation is larger than the engine accepts. The text says
    /// which.
    #[error("{}", safe_line(.0))]
    TooLarge(String),
    /// The engine refused the request, or its response can't be read. The usual reason is that the
    /// [services](crate::Services) are not registered with the engine.
    #[error("the engine refused with status {status}: {}", safe_line(message))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The message of the engine.
        message: String,
    },
}

/// The body of an error of the engine.
#[derive(Deserialize)]
struct ErrorBody {
    message: String,
}

impl From<ClientError> for RestateError {
    fn from(error: ClientError) -> Self {
        let Some(response) = error.response() else {
            return match error {
                ClientError::Transport { .. } => Self::Unreachable(reason(&error)),
                _ => Self::NotSent(reason(&error)),
            };
        };
        let said = serde_json::from_slice(response.body()).map(|said: ErrorBody| said.message);
        let message = said.unwrap_or_else(|_| reason(&error));
        match response.status().as_u16() {
            409 => Self::Cancelled,
            UNKNOWN_AGENT => Self::UnknownAgent(message),
            REQUEST_LIMIT => Self::RequestLimit(message),
            DIVERGED => Self::Diverged(message),
            NOT_WAITING if message.ends_with("waits") => Self::NotWaiting(message),
            EXISTS => Self::Exists(message),
            TOO_LARGE => Self::TooLarge(message),
            status => Self::Refused { status, message },
        }
    }
}

/// The error with its causes.
fn reason(error: &dyn std::error::Error) -> String {
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !reason.ends_with(&more) {
            reason = format!("{reason}: {more}");
        }
        source = error.source();
    }
    reason
}
