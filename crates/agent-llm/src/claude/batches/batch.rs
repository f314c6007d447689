//! How far a batch is.

use std::time::SystemTime;

use agent_core::{Json, LlmError, model::LlmErrorKind};

use crate::object_fields::ObjectFields;

/// A message batch, as the API described it when it was asked.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The id of the batch. Another process can use it to wait for the batch and to read its
    /// results.
    pub id: String,
    /// Whether the batch is in progress or has ended.
    pub status: BatchStatus,
    /// How many requests have ended, and how.
    pub counts: BatchCounts,
    /// When the batch was made; `None` if the API does not say.
    pub created_at: Option<SystemTime>,
    /// When requests expire that have not been made until then: a day after the batch was made.
    /// `None` if the API does not say.
    pub expires_at: Option<SystemTime>,
    /// When the batch ended; `None` if it has not ended.
    pub ended_at: Option<SystemTime>,
    /// All fields that the API sends about the batch.
    pub json: Json,
}

/// The state of a [`Batch`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchStatus {
    /// Requests are still being made.
    InProgress,
    /// The batch was cancelled, and requests that were under way have not ended yet.
    Canceling,
    /// All requests have ended: answered, failed, cancelled or expired. The results can be read.
    Ended,
    /// Another state, as the API names it.
    Other(String),
}

/// How many requests of a [`Batch`] have ended, and how. While the batch is in progress, all are
/// counted as `processing`.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchCounts {
    /// Requests that have not ended.
    pub processing: u64,
    /// Requests that were answered.
    pub succeeded: u64,
    /// Requests that failed.
    pub errored: u64,
    /// Requests that were cancelled before they were made.
    pub canceled: u64,
    /// Requests that expired before they were made.
    pub expired: u64,
}

impl Batch {
    /// Whether all requests have ended.
    pub fn is_ended(&self) -> bool {
        self.status == BatchStatus::Ended
    }

    pub(super) fn read(json: Json) -> Result<Self, LlmError> {
        let malformed = |message: String| LlmError::new(LlmErrorKind::Malformed, message);
        let fields = ObjectFields::of(&json).map_err(|error| malformed(format!("a batch: {error}")))?;
        let need = |name: &str| {
            let value: Option<String> = fields.get(name);
            value.ok_or_else(|| malformed(format!("a batch without `{name}`: {}", json.text())))
        };
        let status = match need("processing_status")?.as_str() {
            "in_progress" => BatchStatus::InProgress,
            "canceling" => BatchStatus::Canceling,
            "ended" => BatchStatus::Ended,
            other => BatchStatus::Other(other.to_owned()),
        };
        let counts: Option<Json> = fields.get("request_counts");
        Ok(Self {
            id: need("id")?,
            status,
            counts: counts.and_then(|json| BatchCounts::read(&json)).unwrap_or_default(),
            created_at: fields.time("created_at"),
            expires_at: fields.time("expires_at"),
            ended_at: fields.time("ended_at"),
            json,
        })
    }
}

impl BatchCounts {
    /// How many requests the batch has.
    pub fn total(&self) -> u64 {
        let Self { processing, succeeded, errored, canceled, expired } = self;
        [processing, succeeded, errored, canceled, expired].into_iter().sum()
    }

    fn read(json: &Json) -> Option<Self> {
        let fields = ObjectFields::of(json).ok()?;
        let count = |name: &str| fields.get(name).unwrap_or(0);
        Some(Self {
            processing: count("processing"),
            succeeded: count("succeeded"),
            errored: count("errored"),
            canceled: count("canceled"),
            expired: count("expired"),
        })
    }
}
