//! Files that are not valid journals, and disks that fail.

use std::{
    fs,
    path::{Path, PathBuf},
};

use agent_core::{Conversation, host::drive, script::Reply};
use agent_journal::{Journal, JournalError, JournalHostError};
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{Place, calls, start, team};

fn says(_: &str, turn: usize) -> Reply {
    match turn {
        0..4 => {
            calls([("act", json!({"say": "a".repeat(3000)})), ("act_once", json!({"say": turn.to_string()}))])
        }
        _ => Reply::text("Done."),
    }
}

/// A journal in one file, with one finished session.
async fn written() -> (Place, Conversation) {
    let place = Place::new();
    let journal = place.open();
    let mut conversation = start();
    let host = journal.host(team(&["main"], says).0, &mut conversation).await.unwrap();
    drive(&mut conversation, &host).await.unwrap();
    (place, conversation)
}

fn read(path: &Path) -> Result<Conversation, JournalError> {
    Journal::open(path)?.conversation("s")
}

/// The kind of an error and its text, without the folder.
fn words(error: &JournalError, path: &Path) -> String {
    let folder = format!("{}/", path.parent().unwrap().display());
    let kind = format!("{error:?}");
    let kind = kind.split([' ', '{']).next().unwrap();
    format!("{kind}: {}", error.to_string().replace(&folder, ""))
}

/// The error for a file with this content. The file must not change.
fn check(bytes: &[u8]) -> String {
    let place = Place::new();
    fs::write(&place.path, bytes).unwrap();
    let opened = Journal::open(&place.path).unwrap_err();
    assert_eq!(fs::read(&place.path).unwrap(), bytes, "it was changed");
    assert_eq!(Journal::read(&place.path).unwrap_err(), opened);
    words(&opened, &place.path)
}

#[test]
fn a_file_that_is_not_a_journal_is_not_changed() {
    let letter = check(b"Dear diary, today I learned what a journal is, and it is not you. Yours, a letter.");
    assert_snapshot!(letter, @"Foreign: runs.journal is not a journal: it is not an SQLite file; the file was not changed, choose another one");
    let place = Place::new();
    place.sql("CREATE TABLE birds (name)");
    assert_snapshot!(check(&fs::read(&place.path).unwrap()), @"Foreign: runs.journal is not a journal: it is an SQLite file of another program; the file was not changed, choose another one");
}

#[cfg(unix)]
#[test]
fn a_path_that_cannot_be_opened_is_an_error_that_says_why() {
    let place = Place::new();
    let folder = place.path.parent().unwrap();
    let (missing, nowhere) = (folder.join("such.journal"), folder.join("no").join("such.journal"));
    let socket = folder.join("socket");
    let _open = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let said = |opened: Result<Journal, JournalError>| words(&opened.unwrap_err(), &place.path);
    let mut all = vec![said(Journal::open(&nowhere)), said(Journal::read(&missing))];
    for path in [folder, &socket, Path::new(""), Path::new(":memory:")] {
        all.push(said(Journal::open(path)));
        assert_eq!(all.last(), Some(&said(Journal::read(path))));
    }
    // SQLite would take this for a database in memory.
    all.push(said(Journal::read("file:such.journal?mode=memory")));
    let here = std::env::current_dir().unwrap().display().to_string();
    let text = all.join("\n").replace(&here, "HERE").replace(&folder.display().to_string(), "FOLDER");
    assert_snapshot!(text, @r"
    NotOpened: no/such.journal can't be opened: No such file or directory (os error 2)
    NotOpened: such.journal can't be opened: there is no such file
    NotOpened: FOLDER can't be opened: it is a folder: name a file in it
    NotOpened: socket can't be opened: it is a device, a pipe or a socket: name a file
    NotOpened:  can't be opened: its name is empty: name a file
    NotOpened: :memory: can't be opened: a journal can't be in memory: name a file, or run without a journal
    NotOpened: HERE/file:such.journal?mode=memory can't be opened: there is no such file
    ");
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "the socket");
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_can_read_a_journal_and_its_other_files() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    let journal = place.open();
    let mut conversation = start();
    let _host = journal.host(team(&["main"], says).0, &mut conversation).await.unwrap();
    let files = fs::read_dir(place.path.parent().unwrap()).unwrap();
    let modes: Vec<u32> =
        files.map(|file| file.unwrap().metadata().unwrap().permissions().mode() & 0o777).collect();
    assert_eq!(modes, [0o600; 4], "the file, -wal, -shm, and the holder's lock");
}

