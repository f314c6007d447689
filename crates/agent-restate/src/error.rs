//! What can go wrong between a program and the engine.

use agent_core::{
    conversation::{Failure, NothingToTakeBack, SessionIdError},
    message::safe_line,
};
use restate_sdk::ingress::ClientError;
use serde::Deserialize;

use crate::{
    joined::DIVERGED,
    names::NOT_WAITING,
    payload::TOO_LARGE,
    stopped::{REQUEST_LIMIT, UNKNOWN_AGENT},
};

/// Why the engine did not do what it was asked. What was done before is kept there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestateError {
    /// The address of the engine is none.
    #[error("{address:?} is not the address of an engine, as http://127.0.0.1:8080 is: {why}")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// The engine can't be reached, or the connection broke. The run may go on there: run again to wait for it.
    #[error("no response from the engine: {}", safe_line(.0))]
    Unreachable(String),
    /// There is no such request: an id is too long, as a rule.
    #[error("the request can't be made: {}", safe_line(.0))]
    NotSent(String),
    /// A model did not answer. The conversation is as it was, and a new run asks again.
    #[error(transparent)]
    Model(#[from] Failure),
    /// The run was cancelled, or ended by hand. What was done is kept there, not here: see
    /// [`Restate::history`](crate::Restate::history).
    #[error(
        "the run was cancelled; the conversation there keeps what was done: read it with Restate::history"
    )]
    Cancelled,
    /// No session may begin under this id: the conversation was given none of its own, or it is odd. Nothing was sent.
    #[error(transparent)]
    NotASessionId(#[from] SessionIdError),
    /// The engine has another conversation of this id.
    #[error("{}: read it with Restate::history, or give this one another id", safe_line(.0))]
    Diverged(String),
    /// The agent that has the conversation is not in the team of the process that drove it. No call of it was answered: run
    /// it again once the engine leads to a process that has the agent.
    #[error("{}", safe_line(.0))]
    UnknownAgent(String),
    /// The models of the run have had as many requests as [`Limits::requests`](agent_core::Limits::requests) allows, in the
    /// words of [`RunError::RequestLimit`](agent_core::RunError::RequestLimit). What was done is kept there: run again to go on.
    #[error("{}", safe_line(.0))]
    RequestLimit(String),
    /// The user has said nothing in this session, or all of it was taken back already.
    #[error(transparent)]
    NothingToTakeBack(#[from] NothingToTakeBack),
    /// No such call waits for a person: it was decided about, or never waited.
    #[error("{}", safe_line(.0))]
    NotWaiting(String),
    /// Something is larger than what the engine takes as one piece.
    #[error("{}", safe_line(.0))]
    TooLarge(String),
    /// The engine refused, or what it said can't be read. As a rule, the services are not registered there.
    #[error("the engine said {status}: {}", safe_line(message))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
}

/// What the engine says of an error.
#[derive(Deserialize)]
struct Said {
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
        let said = serde_json::from_slice(response.body()).map(|said: Said| said.message);
        let message = said.unwrap_or_else(|_| reason(&error));
        match response.status().as_u16() {
            409 => Self::Cancelled,
            UNKNOWN_AGENT => Self::UnknownAgent(message),
            REQUEST_LIMIT => Self::RequestLimit(message),
            DIVERGED => Self::Diverged(message),
            NOT_WAITING if message.ends_with("waits") => Self::NotWaiting(message),
            TOO_LARGE => Self::TooLarge(message),
            status => Self::Refused { status, message },
        }
    }
}

/// The error with what it comes from.
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
