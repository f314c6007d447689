//! Runs that are dropped while something of theirs is being written, and gone on with by the same host.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_core::{EventKind, drive, script::Reply};
use agent_journal::{Durable, Journal};
use serde_json::json;
use tokio::{task::yield_now, time::timeout};

use crate::common::{Log, Place, calls, start, team};

/// Another program that has the file to itself, from one moment to another: what is written meanwhile is on its way.
#[derive(Clone)]
struct Other(Arc<Mutex<rusqlite::Connection>>);

impl Other {
    fn of(place: &Place) -> Self {
        Self(Arc::new(Mutex::new(rusqlite::Connection::open(&place.path).unwrap())))
    }

    fn take(&self) {
        self.0.lock().unwrap().execute_batch("BEGIN IMMEDIATE").unwrap();
    }

    fn give_back(&self) {
        self.0.lock().unwrap().execute_batch("ROLLBACK").unwrap();
    }
}

/// Drops a run in the middle of a write, which `meanwhile` or something in the run has kept from ending, and goes on.
/// Gives back the transcript.
async fn drop_and_go_on(
    journal: &Journal,
    host: &Durable,
    other: &Other,
    meanwhile: impl Future<Output = ()>,
) -> String {
    let mut conversation = start();
    let run = timeout(Duration::from_millis(500), drive(&mut conversation, host));
    assert!(tokio::join!(run, meanwhile).0.is_err(), "it waits for what it wrote");
    let give_back = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        other.give_back();
    };
    let (end, ()) = tokio::join!(drive(&mut conversation, host), give_back);
    assert_eq!(end.unwrap().text(), "Done.");
    assert_eq!(journal.conversation("s").unwrap(), conversation);
    conversation.to_string()
}

#[tokio::test]
async fn a_call_whose_result_was_being_written_is_not_made_again() {
    let says = |_: &str, turn: usize| match turn {
        0 => calls([("act_once", json!({"ms": 200, "say": "paid"}))]),
        _ => Reply::text("Done."),
    };
    let (place, (team, log)) = (Place::new(), team(&["main"], says));
    let (journal, other) = (place.open(), Other::of(&place));
    let host = journal.host(team, &mut start()).await.unwrap();
    let has_begun = || journal.entries("s").unwrap().iter().any(|(_, entry)| entry.kind() == "started");
    let take = async {
        while !has_begun() {
            yield_now().await;
        }
        other.take();
    };
    let transcript = drop_and_go_on(&journal, &host, &other, take).await;
    assert!(transcript.contains("< call_0_0 = paid"), "{transcript}");
    assert_eq!(log.made()["s/call_0_0"], 1);
}

#[tokio::test]
async fn a_model_whose_answer_was_being_written_is_not_asked_again() {
    let (place, once) = (Place::new(), Mutex::new(false));
    let other = Other::of(&place);
    let asked = other.clone();
    let says = move |_: &str, _: usize| {
        if !std::mem::replace(&mut *once.lock().unwrap(), true) {
            asked.take();
        }
        Reply::text("Done.")
    };
    let (team, log): (_, Log) = team(&["main"], says);
    let journal = place.open();
    let host = journal.host(team, &mut start()).await.unwrap();
    drop_and_go_on(&journal, &host, &other, async {}).await;
    assert_eq!(log.asked(), ["main 0"]);
    let kinds: Vec<_> = journal.entries("s").unwrap().iter().map(|(_, entry)| entry.kind()).collect();
    assert_eq!(kinds, ["became", "answered"]);
}

#[tokio::test]
async fn a_delegated_conversation_whose_end_was_being_written_has_ended() {
    let says = |agent: &str, turn: usize| match (agent, turn) {
        ("main", 0) => calls([("act_once", json!({"to": "expert"}))]),
        ("expert", _) => Reply::text("Expertly done."),
        _ => Reply::text("Done."),
    };
    let (place, (team, log)) = (Place::new(), team(&["main", "expert"], says));
    let (journal, other) = (place.open(), Other::of(&place));
    let host = journal.host(team, &mut start()).await.unwrap();
    let ended = other.clone();
    // It has its last word on the disk, and its parent has not.
    let host = host.listen(move |event| {
        if event.depth == 1 && matches!(event.kind, EventKind::Ended(_)) {
            ended.take();
        }
    });
    let transcript = drop_and_go_on(&journal, &host, &other, async {}).await;
    assert!(transcript.contains("< call_0_0 = Expertly done."), "{transcript}");
    assert_eq!(log.asked(), ["main 0", "expert 0", "main 1"]);
}
