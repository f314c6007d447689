//! Journals of earlier and later versions.

use agent_core::{host::drive, script::Reply};
use agent_journal::{Journal, JournalError};
use insta::{allow_duplicates, assert_snapshot};

use crate::common::{Place, start, team};

/// The file that each earlier version wrote.
const EARLIER: &[&str] =
    &[include_str!("versions/1.sql"), include_str!("versions/2.sql"), include_str!("versions/3.sql")];

#[tokio::test]
async fn a_journal_of_each_earlier_version_is_upgraded_and_continued() {
    for (schema, written) in (1..).zip(EARLIER) {
        let place = Place::new();
        place.sql(written);
        let older = JournalError::Older { path: place.path.clone(), schema, known: newest() };
        assert_eq!(Journal::read(&place.path).unwrap_err(), older);

        let journal = place.open();
        let (team, log) = team(&["main", "expert"], |_, turn| Reply::text(format!("Answer {turn}.")));
        let mut conversation = start();
        let host = journal.host(team, &mut conversation).await.unwrap();
        drive(&mut conversation, &host).await.unwrap();
        assert_eq!(log.asked(), ["main 1"]);
        assert_eq!(Journal::read(&place.path).unwrap().conversation("s").unwrap(), conversation);
        allow_duplicates! {
            assert_snapshot!(conversation.to_string(), @r#"
            user: Go.
              > call_0_0 act {"say":"a"}
              > call_0_1 act {"to":"expert"}
              < call_0_0 = a
              < call_0_1 = Expertly done.
            main: Answer 1.
            "#);
        }
    }
}

#[test]
fn there_is_a_file_for_each_earlier_version() {
    assert_eq!(EARLIER.len() as u32 + 1, newest());
}

#[test]
fn a_journal_of_a_later_version_is_not_changed() {
    let place = Place::new();
    drop(place.open());
    place.sql("PRAGMA user_version = 99");
    let newer = JournalError::Newer { path: place.path.clone(), schema: 99, known: newest() };
    assert_eq!(Journal::open(&place.path).unwrap_err(), newer);
    assert_eq!(Journal::read(&place.path).unwrap_err(), newer);
}

fn newest() -> u32 {
    let place = Place::new();
    drop(place.open());
    let connection = rusqlite::Connection::open(&place.path).unwrap();
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}
