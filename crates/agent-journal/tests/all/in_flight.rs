//! Writes that are not on the disk yet when their run is dropped. The same host continues with
//! them.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
};

use agent_core::{Event, EventKind, host::drive, script::Reply};
use futures::poll;
use rusqlite::Connection;
use serde_json::json;

use crate::common::{Log, Place, calls, start, team};

fn says(agent: &str, turn: usize) -> Reply {
    match (agent, turn) {
        ("main", 0) => calls([("act", json!({"say": "paid"})), ("act_once", json!({"to": "expert"}))]),
        ("expert", _) => Reply::text("Expertly done."),
        _ => Reply::text("Done."),
    }
}

/// Polls a future as long as it makes progress while the disk is blocked.
async fn goes_as_far_as_it_can<F: Future>(mut future: Pin<&mut F>) {
    for _ in 0..200 {
        assert!(poll!(future.as_mut()).is_pending());
        tokio::task::yield_now().await;
    }
}

/// Blocks the disk from the first such event on. The run is dropped. The same host continues, first
/// with the disk still blocked. In the end everything is done exactly once.
async fn check(from: fn(&Event) -> bool) {
    let place = Place::new();
    let (team, log): (_, Log) = team(&["main", "expert"], says);
    let journal = place.open();
    let mut conversation = start();
    let busy = Arc::new(Mutex::new(Some(Connection::open(&place.path).unwrap())));
    let makes_busy = busy.clone();
    let host = journal.host(team, &mut conversation).await.unwrap().listen(move |event| {
        let connection = makes_busy.lock().unwrap();
        if let Some(idle) = connection.as_ref().filter(|connection| connection.is_autocommit() && from(event))
        {
            idle.execute_batch("BEGIN IMMEDIATE").unwrap();
        }
    });
    // Run until the disk is blocked, and then as far as possible.
    {
        let mut run = pin!(drive(&mut conversation, &host));
        while busy.lock().unwrap().as_ref().is_some_and(Connection::is_autocommit) {
            assert!(poll!(run.as_mut()).is_pending());
            tokio::task::yield_now().await;
        }
        goes_as_far_as_it_can(run.as_mut()).await;
    }
    {
        let mut run = pin!(drive(&mut conversation, &host));
        goes_as_far_as_it_can(run.as_mut()).await;
        // Closing the connection rolls back its transaction.
        *busy.lock().unwrap() = None;
        assert_eq!(run.await.unwrap().text(), "Done.");
    }
    assert_eq!(journal.conversation("s").unwrap(), conversation);
    assert_eq!(log.asked(), ["main 0", "expert 0", "main 1"]);
    assert!(log.made().values().all(|made| *made == 1), "{:?}", log.made());
}

#[tokio::test]
async fn a_call_whose_result_was_being_written_is_not_made_again() {
    check(|event| matches!(event.kind, EventKind::CallEnded { .. })).await;
}

#[tokio::test]
async fn a_model_whose_answer_was_being_written_is_not_asked_again() {
    check(|event| event.depth == 0 && matches!(event.kind, EventKind::TurnEnded { .. })).await;
}

#[tokio::test]
async fn a_delegated_conversation_whose_end_was_being_written_has_ended() {
    // The last reply of the delegated conversation is on the disk, but not its result for the
    // parent.
    check(|event| event.depth == 1 && matches!(event.kind, EventKind::Ended(_))).await;
}
