//! SQLite connections for writing and reading.

use std::{
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags};

use crate::{JournalError, file::JournalFile, schema};

/// How long to wait for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

impl JournalFile {
    /// A connection for writing. It creates or upgrades the schema.
    pub(crate) fn connect_writer(&self, max_pages: Option<u32>) -> Result<Connection, JournalError> {
        let mut connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let wrong = |error| self.error(&error);
        if connection.is_readonly(MAIN_DB).map_err(wrong)? {
            return Err(self.not_writable("the system allows only reading"));
        }
        if !schema::is_empty(&connection).map_err(wrong)? {
            schema::check(self, &connection)?;
            schema::check_pages(self, &connection)?;
        }
        use_write_ahead_log(&connection).map_err(wrong)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(wrong)?;
        connection.pragma_update(None, "foreign_keys", true).map_err(wrong)?;
        if let Some(pages) = max_pages {
            connection.pragma_update(None, "max_page_count", pages).map_err(wrong)?;
        }
        schema::migrate(self, &mut connection)?;
        Ok(connection)
    }

    /// A connection for reading. The file is opened for writing all the same, because the next
    /// reader must roll back what a killed process left half done.
    pub(crate) fn connect_reader(&self) -> Result<Connection, JournalError> {
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
        connection.busy_timeout(BUSY_TIMEOUT).map_err(|error| self.error(&error))?;
        Ok(connection)
    }
}

/// Switches to a write-ahead log. SQLite does not wait for other processes here, so this does.
fn use_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    let begun = Instant::now();
    loop {
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        if mode.eq_ignore_ascii_case("wal") {
            return Ok(());
        }
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if is_busy(&error) && begun.elapsed() < BUSY_TIMEOUT => {
                // Another process may be opening the file for the first time, too.
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
    fn writes_are_synced_to_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let connection = JournalFile::open_or_create(&folder.path().join("runs.journal"))
            .unwrap()
            .connect_writer(None)
            .unwrap();
        let synchronous: u32 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!((synchronous, mode.as_str()), (2, "wal"), "2 is FULL");
    }

    #[test]
    fn many_threads_can_create_a_journal_at_the_same_time() {
        for _ in 0..10 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("runs.journal");
            let open = |_| {
                let path = path.clone();
                thread::spawn(move || JournalFile::open_or_create(&path)?.connect_writer(None).map(drop))
            };
            let all: Vec<_> = (0..8).map(open).collect();
            for one in all {
                one.join().unwrap().unwrap();
            }
        }
    }
}
