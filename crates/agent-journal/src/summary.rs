//! Lists sessions. What a list needs to know of a conversation is kept beside the session, so that
//! it is read from the entries only once after they have changed.

use agent_core::{End, Usage};
use rusqlite::{Connection, Row as SqlRow, params};
use serde::{Deserialize, Serialize};

use crate::{
    Journal, JournalError, Session, event_table,
    fold::fold,
    leases,
    session::is_turn,
    table::{self, SessionNumber, time},
};

/// What a list needs to know of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Summary {
    agent: String,
    turns: usize,
    usage: Usage,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<End>,
}

/// What the tables have of a session, without its entries.
struct SessionRow {
    number: SessionNumber,
    id: String,
    began: i64,
    /// The last entry, and when it was written.
    last: Option<(i64, i64)>,
    /// The summary, and the entry up to which it is right.
    known: Option<(i64, String)>,
    last_event: u64,
    driven_by: Option<u32>,
}

impl Journal {
    /// Lists all sessions, in the order in which they were started. If a session can't be read, its
    /// place in the list has an error that names the session.
    ///
    /// Only sessions that have changed since the last list are read. For this, a journal that was
    /// opened to write keeps a summary of each beside it.
    pub fn sessions(&self) -> Result<Vec<Result<Session, JournalError>>, JournalError> {
        let rows = self.session_rows(None)?;
        // A session that was deleted in the meantime is left out.
        Ok(rows.into_iter().filter_map(|row| self.summarise(row).transpose()).collect())
    }

    /// Returns the summary of one session. `None` if there is no session with this id.
    pub fn session(&self, id: &str) -> Result<Option<Session>, JournalError> {
        let row = self.session_rows(Some(id))?.pop();
        row.map_or(Ok(None), |row| self.summarise(row))
    }

    fn session_rows(&self, id: Option<&str>) -> Result<Vec<SessionRow>, JournalError> {
        self.with_reader(|connection| {
            let mut all = connection.prepare_cached(
                "SELECT number, id, began, summaries.seq, body, (SELECT max(seq) FROM entries WHERE session = \
                 number) FROM sessions LEFT JOIN summaries ON session = number WHERE ?1 IS NULL OR id = ?1 \
                 ORDER BY number",
            )?;
            let mut rows: Vec<SessionRow> =
                all.query_map([id], |row| read_row(connection, row))?.collect::<Result<_, _>>()?;
            for row in &mut rows {
                row.last_event = event_table::last(connection, row.number)?;
                row.driven_by = leases::driven_by(self.file(), connection, row.number)?;
            }
            Ok(rows)
        })
    }

    fn summarise(&self, row: SessionRow) -> Result<Option<Session>, JournalError> {
        let known = row.known.as_ref().filter(|(seq, _)| Some(*seq) == row.last.map(|(last, _)| last));
        // A summary that another version wrote may not be readable. Then it is made again.
        let known = known.and_then(|(_, body)| serde_json::from_str(body).ok());
        let summary = match known {
            Some(known) => known,
            None => match self.make_summary(&row.id)? {
                Some(made) => made,
                None => return Ok(None),
            },
        };
        let Summary { agent, turns, usage, end } = summary;
        let SessionRow { id, began, last, last_event, driven_by, .. } = row;
        let (began, changed) = (time(began), time(last.map_or(0, |(_, at)| at)));
        Ok(Some(Session { id, agent, began, changed, turns, usage, end, driven_by, last_event }))
    }

    /// Reads a session, and keeps its summary.
    fn make_summary(&self, id: &str) -> Result<Option<Summary>, JournalError> {
        let Some((number, rows)) = self.rows_of(id)? else { return Ok(None) };
        let conversation = fold(self.file(), id, &rows)?.conversation;
        let summary = Summary {
            agent: conversation.agent().to_owned(),
            turns: rows.iter().filter(|row| is_turn(row)).count(),
            usage: conversation.usage(),
            end: conversation.known_end(),
        };
        if let Some(last) = rows.last() {
            self.keep_summary(number, last.seq, &summary);
        }
        Ok(Some(summary))
    }

    /// If it can't be written, the next list makes it again.
    fn keep_summary(&self, session: SessionNumber, seq: i64, summary: &Summary) {
        let body = serde_json::to_string(summary).expect("texts and numbers can always be written as JSON");
        let file = self.file().clone();
        let write = move |connection: &Connection| {
            let sql = "INSERT INTO summaries (session, seq, body) SELECT number, ?2, ?3 FROM sessions WHERE number = ?1 \
                 ON CONFLICT DO UPDATE SET seq = ?2, body = ?3 WHERE seq <= ?2";
            let kept =
                connection.prepare_cached(sql).and_then(|mut keep| keep.execute(params![session, seq, body]));
            kept.map(drop).map_err(|error| file.error(&error))
        };
        self.write_soon(write, |_| ());
    }
}

fn read_row(connection: &Connection, row: &SqlRow<'_>) -> rusqlite::Result<SessionRow> {
    let (known_seq, body): (Option<i64>, Option<String>) = (row.get(3)?, row.get(4)?);
    let last: Option<i64> = row.get(5)?;
    let last = last.map(|seq| table::written_at(connection, seq).map(|at| Some((seq, at?)))).transpose()?;
    Ok(SessionRow {
        number: row.get(0)?,
        id: row.get(1)?,
        began: row.get(2)?,
        last: last.flatten(),
        known: known_seq.zip(body),
        last_event: 0,
        driven_by: None,
    })
}
