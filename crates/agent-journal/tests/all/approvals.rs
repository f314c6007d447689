//! Calls that wait for a person. The decision comes from another process, at any later time.

use std::sync::{Arc, Mutex};

use agent_core::{Conversation, End, EventKind, host::drive, script::Reply};
use agent_journal::{Journal, JournalError};
use futures::FutureExt;
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{Log, Place, calls, start, team};

fn says(agent: &str, turn: usize) -> Reply {
    match (agent, turn) {
        ("main", 0) => calls([
            ("act_once", json!({"ask": "Pay?", "say": "paid"})),
            ("act", json!({"say": "looked"})),
            ("act", json!({"to": "clerk"})),
            ("act_once", json!({"ask": "Sell?", "say": "sold"})),
        ]),
        ("clerk", 0) => calls([("act_once", json!({"ask": "File?", "say": "filed"}))]),
        ("clerk", _) => Reply::text("Filed."),
        _ => Reply::text("Done."),
    }
}

async fn run(journal: &Journal) -> (End, Conversation, Log) {
    let (team, log) = team(&["main", "clerk"], says);
    let mut conversation = start();
    let host = journal.host(team, &mut conversation).await.unwrap();
    (host.run(&mut conversation).await.unwrap(), conversation, log)
}

fn keys(end: &End) -> Vec<&str> {
    let End::Waiting(calls) = end else { panic!("{end:?}") };
    calls.iter().map(|call| call.key.as_str()).collect()
}