#[tokio::test]
async fn a_truncated_file_is_an_error_and_never_a_shorter_conversation() {
    let (place, whole) = written().await;
    let bytes = fs::read(&place.path).unwrap();
    let mut errors = Vec::new();
    for length in (1..bytes.len()).rev().step_by(1000) {
        fs::write(&place.path, &bytes[..length]).unwrap();
        match read(&place.path) {
            Ok(conversation) => assert_eq!(conversation, whole, "cut at {length}"),
            Err(error) => errors.push(words(&error, &place.path)),
        }
    }
    assert!(errors.iter().all(|error| error.starts_with("Damaged: ")), "{errors:?}");
    assert!(errors.len() > bytes.len() / 1000 - 5);
    assert_snapshot!(errors.last().unwrap(), @"Damaged: runs.journal is damaged: database disk image is malformed; nothing more is written to it, continue with a backup");
}

#[tokio::test]
async fn a_torn_page_is_an_error_and_never_another_conversation() {
    let (place, whole) = written().await;
    let bytes = fs::read(&place.path).unwrap();
    let mut errors = 0;
    for page in 0..bytes.len() / 4096 {
        for (half, fill) in [(0, 0), (2048, 0), (0, 0xa5), (2048, 0xa5)] {
            let mut torn = bytes.clone();
            torn[page * 4096 + half..page * 4096 + half + 2048].fill(fill);
            fs::write(&place.path, &torn).unwrap();
            match read(&place.path) {
                Ok(conversation) => assert_eq!(conversation, whole, "page {page} torn"),
                Err(JournalError::Damaged { .. } | JournalError::Foreign { .. }) => errors += 1,
                Err(error) => panic!("page {page}: {error:?}"),
            }
        }
    }
    assert!(errors > 8, "{errors}");
}

#[tokio::test]
async fn after_a_crash_the_last_write_is_missing_and_all_earlier_ones_are_there() {
    let (place, copy) = (Place::new(), Place::new());
    let journal = place.open();
    let mut conversation = start();
    let host = journal.host(team(&["main"], says).0, &mut conversation).await.unwrap();
    drive(&mut conversation, &host).await.unwrap();
    let all = journal.entries("s").unwrap();
    let log = fs::read(beside(&place.path, "-wal")).unwrap();
    let mut seen = Vec::new();
    for length in (0..=log.len()).step_by(1024).chain([log.len()]) {
        let _ = fs::remove_file(beside(&copy.path, "-shm"));
        fs::copy(&place.path, &copy.path).unwrap();
        fs::write(beside(&copy.path, "-wal"), &log[..length]).unwrap();
        let Ok(opened) = Journal::open(&copy.path) else { continue };
        let Ok(entries) = opened.entries("s") else { continue };
        assert_eq!(entries, all[..entries.len()], "cut at {length}");
        opened.conversation("s").unwrap();
        seen.push(entries.len());
    }
    assert!(seen.is_sorted() && *seen.last().unwrap() == all.len(), "{seen:?}");
    assert!(seen.len() > 20);
}

