//! A session is driven by only one host.

use std::fs;

use agent_core::{Team, host::drive, script::Reply};
use agent_journal::{Driver, Journal, JournalError};
use insta::assert_snapshot;

use crate::common::{Log, Place, start, team};

fn hello() -> (Team, Log) {
    team(&["main"], |_, turn| Reply::text(format!("Answer {turn}.")))
}

async fn run(journal: &Journal) -> Result<String, JournalError> {
    let mut conversation = start();
    let host = journal.host(hello().0, &mut conversation).await?;
    Ok(drive(&mut conversation, &host).await.unwrap().text().to_owned())
}

#[tokio::test]
async fn a_session_that_is_driven_can_be_read_and_not_driven_by_others() {
    let place = Place::new();
    let (one, other) = (place.open(), place.open());
    let mut conversation = start();
    let host = one.host(hello().0, &mut conversation).await.unwrap();
    let driven = JournalError::Driven { id: "s".to_owned(), by: Driver::ThisProcess };
    for journal in [&one, &other] {
        assert_eq!(run(journal).await.unwrap_err(), driven);
        assert_eq!(journal.delete("s").await.unwrap_err(), driven);
        assert_eq!(journal.session("s").unwrap().unwrap().driven_by, Some(std::process::id()));
        assert_eq!(journal.conversation("s").unwrap(), conversation);
    }
    assert_snapshot!(driven, @r#"session "s" is driven by another host in this process: wait until it is done, or drop that host"#);

    drive(&mut conversation, &host).await.unwrap();
    drop(host);
    assert_eq!(run(&one).await.unwrap(), "Answer 0.", "as soon as it is not driven any more");
    drop(one);
    assert_eq!(other.session("s").unwrap().unwrap().driven_by, None);
}

#[tokio::test]
async fn a_dropped_journal_holds_no_lease_and_leaves_no_file() {
    let place = Place::new();
    let mut conversation = start();
    let journal = place.open();
    let host = journal.host(hello().0, &mut conversation).await.unwrap();
    drop((host, journal));
    let files = fs::read_dir(place.path.parent().unwrap()).unwrap();
    let files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["runs.journal"]);
    assert_eq!(run(&place.open()).await.unwrap(), "Answer 0.");
}

/// A session that another holder has left with this row and this file. Checks whether it can be
/// driven.
async fn check(expires: &str, has_file: bool, expected: bool) {
    let place = Place::new();
    run(&place.open()).await.unwrap();
    place.sql(&format!(
        "INSERT INTO holders VALUES ('other', 7, {expires}); INSERT INTO leases VALUES (1, 'other')"
    ));
    let file = place.path.with_file_name("runs.journal-holder-other");
    if has_file {
        fs::write(&file, "").unwrap();
    }
    let ran = run(&place.open()).await;
    assert_eq!(ran.is_ok(), expected, "expires {expires}, file {has_file}: {ran:?}");
    assert_eq!(file.exists(), has_file && !expected, "the lock file of a dead holder is removed");
}

#[tokio::test]
async fn the_lease_of_a_dead_process_is_taken_over_at_once() {
    // A killed process leaves a file that nobody has locked.
    check("NULL", true, true).await;
    check("NULL", false, true).await;
}

#[tokio::test]
async fn where_files_cannot_be_locked_a_lease_runs_out() {
    check("unixepoch() * 1000 + 20000", true, false).await;
    check("unixepoch() * 1000 - 1", true, true).await;
}

#[tokio::test]
async fn a_host_that_is_dropped_while_taking_a_lease_does_not_keep_it() {
    let place = Place::new();
    let journal = place.open();
    let mut conversation = start();
    let taking = Box::pin(journal.host(hello().0, &mut conversation));
    // Polled once, it has sent its write and waits.
    assert!(futures::poll!(taking).is_pending());
    assert_eq!(run(&journal).await.unwrap(), "Answer 0.");
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_is_reached_in_two_ways_has_one_driver_a_session() {
    let (place, elsewhere) = (Place::new(), tempfile::tempdir().unwrap());
    let (team, _) = hello();
    let link = elsewhere.path().join("link.journal");
    std::os::unix::fs::symlink(&place.path, &link).unwrap();
    let (one, other) = (place.open(), Journal::open(&link).unwrap());
    let _host = one.host(team.clone(), &mut start()).await.unwrap();
    let refused = other.host(team, &mut start()).await.err();
    assert!(matches!(refused, Some(JournalError::Driven { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_host_that_was_taken_for_dead_writes_no_more() {
    let place = Place::new();
    let (team, _) = hello();
    let (one, other) = (place.open(), place.open());
    let (mut lost, mut conversation) = (start(), start());
    let stale = one.host(team.clone(), &mut lost).await.unwrap();
    for file in fs::read_dir(place.path.parent().unwrap()).unwrap().map(Result::unwrap) {
        if file.file_name().to_string_lossy().contains("-holder-") {
            fs::remove_file(file.path()).unwrap();
        }
    }
    let host = other.host(team, &mut conversation).await.unwrap();
    let error = drive(&mut lost, &stale).await.unwrap_err();
    assert!(error.to_string().contains("another process has taken it over"), "{error}");
    assert_eq!(drive(&mut conversation, &host).await.unwrap().text(), "Answer 0.");
    assert_eq!(one.conversation("s").unwrap(), conversation);
}

#[tokio::test]
async fn field_76_who_drives_a_session_is_told_from_this_process_by_more_than_its_number() {
    let place = Place::new();
    let (one, other) = (place.open(), place.open());
    let _host = one.host(hello().0, &mut start()).await.unwrap();
    let by = |error| match error {
        JournalError::Driven { by, .. } => by.to_string(),
        error => panic!("{error}"),
    };
    assert_eq!(by(run(&other).await.unwrap_err()), "another host in this process");
    // This is how the lease looks from a process with the same id, for example in another
    // container.
    let name = format!("{}-elsewhere", std::process::id());
    fs::write(place.path.with_file_name(format!("runs.journal-holder-{name}")), "").unwrap();
    let later = "9223372036854775807";
    place.sql(&format!(
        "INSERT INTO holders (name, pid, expires) VALUES ('{name}', {}, {later}); UPDATE leases SET holder = '{name}'",
        std::process::id()
    ));
    assert_eq!(by(run(&other).await.unwrap_err()), format!("process {}", std::process::id()));
}