#[tokio::test]
async fn calls_are_approved_and_denied_by_key_from_any_process_and_the_run_continues() {
    let place = Place::new();
    let (end, ..) = run(&place.open()).await;
    assert_eq!(keys(&end), ["s/call_0_0", "s/call_0_2/call_0_0", "s/call_0_3"]);

    place.open().approve("s/call_0_2/call_0_0").await.unwrap();
    let (end, _, log) = run(&place.open()).await;
    assert_eq!(keys(&end), ["s/call_0_0", "s/call_0_3"]);
    assert_eq!(log.made().into_keys().collect::<Vec<_>>(), ["s/call_0_2/call_0_0"]);

    place.open().deny("s/call_0_3", "too dear").await.unwrap();
    place.open().approve("s/call_0_0").await.unwrap();
    let session = Journal::read(&place.path).unwrap().session("s").unwrap().unwrap();
    assert_eq!(session.end, None, "there is work to do");
    let (end, conversation, _) = run(&place.open()).await;
    assert_eq!(end.text(), "Done.");
    assert_eq!(place.open().conversation("s").unwrap(), conversation);
    assert_snapshot!(conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act_once {"ask":"Pay?","say":"paid"}
      > call_0_1 act {"say":"looked"}
      > call_0_2 act {"to":"clerk"}
      > call_0_3 act_once {"ask":"Sell?","say":"sold"}
      < call_0_0 = paid
      < call_0_1 = looked
      < call_0_2 = Filed.
      < call_0_3 failed: denied: too dear
    main: Done.
    "#);
}

#[tokio::test]
async fn a_call_that_does_not_wait_can_be_neither_approved_nor_denied() {
    let place = Place::new();
    run(&place.open()).await;
    let journal = place.open();
    journal.deny("s/call_0_0", "no").await.unwrap();
    for key in ["s/call_0_0", "s/call_0_1", "s/call_9", "t/call_0_0", "s", ""] {
        let error = journal.approve(key).await.unwrap_err();
        assert!(matches!(error, JournalError::NotWaiting(_)), "{key}: {error}");
    }
}

#[tokio::test]
async fn a_decision_during_a_run_is_applied_at_its_end() {
    let place = Place::new();
    let (team, _) = team(&["main", "clerk"], says);
    let (journal, other) = (place.open(), place.open());
    let mut conversation = start();
    let host = journal.host(team, &mut conversation).await.unwrap();
    assert_eq!(keys(&drive(&mut conversation, &host).await.unwrap()).len(), 3);
    other.approve("s/call_0_0").await.unwrap();
    other.deny("s/call_0_3", "too dear").await.unwrap();
    assert_eq!(keys(&host.run(&mut conversation).await.unwrap()), ["s/call_0_2/call_0_0"]);
    assert_eq!(journal.conversation("s").unwrap(), conversation);
}

#[tokio::test]
async fn the_first_of_two_decisions_counts_even_if_the_second_is_in_memory() {
    let place = Place::new();
    let (team, log) = team(&["main", "clerk"], says);
    let (journal, other) = (place.open(), place.open());
    let mut conversation = start();
    let host = journal.host(team, &mut conversation).await.unwrap();
    drive(&mut conversation, &host).await.unwrap();
    other.deny("s/call_0_0", "too dear").await.unwrap();
    other.approve("s/call_0_3").await.unwrap();
    conversation.approve("s/call_0_0").unwrap();
    conversation.approve("s/call_0_3").unwrap();
    conversation.approve("s/call_0_2/call_0_0").unwrap();
    drive(&mut conversation, &host).await.unwrap();
    assert_eq!(journal.conversation("s").unwrap(), conversation);
    assert!(conversation.to_string().contains("< call_0_0 failed: denied: too dear"));
    assert!(conversation.to_string().contains("< call_0_3 = sold"));
    assert_eq!(log.made()["s/call_0_0"], 1, "to ask, and not again");
}

#[tokio::test]
async fn an_approval_in_memory_and_a_denial_by_another_process_both_count() {
    let says = |_: &str, turn: usize| match turn {
        0 => calls([("act_once", json!({"ask": "A?", "say": "a"})), ("act_once", json!({"ask": "B?"}))]),
        _ => Reply::text("Done."),
    };
    for drive_first in [true, false] {
        let place = Place::new();
        let (team, log) = team(&["main"], says);
        let (journal, other) = (place.open(), place.open());
        let mut conversation = start();
        let host = journal.host(team, &mut conversation).await.unwrap();
        host.run(&mut conversation).await.unwrap();
        other.deny("s/call_0_1", "too dear").await.unwrap();
        conversation.approve("s/call_0_0").unwrap();
        if drive_first {
            // The turn of the approved call takes up the denial.
            assert_eq!(drive(&mut conversation, &host).await.unwrap().text(), "Done.");
        }
        assert_eq!(host.run(&mut conversation).await.unwrap().text(), "Done.");
        assert_eq!(journal.conversation("s").unwrap(), conversation);
        assert!(conversation.to_string().contains("< call_0_0 = a\n  < call_0_1 failed: denied: too dear"));
        assert_eq!(log.made()["s/call_0_0"], 2, "once to ask, once for real");
        let kinds: Vec<&str> = journal.entries("s").unwrap().iter().map(|(_, entry)| entry.kind()).collect();
        assert!(!kinds[1..].contains(&"became"), "{kinds:?}");
    }
}

#[tokio::test]
async fn a_call_that_asks_twice_is_decided_twice() {
    let says = |_: &str, turn: usize| match turn {
        0 => calls([("act_once", json!({"fail": "no", "ask": "x"})), ("act_once", json!({"ask": "Pay?"}))]),
        _ => Reply::text("Done."),
    };
    let place = Place::new();
    let (team, _) = team(&["main"], says);
    let journal = place.open();
    let mut conversation = start();
    let host = journal.host(team.clone(), &mut conversation).await.unwrap();
    host.run(&mut conversation).await.unwrap();
    drop(host);
    journal.approve("s/call_0_1").await.unwrap();
    // The process ended during the call. The caller lets a person decide again.
    let started = "INSERT INTO entries (session, path, kind, call, body, at) SELECT session, path, 'started', call, \
        '{\"id\":\"call_0_1\",\"name\":\"act_once\",\"input\":{}}', at FROM entries WHERE kind = 'allowed'";
    place.sql(started);
    let ask = |_: &agent_core::conversation::Call| {
        Some(agent_core::Outcome::Wait { question: "Again?".to_owned() })
    };
    let host = journal.host(team, &mut conversation).await.unwrap().on_unknown(ask);
    assert_eq!(keys(&host.run(&mut conversation).await.unwrap()), ["s/call_0_1"]);
    assert_eq!(
        keys(&host.run(&mut conversation).await.unwrap()),
        ["s/call_0_1"],
        "the first decision is used up"
    );
    journal.approve("s/call_0_1").await.unwrap();
    assert_eq!(host.run(&mut conversation).await.unwrap().text(), "Done.");
    assert_eq!(journal.conversation("s").unwrap(), conversation);
}

#[tokio::test]
async fn the_events_of_a_run_include_a_call_that_waits() {
    let place = Place::new();
    let (team, _) = team(&["main", "clerk"], says);
    let (sender, events) = std::sync::mpsc::channel();
    let journal = place.open();
    let mut conversation = start();
    let host = journal.host(team, &mut conversation).await.unwrap();
    let host = host.listen(move |event| drop(sender.send(event.kind.clone())));
    host.run(&mut conversation).await.unwrap();
    let waits = events.try_iter().filter(|kind| matches!(kind, EventKind::CallWaiting { .. })).count();
    assert_eq!(waits, 3);
}

/// Drives the session and waits for decisions until it is done. Also returns how each run ended.
async fn drive_to_end(journal: &Journal, decide: impl AsyncFn(&[String])) -> (Conversation, Vec<String>) {
    let (team, _) = team(&["main", "clerk"], says);
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = told.clone();
    let mut conversation = start();
    let host = journal.host(team, &mut conversation).await.unwrap().listen(move |event| {
        if let (EventKind::Ended(end), 0) = (&event.kind, event.depth) {
            heard.lock().unwrap().push(match end {
                End::Waiting(calls) => format!("waits for {}", calls.len()),
                end => end.text().to_owned(),
            });
        }
    });
    loop {
        let end = host.run(&mut conversation).await.unwrap();
        if !matches!(end, End::Waiting(_)) {
            break;
        }
        // However often it is polled, the end is reported once.
        host.run(&mut conversation).await.unwrap();
        let waiting: Vec<String> = conversation.waiting().into_iter().map(|call| call.key).collect();
        let ((), decided) = futures::future::join(decide(&waiting), host.decided(&conversation)).await;
        decided.unwrap();
    }
    let told = told.lock().unwrap().clone();
    (conversation, told)
}

#[tokio::test]
async fn field_76_a_driver_waits_for_decisions_of_others_and_is_told_once_of_each_change() {
    let place = Place::new();
    // Decide through another journal of the same file, like another process would, and through the
    // same one.
    for other in [place.open(), place.open()] {
        let journal = place.open();
        let (conversation, told) = drive_to_end(&journal, async |waiting| match waiting {
            [first, _, _] => other.approve(first).await.unwrap(),
            [first, second] => {
                other.deny(first, "no").await.unwrap();
                other.approve(second).await.unwrap();
            }
            [first] => journal.approve(first).await.unwrap(),
            _ => panic!("{waiting:?}"),
        })
        .await;
        assert_eq!(conversation.text(), "Done.");
        let first = told.first().map(String::as_str);
        assert_eq!(
            (first, told.last().map(String::as_str)),
            (Some("waits for 3"), Some("Done.")),
            "{told:?}"
        );
        assert!(told.windows(2).all(|two| two[0] != two[1]), "{told:?}");
        drop(journal);
        other.delete("s").await.unwrap();
    }
}

#[tokio::test]
async fn field_76_there_is_nothing_to_wait_for_where_nothing_waits_or_it_was_decided() {
    let place = Place::new();
    let (end, conversation, _) = run(&place.open()).await;
    let journal = place.open();
    journal.approve(keys(&end)[0]).await.unwrap();
    journal.decided(&conversation).await.unwrap();
    let heard = journal.conversation("s").unwrap();
    let waits = journal.decided(&heard);
    assert!(waits.now_or_never().is_none(), "two more wait");
    // Decide before the call to `decided`.
    journal.decided(&Conversation::start("main", "Go.").with_id("nobody's")).await.unwrap();
    let waits = journal.decided(&heard);
    let ended = async { Journal::open(&place.path).unwrap().delete("s").await };
    let (waited, deleted) = futures::future::join(waits, ended).await;
    deleted.unwrap();
    assert_eq!(waited.unwrap_err().to_string(), r#"there is no session "s" in the journal"#);
}
