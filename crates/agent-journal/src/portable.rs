//! Sessions as JSON, to take from one journal to another.

use agent_core::Json;
use serde::{Deserialize, Serialize};

use crate::{
    Journal, JournalError,
    entry::Written,
    fold::{Row, fold},
};

/// The shape of what is exported.
const SHAPE: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Exported {
    journal: u32,
    id: String,
    entries: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    path: String,
    at: i64,
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call: Option<String>,
    body: Json,
}

impl Journal {
    /// A session as JSON, with all it was told: [`import`](Self::import) reads it.
    pub fn export(&self, id: &str) -> Result<String, JournalError> {
        let (_, rows) = self.rows(id)?;
        let line = |Row { seq, path, at, written: Written { kind, call, body } }| {
            let body: Json = serde_json::from_str(&body)
                .map_err(|error| self.file().damaged(format!("entry {seq}: {error}")))?;
            Ok(Line { path, at, kind, call, body })
        };
        let entries = rows.into_iter().map(line).collect::<Result<_, JournalError>>()?;
        let exported = Exported { journal: SHAPE, id: id.to_owned(), entries };
        Ok(serde_json::to_string(&exported).expect("texts and JSON can always be written"))
    }

    /// Adds a session that was exported, under its own id or another one; gives back which. What is no conversation is
    /// refused, and so is an id that no session may begin under ([`check_session_id`](agent_core::conversation::check_session_id)).
    pub async fn import(&self, json: &str, new_id: Option<&str>) -> Result<String, JournalError> {
        let not = |why: String| JournalError::NotASession { why };
        let exported: Exported = serde_json::from_str(json).map_err(|error| not(error.to_string()))?;
        if exported.journal != SHAPE {
            return Err(not(format!("it has shape {}, and this version knows {SHAPE}", exported.journal)));
        }
        let row = |(seq, Line { path, at, kind, call, body }): (i64, Line)| {
            let written = Written { kind, call, body: body.text().to_owned() };
            Row { seq, path, at, written }
        };
        let rows: Vec<Row> = (1..).zip(exported.entries).map(row).collect();
        let id = new_id.map_or(exported.id, str::to_owned);
        fold(self.file(), &id, &rows).map_err(|error| match error {
            JournalError::Damaged { what, .. } => not(what),
            other => other,
        })?;
        self.add(&id, rows).await?;
        Ok(id)
    }
}
