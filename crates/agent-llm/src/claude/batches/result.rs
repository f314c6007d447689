//! What came of one request of a batch.

use agent_core::{Json, LlmError, Response, model::LlmErrorKind};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::custom_id;
use crate::transport::error::ErrorBody;

/// What came of one request of a batch.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct BatchResult {
    /// The position of the request in the batch, from 0. `None` if another program made the batch,
    /// with ids that do not begin with a position.
    pub position: Option<usize>,
    /// Your own id for the request; `None` if you gave none.
    pub custom_id: Option<String>,
    /// The reply, or why there is none.
    pub outcome: BatchOutcome,
}

/// The outcome of one request of a batch.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum BatchOutcome {
    /// The model replied.
    Succeeded(Box<Response>),
    /// The request failed. The error says whether it may succeed in another batch.
    Errored(LlmError),
    /// The batch was cancelled before the request was made.
    Canceled,
    /// The batch expired before the request was made.
    Expired,
    /// Another outcome, as the API sends it.
    Other(Json),
}

impl BatchResult {
    /// Returns the reply, or an error that says why there is none.
    pub fn response(self) -> Result<Response, LlmError> {
        let none = |kind, message: &str| Err(LlmError::new(kind, message));
        match self.outcome {
            BatchOutcome::Succeeded(response) => Ok(*response),
            BatchOutcome::Errored(error) => Err(error),
            BatchOutcome::Canceled => {
                none(LlmErrorKind::Other, "its batch was cancelled before it was asked")
            }
            BatchOutcome::Expired => none(LlmErrorKind::Timeout, "its batch expired before it was asked"),
            BatchOutcome::Other(json) => none(LlmErrorKind::Malformed, &format!("an unknown result: {json}")),
        }
    }

    /// Reads a line of the results.
    pub(super) fn read(line: &str) -> Result<Self, LlmError> {
        #[derive(Deserialize)]
        struct Line<'a> {
            custom_id: String,
            #[serde(borrow)]
            result: &'a RawValue,
        }
        let malformed =
            |error| LlmError::new(LlmErrorKind::Malformed, format!("a result of a batch: {error}"));
        let Line { custom_id, result } = serde_json::from_str(line).map_err(malformed)?;
        let (position, custom_id) = custom_id::read(&custom_id);
        let outcome = BatchOutcome::read(result).map_err(malformed)?;
        Ok(Self { position, custom_id, outcome })
    }
}

impl BatchOutcome {
    fn read(result: &RawValue) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Typed<'a> {
            r#type: String,
            #[serde(borrow)]
            message: Option<&'a RawValue>,
            #[serde(borrow)]
            error: Option<&'a RawValue>,
        }
        let typed: Typed<'_> = serde_json::from_str(result.get())?;
        Ok(match (typed.r#type.as_str(), typed.message, typed.error) {
            ("succeeded", Some(message), _) => Self::Succeeded(Box::new(Response::read(message.get())?)),
            ("errored", _, Some(error)) => Self::Errored(errored(error.get())),
            ("canceled", ..) => Self::Canceled,
            ("expired", ..) => Self::Expired,
            _ => Self::Other(result.into()),
        })
    }
}

fn errored(json: &str) -> LlmError {
    let body = ErrorBody::read(json);
    let message = body.message.clone().unwrap_or_else(|| json.to_owned());
    body.in_reply(message)
}
