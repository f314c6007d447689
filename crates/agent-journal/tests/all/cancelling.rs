//! Runs that another process cancels.

use agent_core::sessions::Sessions;
use agent_core::{EventKind, RunError, script::Reply, sessions::SessionState};
use agent_journal::{JournalError, JournalHostError};
use futures::StreamExt;
use futures::channel::mpsc;
use serde_json::json;

use crate::common::{Place, calls, start, team};

/// One call that takes a minute, and one that is made at once.
fn says(_: &str, turn: usize) -> Reply {
    match turn {
        0 => calls([("act", json!({"ms": 60_000})), ("act", json!({"say": "looked"}))]),
        _ => Reply::text("Done."),
    }
}

#[tokio::test]
async fn a_run_is_cancelled_by_any_process_and_its_host_or_a_new_one_continues() {
    // By this journal itself, and by another process.
    for (is_other, is_continued) in [(false, false), (true, false), (false, true), (true, true)] {
        let place = Place::new();
        let (journal, mut conversation) = (place.open(), start());
        let other = if is_other { place.open() } else { journal.clone() };
        let (started, mut calls) = mpsc::unbounded();
        let host = journal.host(team(&["main"], says).0, &mut conversation).await.unwrap();
        let host = host.listen(move |event| {
            if let EventKind::CallEnded { .. } = event.kind {
                let _ = started.unbounded_send(());
            }
        });
        let cancel = async {
            calls.next().await;
            let state = Sessions::session(&other, "s").await.unwrap().state;
            assert_eq!(state, SessionState::Running);
            other.cancel("s").await.unwrap();
        };
        let (end, ()) = futures::join!(host.run(&mut conversation), cancel);
        assert_eq!(end, Err(JournalHostError::Run(RunError::Cancelled)));
        assert_eq!(
            conversation.to_string(),
            "user: Go.\n  > call_0_0 act {\"ms\":60000}\n  > call_0_1 act {\"say\":\"looked\"}\n  \
             < call_0_0 failed: cancelled\n  < call_0_1 = looked\n"
        );
        if is_continued {
            // The same host goes on, and what was asked for the first run does not count any more.
            assert_eq!(host.run(&mut conversation).await.unwrap().text(), "Done.");
            conversation.say("Again.");
            assert_eq!(host.run(&mut conversation).await.unwrap().text(), "Done.");
            continue;
        }
        drop(host);
        // Nobody drives it any more.
        let not = JournalError::NotRunning { id: "s".to_owned() };
        assert_eq!(journal.cancel("s").await, Err(not));

        let state = Sessions::session(&other, "s").await.unwrap().state;
        assert_eq!(state, SessionState::Stopped);
        let host = journal.host(team(&["main"], says).0, &mut conversation).await.unwrap();
        assert_eq!(host.run(&mut conversation).await.unwrap().text(), "Done.");
    }
}

#[tokio::test]
async fn what_does_not_run_cannot_be_cancelled() {
    let place = Place::new();
    let (journal, mut conversation) = (place.open(), start());
    assert_eq!(journal.cancel("s").await, Err(JournalError::UnknownSession { id: "s".to_owned() }));

    let asks = |_: &str, turn| match turn {
        0 => calls([("act", json!({"ask": "Pay?"}))]),
        _ => Reply::text("Done."),
    };
    let host = journal.host(team(&["main"], asks).0, &mut conversation).await.unwrap();
    host.run(&mut conversation).await.unwrap();
    let not = JournalError::NotRunning { id: "s".to_owned() };
    assert_eq!(journal.cancel("s").await, Err(not.clone()), "it waits for a person");
    journal.approve("s/call_0_0").await.unwrap();
    drop(host);
    assert_eq!(journal.cancel("s").await, Err(not.clone()), "nobody drives it");

    // A request that no run has noticed is not for the next host.
    let host = journal.host(team(&["main"], asks).0, &mut conversation).await.unwrap();
    place.sql("INSERT INTO cancels SELECT number FROM sessions");
    drop(host);
    let host = journal.host(team(&["main"], asks).0, &mut conversation).await.unwrap();
    host.run(&mut conversation).await.unwrap();
    assert_eq!(conversation.text(), "Done.");
    assert_eq!(journal.cancel("s").await, Err(not), "it has ended");
}
