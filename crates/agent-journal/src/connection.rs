//! Connections to the file, to write and to read.

use std::{
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags};

use crate::{JournalError, file::File, schema};

/// How long to wait for another process that writes.
const PATIENCE: Duration = Duration::from_secs(10);

impl File {
    /// A connection that writes.
    pub(crate) fn to_write(&self, most_pages: Option<u32>) -> Result<Connection, JournalError> {
        let mut connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let wrong = |error| self.error(&error);
        if connection.is_readonly(MAIN_DB).map_err(wrong)? {
            let (path, why) = (self.path.clone(), "the system lets it only be read".to_owned());
            return Err(JournalError::ReadOnly { path, why });
        }
        if !schema::is_empty(&connection).map_err(wrong)? {
            schema::check(self, &connection)?;
            schema::check_pages(self, &connection)?;
        }
        use_log(&connection).map_err(wrong)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(wrong)?;
        connection.pragma_update(None, "foreign_keys", true).map_err(wrong)?;
        if let Some(pages) = most_pages {
            connection.pragma_update(None, "max_page_count", pages).map_err(wrong)?;
        }
        schema::migrate(self, &mut connection)?;
        Ok(connection)
    }

    /// A connection that only reads. It may write where the system lets it: what a process that was killed left half done, who
    /// reads next takes back.
    pub(crate) fn to_read(&self) -> Result<Connection, JournalError> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "query_only", true).map_err(|error| self.error(&error))?;
        schema::check_newest(self, &connection)?;
        schema::check_pages(self, &connection)?;
        Ok(connection)
    }

    fn connect(&self, access: OpenFlags) -> Result<Connection, JournalError> {
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(&self.path, flags).map_err(|error| self.error(&error))?;
        connection.busy_timeout(PATIENCE).map_err(|error| self.error(&error))?;
        Ok(connection)
    }
}

/// Has what is written go to a log first. To change to it, SQLite waits for nobody.
fn use_log(connection: &Connection) -> rusqlite::Result<()> {
    let begun = Instant::now();
    loop {
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        if mode.eq_ignore_ascii_case("wal") {
            return Ok(());
        }
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if is_busy(&error) && begun.elapsed() < PATIENCE => {
                // Another process opens it for the first time, too.
                thread::sleep(Duration::from_millis(5));
            }
            changed => return changed,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn who_writes_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let connection = File::made(&folder.path().join("runs.journal")).unwrap().to_write(None).unwrap();
        let synchronous: u32 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!((synchronous, mode.as_str()), (2, "wal"), "2 is FULL");
    }

    #[test]
    fn many_who_begin_a_journal_at_once_all_have_it() {
        for _ in 0..10 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("runs.journal");
            let open = |_| {
                let path = path.clone();
                thread::spawn(move || File::made(&path)?.to_write(None).map(drop))
            };
            let all: Vec<_> = (0..8).map(open).collect();
            for one in all {
                one.join().unwrap().unwrap();
            }
        }
    }
}
