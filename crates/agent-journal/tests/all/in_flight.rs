//! What is sent to the disk and not there yet when its run is dropped, and files that are reached in two ways.

use std::{future::Future, pin::pin, sync::Mutex};

use agent_core::{Conversation, EventKind, drive, script::Reply};
use agent_journal::{Journal, JournalError};
use futures::poll;
use rusqlite::Connection;
use serde_json::json;

use crate::common::{Log, Place, calls, start, team};

fn says(_: &str, turn: usize) -> Reply {
    match turn {
        0 => calls([("act", json!({"say": "paid"}))]),
        _ => Reply::text("Done."),
    }
}

/// Goes on with a future as far as it comes while nothing gets to the disk.
async fn goes_as_far_as_it_can<F: Future>(mut future: std::pin::Pin<&mut F>) {
    for _ in 0..200 {
        assert!(poll!(future.as_mut()).is_pending());
        tokio::task::yield_now().await;
    }
}

/// Nothing gets to the disk from the first such event on; the run is dropped, and the same host goes on once the disk is
/// free. How often calls were made, and what models were asked.
async fn dropped_in_flight(from: fn(&EventKind) -> bool) -> Log {
    let place = Place::new();
    let (team, log) = team(&["main"], says);
    let journal = place.open();
    let mut conversation = start();
    let held = std::sync::Arc::new(Mutex::new(Some(Connection::open(&place.path).unwrap())));
    let holds = held.clone();
    let host = journal.host(team, &mut conversation).await.unwrap().listen(move |event| {
        let held = holds.lock().unwrap();
        if let Some(connection) =
            held.as_ref().filter(|connection| connection.is_autocommit() && from(&event.kind))
        {
            connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        }
    });
    goes_as_far_as_it_can(pin!(drive(&mut conversation, &host))).await;
    {
        let mut run = pin!(drive(&mut conversation, &host));
        goes_as_far_as_it_can(run.as_mut()).await;
        // Closed, which takes the transaction back.
        *held.lock().unwrap() = None;
        assert_eq!(run.await.unwrap().text(), "Done.");
    }
    assert_eq!(journal.conversation("s").unwrap(), conversation);
    log
}

#[tokio::test]
async fn a_call_whose_result_is_on_its_way_to_the_disk_is_not_made_again_by_the_same_host() {
    let log = dropped_in_flight(|kind| matches!(kind, EventKind::CallStarted { .. })).await;
    assert_eq!(log.made().values().sum::<usize>(), 1);
}

#[tokio::test]
async fn a_model_whose_answer_is_on_its_way_to_the_disk_is_not_asked_again_by_the_same_host() {
    let log = dropped_in_flight(|kind| matches!(kind, EventKind::TurnStarted)).await;
    assert_eq!(log.asked(), ["main 0", "main 1"]);
}

#[tokio::test]
async fn a_host_does_not_write_another_conversation_over_what_it_has() {
    let place = Place::new();
    let (team, _) = team(&["main"], |_, turn| Reply::text(format!("Answer {turn}.")));
    let journal = place.open();
    let mut conversation = start();
    let host = journal.host(team, &mut conversation).await.unwrap();
    let older = conversation.clone();
    drive(&mut conversation, &host).await.unwrap();
    for mut other in [Conversation::start("main", "Quite another thing.").with_id("s"), older] {
        let error = drive(&mut other, &host).await.unwrap_err();
        assert!(error.to_string().contains("another conversation"), "{error}");
    }
    assert_eq!(journal.conversation("s").unwrap(), conversation);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_is_reached_in_two_ways_has_one_driver_a_session() {
    let (place, elsewhere) = (Place::new(), tempfile::tempdir().unwrap());
    let (team, _) = team(&["main"], says);
    let link = elsewhere.path().join("link.journal");
    std::os::unix::fs::symlink(&place.path, &link).unwrap();
    let (one, other) = (place.open(), Journal::open(&link).unwrap());
    let _host = one.host(team.clone(), &mut start()).await.unwrap();
    let refused = other.host(team, &mut start()).await.err();
    assert!(matches!(refused, Some(JournalError::Driven { .. })), "{refused:?}");
}

#[tokio::test]
async fn who_was_taken_for_dead_writes_no_more_and_the_session_stays_whole() {
    let place = Place::new();
    let (team, _) = team(&["main"], says);
    let (one, other) = (place.open(), place.open());
    let (mut lost, mut conversation) = (start(), start());
    let stale = one.host(team.clone(), &mut lost).await.unwrap();
    for file in std::fs::read_dir(place.path.parent().unwrap()).unwrap().map(Result::unwrap) {
        if file.file_name().to_string_lossy().contains("-holder-") {
            std::fs::remove_file(file.path()).unwrap();
        }
    }
    let host = other.host(team, &mut conversation).await.unwrap();
    let error = drive(&mut lost, &stale).await.unwrap_err();
    assert!(error.to_string().contains("another process took it over"), "{error}");
    assert_eq!(drive(&mut conversation, &host).await.unwrap().text(), "Done.");
    assert_eq!(one.conversation("s").unwrap(), conversation);
}

#[tokio::test]
async fn a_denial_is_kept_also_if_the_user_goes_on_before_the_next_run() {
    let asks = |_: &str, turn: usize| match turn {
        0 => calls([("act_once", json!({"ask": "Shall I?"}))]),
        _ => Reply::text("Done."),
    };
    let place = Place::new();
    let (team, _) = team(&["main"], asks);
    let journal = place.open();
    let mut conversation = start();
    let host = journal.host(team, &mut conversation).await.unwrap();
    host.run(&mut conversation).await.unwrap();
    conversation.deny("s/call_0_0", "never pay Bob").unwrap();
    conversation.say("Do something else.");
    host.run(&mut conversation).await.unwrap();
    let kept = journal.conversation("s").unwrap();
    assert!(kept.to_string().contains("denied: never pay Bob"), "{kept}");
    assert_eq!(kept, conversation);
}
