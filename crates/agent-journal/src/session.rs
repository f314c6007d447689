//! Sessions: what is in a journal, and what can be done with it as a whole.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use agent_core::{
    Conversation, End, Limits, ToolSpec, Usage,
    agent::Rules,
    conversation::{Turn, check_session_id},
};
use rusqlite::Connection;

use crate::{
    Journal, JournalError,
    entry::Written,
    fold::{Row, fold},
    leases,
    table::{self, Number},
};

/// A session: a conversation in a journal, with those delegated from it.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id, which is the conversation's.
    pub id: String,
    /// The agent that has the conversation.
    pub agent: String,
    /// When it was last told something.
    pub changed: SystemTime,
    /// How often its models answered, those of delegated conversations not counted.
    pub turns: usize,
    /// What all its models cost.
    pub usage: Usage,
    /// Why it is the user's turn: [`End::Waiting`] names the calls that wait for a person. `None` if there is work to do.
    pub end: Option<End>,
    /// The process that drives it.
    pub driven_by: Option<u32>,
}

impl Journal {
    /// All sessions, in the order they began. One that can't be read is an error among the others, which names it.
    pub fn sessions(&self) -> Result<Vec<Result<Session, JournalError>>, JournalError> {
        let ids = self.with_reader(table::ids)?;
        // One that was deleted meanwhile is not there any more.
        Ok(ids.iter().filter_map(|(_, id)| self.session(id).transpose()).collect())
    }

    /// The session of this id, if there is one.
    pub fn session(&self, id: &str) -> Result<Option<Session>, JournalError> {
        let Some((number, rows)) = self.rows_of(id)? else { return Ok(None) };
        let conversation = fold(self.file(), id, &rows)?.conversation;
        let driven_by = self.with_reader(|connection| leases::driven_by(self.file(), connection, number))?;
        let changed = rows.last().map_or(0, |row| u64::try_from(row.at).unwrap_or_default());
        Ok(Some(Session {
            id: id.to_owned(),
            agent: conversation.agent().to_owned(),
            changed: UNIX_EPOCH + Duration::from_millis(changed),
            turns: rows.iter().filter(|row| is_turn(row)).count(),
            usage: conversation.usage(),
            end: end(conversation),
            driven_by,
        }))
    }

    /// A new session that is this one as it was after so many of its turns, results of their calls included; with `None`,
    /// as it is. Its calls have keys of their own. Of the new id, [`check_session_id`] says what it may be.
    pub async fn fork(&self, id: &str, turns: Option<usize>, new_id: &str) -> Result<(), JournalError> {
        let (_, rows) = self.rows(id)?;
        let keep = match turns {
            None => rows.len(),
            Some(turns) => after(&rows, turns).ok_or_else(|| JournalError::NoSuchTurn {
                id: id.to_owned(),
                turn: turns,
                turns: rows.iter().filter(|row| is_turn(row)).count(),
            })?,
        };
        self.add(new_id, rows.into_iter().take(keep).collect()).await
    }

    /// Deletes a session that nobody drives.
    pub async fn delete(&self, id: &str) -> Result<(), JournalError> {
        let (file, id) = (self.file().clone(), id.to_owned());
        let delete = move |connection: &Connection| {
            let wrong = |error| file.error(&error);
            let number = table::number(connection, &id).map_err(wrong)?;
            let number = number.ok_or_else(|| JournalError::UnknownSession { id: id.clone() })?;
            leases::refuse_if_driven(&file, connection, &id, number)?;
            table::delete_session(connection, number).map_err(wrong)
        };
        self.write(delete, |_| ()).await
    }

    /// A session of these entries.
    pub(crate) async fn add(&self, id: &str, rows: Vec<Row>) -> Result<(), JournalError> {
        let (file, id) = (self.file().clone(), id.to_owned());
        let add = move |connection: &Connection| {
            check_session_id(&id)?;
            let wrong = |error| file.error(&error);
            if table::number(connection, &id).map_err(wrong)?.is_some() {
                return Err(JournalError::SessionExists { id });
            }
            let number: Number = table::add_session(connection, &id).map_err(wrong)?;
            rows.iter()
                .try_for_each(|Row { path, at, written, .. }| {
                    table::add_entry(connection, number, path, *at, written)
                })
                .map_err(wrong)
        };
        self.write(add, |_| ()).await
    }
}

/// How many entries there are before the first that follows so many turns and what came of them.
fn after(rows: &[Row], turns: usize) -> Option<usize> {
    let steps = ["said", "answered", "failed", "spent", "returned", "taken_back", "became"];
    let is_step = |row: &Row| row.path.is_empty() && steps.contains(&row.written.kind.as_str());
    let mut seen = 0;
    for (place, row) in rows.iter().enumerate().skip(1) {
        if seen == turns && is_step(row) {
            return Some(place);
        }
        seen += usize::from(is_turn(row));
    }
    (seen == turns).then_some(rows.len())
}

fn is_turn(Row { path, written: Written { kind, .. }, .. }: &Row) -> bool {
    path.is_empty() && kind == "answered"
}

/// Why it is the user's turn, as far as that can be told without the agents.
fn end(mut conversation: Conversation) -> Option<End> {
    match conversation.turn(&NoRules(Limits::default())) {
        Turn::User(end) => Some(end),
        _ => None,
    }
}

/// What holds where the agents are not known: nothing is forbidden.
struct NoRules(Limits);

impl Rules for NoRules {
    fn spec(&self, _: &str, _: &str) -> Option<&ToolSpec> {
        None
    }

    fn turns(&self, _: &str) -> u32 {
        u32::MAX
    }

    fn limits(&self) -> &Limits {
        &self.0
    }

    fn agents(&self) -> Vec<&str> {
        Vec::new()
    }
}
