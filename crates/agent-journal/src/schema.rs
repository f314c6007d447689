//! The schema: its versions, and the way from each to the next.

use rusqlite::{Connection, TransactionBehavior};

use crate::{JournalError, file::File};

/// What makes each version of the one before it. Never changed once released.
const STEPS: &[&str] = &[include_str!("schema/1.sql"), include_str!("schema/2.sql")];

/// Marks an SQLite file as a journal of this crate: "AgJn".
const APPLICATION: i32 = 0x4167_4a6e;

/// The newest version.
pub(crate) fn newest() -> u32 {
    u32::try_from(STEPS.len()).expect("there are few versions")
}

/// Whether nobody has put anything into the file yet.
pub(crate) fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    Ok(tables == 0 && application(connection)? == 0 && version(connection)? == 0)
}

/// Fails unless the file is a journal, of a version that is known.
pub(crate) fn check(file: &File, connection: &Connection) -> Result<(), JournalError> {
    let wrong = |error| file.error(&error);
    if application(connection).map_err(wrong)? != APPLICATION {
        return Err(file.foreign("it is an SQLite file of something else"));
    }
    match version(connection).map_err(wrong)? {
        0 => Err(file.damaged("it has no schema version")),
        schema if schema > newest() => {
            Err(JournalError::Newer { path: file.path.clone(), schema, known: newest() })
        }
        _ => Ok(()),
    }
}

/// The same, and unless it is the newest.
pub(crate) fn check_newest(file: &File, connection: &Connection) -> Result<(), JournalError> {
    if is_empty(connection).map_err(|error| file.error(&error))? {
        let why = "it is empty: nobody has begun a journal there".to_owned();
        return Err(JournalError::NotOpened { path: file.path.clone(), why });
    }
    check(file, connection)?;
    match version(connection).map_err(|error| file.error(&error))? {
        schema if schema < newest() => {
            Err(JournalError::Older { path: file.path.clone(), schema, known: newest() })
        }
        _ => Ok(()),
    }
}

/// Brings the file to the newest version, all steps or none.
pub(crate) fn migrate(file: &File, connection: &mut Connection) -> Result<(), JournalError> {
    let wrong = |error| file.error(&error);
    if version(connection).map_err(wrong)? == newest() {
        return Ok(());
    }
    let all = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(wrong)?;
    // Read again, now that nobody else can write: another process may have done it meanwhile.
    if !is_empty(&all).map_err(wrong)? {
        check(file, &all)?;
    }
    let have = version(&all).map_err(wrong)? as usize;
    for step in STEPS.iter().skip(have) {
        all.execute_batch(step).map_err(wrong)?;
    }
    all.pragma_update(None, "application_id", APPLICATION).map_err(wrong)?;
    all.pragma_update(None, "user_version", newest()).map_err(wrong)?;
    all.commit().map_err(wrong)
}

/// Files up to so many pages are read whole when they are opened, and a page that is not what it was is found there. Of larger
/// ones only the list of sessions is: what was told is read when it is wanted.
const READ_WHOLE: u32 = 4_096;

/// Fails if a part of the file is not what was written.
pub(crate) fn check_pages(file: &File, connection: &Connection) -> Result<(), JournalError> {
    let wrong = |error| file.error(&error);
    let pages: u32 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).map_err(wrong)?;
    let check =
        if pages > READ_WHOLE { "PRAGMA integrity_check('sessions')" } else { "PRAGMA integrity_check(1)" };
    let found: String = connection.query_row(check, (), |row| row.get(0)).map_err(wrong)?;
    if found == "ok" { Ok(()) } else { Err(file.damaged(found)) }
}

fn application(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
