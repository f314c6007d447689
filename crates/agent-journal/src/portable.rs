//! Sessions as JSON, to copy them to another journal.

use agent_core::Json;
use serde::{Deserialize, Serialize};

use crate::{
    Journal, JournalError,
    entry::StoredEntry,
    fold::{Row, fold},
};

/// The version of the format.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Exported {
    journal: u32,
    id: String,
    entries: Vec<ExportedEntry>,
}

#[derive(Serialize, Deserialize)]
struct ExportedEntry {
    path: String,
    at: i64,
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call: Option<String>,
    body: Json,
}

impl Journal {
    /// Writes a session as JSON, with all its entries. Pass the JSON to [`import`](Self::import) of
    /// another journal. Fails if there is no such session.
    pub fn export(&self, id: &str) -> Result<String, JournalError> {
        let (_, rows) = self.rows(id)?;
        let line = |Row { seq, path, at, written: StoredEntry { kind, call, body } }| {
            let body: Json = serde_json::from_str(&body)
                .map_err(|error| self.file().damaged(format!("entry {seq}: {error}")))?;
            Ok(ExportedEntry { path, at, kind, call, body })
        };
        let entries = rows.into_iter().map(line).collect::<Result<_, JournalError>>()?;
        let exported = Exported { journal: FORMAT, id: id.to_owned(), entries };
        Ok(serde_json::to_string(&exported).expect("texts and JSON can always be written"))
    }

    /// Adds a session from the JSON that [`export`](Self::export) wrote. With `None` the session
    /// keeps its id; otherwise it gets `new_id`. Returns the id. Fails if the JSON is not a
    /// session, if the journal already has a session with this id, or if
    /// [`check_session_id`](agent_core::conversation::check_session_id) refuses the id.
    ///
    /// If the exported session is still used, the two are copies. With another id, the calls have
    /// other keys, so a call without a result may be made once in each copy; see
    /// [`fork`](Self::fork).
    pub async fn import(&self, json: &str, new_id: Option<&str>) -> Result<String, JournalError> {
        let not = |why: String| JournalError::NotASession { why };
        let exported: Exported = serde_json::from_str(json).map_err(|error| not(error.to_string()))?;
        if exported.journal != FORMAT {
            return Err(not(format!(
                "its format has version {}, and this version knows {FORMAT}",
                exported.journal
            )));
        }
        let row = |(seq, ExportedEntry { path, at, kind, call, body }): (i64, ExportedEntry)| {
            let written = StoredEntry { kind, call, body: body.text().to_owned() };
            Row { seq, path, at, written }
        };
        let rows: Vec<Row> = (1..).zip(exported.entries).map(row).collect();
        let id = new_id.map_or(exported.id, str::to_owned);
        fold(self.file(), &id, &rows).map_err(|error| match error {
            JournalError::Damaged { what, .. } => not(what),
            other => other,
        })?;
        self.add_session(&id, rows).await?;
        Ok(id)
    }
}