#[tokio::test]
async fn the_next_reader_rolls_back_what_a_killed_process_left_half_done() {
    let ((place, whole), copy) = (written().await, Place::new());
    let writing = rusqlite::Connection::open(&place.path).unwrap();
    // Files have no log at first. The cache is so small that changes go to the disk before the
    // commit.
    writing.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA cache_size = 2; BEGIN").unwrap();
    writing.execute_batch("UPDATE entries SET body = 'half done' || zeroblob(5000)").unwrap();
    for ending in ["", "-journal"] {
        fs::copy(beside(&place.path, ending), beside(&copy.path, ending)).unwrap();
    }
    assert_eq!(Journal::read(&copy.path).unwrap().conversation("s").unwrap(), whole);
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_acknowledged_entries_are_there() {
    let place = Place::new();
    drop(place.open());
    let empty = fs::metadata(&place.path).unwrap().len() / 4096;
    let mut stopped = 0;
    for pages in empty + 1.. {
        let journal = Journal::options().max_pages(u32::try_from(pages).unwrap()).open(&place.path).unwrap();
        let mut conversation = start();
        let host = journal.host(team(&["main"], says).0, &mut conversation).await;
        let ended = match host {
            Ok(host) => drive(&mut conversation, &host).await,
            Err(error) => Err(JournalHostError::Journal(error)),
        };
        match ended {
            Ok(end) => {
                assert_eq!(end.text(), "Done.");
                break;
            }
            Err(error) => {
                stopped += 1;
                assert_eq!(error, JournalHostError::Journal(JournalError::Full { path: place.path.clone() }));
                // Everything that the conversation in memory contains is on the disk.
                let kept = journal.conversation("s").map(|kept| kept.messages().to_vec()).unwrap_or_default();
                assert!(kept.is_empty() || kept.starts_with(conversation.messages()));
            }
        }
        // Aborted calls keep the journal open until the runtime drops them. The disk is full, so
        // the lease stays as long as the journal is open.
        tokio::task::yield_now().await;
    }
    assert!(stopped >= 3, "{stopped}");
    let (_, undisturbed) = written().await;
    // A call may have started when there was no room left for its result.
    let (kept, undisturbed) = (read(&place.path).unwrap().to_string(), undisturbed.to_string());
    let unlike = kept.lines().zip(undisturbed.lines()).filter(|(kept, undisturbed)| kept != undisturbed);
    assert!(unlike.clone().all(|(kept, _)| kept.contains("outcome unknown")), "{kept}");
}

#[tokio::test]
async fn when_there_is_room_again_a_new_host_continues_and_the_failed_one_does_not() {
    let (place, team) = (Place::new(), team(&["main"], says).0);
    let mut big = Conversation::start("main", "x".repeat(100_000)).with_id("big");
    drop(place.open().host(team.clone(), &mut big).await.unwrap());
    let pages = u32::try_from(fs::metadata(&place.path).unwrap().len() / 4096).unwrap();
    let journal = Journal::options().max_pages(pages + 2).open(&place.path).unwrap();
    let mut conversation = start();
    let host = journal.host(team.clone(), &mut conversation).await.unwrap();
    let full = JournalHostError::Journal(JournalError::Full { path: place.path.clone() });
    let error = drive(&mut conversation, &host).await.unwrap_err();
    assert_eq!(error, full);
    assert!(error.to_string().contains("run again with a new host"), "{error}");
    journal.delete("big").await.unwrap();
    assert_eq!(host.run(&mut conversation).await.unwrap_err(), full);
    drop(host);
    let host = journal.host(team, &mut conversation).await.unwrap();
    assert_eq!(host.run(&mut conversation).await.unwrap().text(), "Done.");
}

/// A thread without the right to write where it is not allowed to, even if the user is root.
#[cfg(target_os = "linux")]
fn as_nobody_special<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
    use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

    let act = || {
        let none = CapabilitySet::empty();
        set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
            .unwrap();
        act()
    };
    std::thread::spawn(act).join().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_that_cannot_be_written_is_an_error_that_says_so() {
    use std::os::unix::fs::PermissionsExt;

    let (place, _) = written().await;
    let folder = place.path.parent().unwrap().to_owned();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let (old, new) = (place.path.clone(), folder.join("new.journal"));
    let errors = as_nobody_special(move || {
        [Journal::open(&old), Journal::open(&new)].map(|opened| opened.unwrap_err())
    });
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let errors: Vec<String> = errors.iter().map(|error| words(error, &place.path)).collect();
    assert_snapshot!(errors.join("\n"), @r"
    ReadOnly: runs.journal can't be written: attempt to write a readonly database; its folder must be writable, too
    ReadOnly: new.journal can't be written: Permission denied (os error 13); its folder must be writable, too
    ");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_can_only_be_read_is_not_opened_to_write() {
    use std::os::unix::fs::PermissionsExt;

    let (place, _) = written().await;
    fs::set_permissions(&place.path, fs::Permissions::from_mode(0o444)).unwrap();
    let path = place.path.clone();
    let error = as_nobody_special(move || Journal::open(path).unwrap_err());
    assert!(matches!(error, JournalError::ReadOnly { .. }), "{error:?}");
}

/// This runs in its own process, because the limit is for the whole process.
#[cfg(unix)]
#[test]
fn too_many_open_files_is_an_error_of_its_own() {
    const OWN: &str = "JOURNAL_TESTS_FEW_FILES";
    if std::env::var_os(OWN).is_none() {
        let test = "files::too_many_open_files_are_named_as_such";
        let mut own = std::process::Command::new("sh");
        own.args(["-c", "ulimit -n 100 && exec \"$0\" --exact \"$1\" --nocapture"]);
        let ended = own.arg(std::env::current_exe().unwrap()).arg(test).env(OWN, "1").output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        return;
    }
    let place = Place::new();
    drop(place.open());
    let all = std::iter::repeat_with(|| fs::File::open("/dev/null"));
    let mut all: Vec<fs::File> = all.map_while(Result::ok).collect();
    let mut refused = 0;
    while let Err(error) = Journal::open(&place.path) {
        assert_eq!(error, JournalError::TooManyFiles { path: place.path.clone() }, "{refused}");
        refused += 1;
        all.pop().unwrap();
    }
    assert!(refused > 2, "{refused}");
}
