//! The versions of the schema, and the migrations between them.

use rusqlite::{Connection, TransactionBehavior};

use crate::{JournalError, file::JournalFile};

/// The migration to each version from the one before. A released migration never changes.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
];

/// Marks an SQLite file as a journal: "AgJn".
const APPLICATION_ID: i32 = 0x4167_4a6e;

/// The newest version.
pub(crate) fn newest() -> u32 {
    u32::try_from(MIGRATIONS.len()).expect("there are few versions")
}

/// Whether the file is new and still empty.
pub(crate) fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    Ok(tables == 0 && application(connection)? == 0 && version(connection)? == 0)
}

/// Fails unless the file is a journal with a known version.
pub(crate) fn check(file: &JournalFile, connection: &Connection) -> Result<(), JournalError> {
    let wrong = |error| file.error(&error);
    if application(connection).map_err(wrong)? != APPLICATION_ID {
        return Err(file.foreign("it is an SQLite file of another program"));
    }
    match version(connection).map_err(wrong)? {
        0 => Err(file.damaged("it has no schema version")),
        schema if schema > newest() => {
            Err(JournalError::Newer { path: file.path.clone(), schema, known: newest() })
        }
        _ => Ok(()),
    }
}

/// Fails unless the file is a journal with the newest version.
pub(crate) fn check_newest(file: &JournalFile, connection: &Connection) -> Result<(), JournalError> {
    if is_empty(connection).map_err(|error| file.error(&error))? {
        let why = "the file is empty: open it with Journal::open first".to_owned();
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

/// Upgrades the file to the newest version, completely or not at all.
pub(crate) fn migrate(file: &JournalFile, connection: &mut Connection) -> Result<(), JournalError> {
    let wrong = |error| file.error(&error);
    if version(connection).map_err(wrong)? == newest() {
        return Ok(());
    }
    let all = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(wrong)?;
    // Check again, because nobody else can write now: another process may have upgraded the file in
    // the meantime.
    if !is_empty(&all).map_err(wrong)? {
        check(file, &all)?;
    }
    let have = version(&all).map_err(wrong)? as usize;
    for step in MIGRATIONS.iter().skip(have) {
        all.execute_batch(step).map_err(wrong)?;
    }
    all.pragma_update(None, "application_id", APPLICATION_ID).map_err(wrong)?;
    all.pragma_update(None, "user_version", newest()).map_err(wrong)?;
    all.commit().map_err(wrong)
}

/// Files with up to this many pages are checked completely when they are opened. In larger files
/// only the list of sessions is checked. Their entries are checked when they are read.
const MAX_PAGES_TO_CHECK: u32 = 4_096;

/// Fails if a part of the file has changed since it was written.
pub(crate) fn check_pages(file: &JournalFile, connection: &Connection) -> Result<(), JournalError> {
    let wrong = |error| file.error(&error);
    let pages: u32 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).map_err(wrong)?;
    let check = if pages > MAX_PAGES_TO_CHECK {
        "PRAGMA integrity_check('sessions')"
    } else {
        "PRAGMA integrity_check(1)"
    };
    let found: String = connection.query_row(check, (), |row| row.get(0)).map_err(wrong)?;
    if found == "ok" { Ok(()) } else { Err(file.damaged(found)) }
}

fn application(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
