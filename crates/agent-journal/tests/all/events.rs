//! Events that a journal keeps: who follows them sees what a listener sees, from any process.

use std::{
    sync::{Arc, Mutex},
    time::SystemTime,
};

use agent_core::{
    Agent, Delta, Event, EventKind, Team,
    model::Piece,
    script::{Reply, Script},
    sessions::{SessionEvent, Sessions, SessionsError},
};
use agent_journal::{Journal, JournalHost};
use futures::{StreamExt, TryStreamExt};
use serde_json::json;

use crate::common::{Place, calls, start, team};

fn says(agent: &str, turn: usize) -> Reply {
    match (agent, turn) {
        ("main", 0) => calls([("act", json!({"say": "looked"})), ("act", json!({"to": "clerk"}))]),
        ("clerk", _) => Reply::text("Filed."),
        _ => Reply::text("All is done."),
    }
}

/// Runs the session to its end, with a host as `set` makes it.
async fn run(journal: &Journal, set: impl FnOnce(JournalHost) -> JournalHost) {
    let mut conversation = start();
    let host = set(journal.host(team(&["main", "clerk"], says).0, &mut conversation).await.unwrap());
    host.run(&mut conversation).await.unwrap();
}

/// A listener, and what it has heard.
fn heard() -> (Arc<Mutex<Vec<Event>>>, impl Fn(&Event) + Send + Sync + 'static) {
    let heard: Arc<Mutex<Vec<Event>>> = Arc::default();
    let hears = heard.clone();
    (heard, move |event: &Event| hears.lock().unwrap().push(event.clone()))
}

/// What the events of each conversation say. Pieces of one text are one.
fn said<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<(String, String)> {
    let mut said: Vec<(String, String)> = Vec::new();
    for event in events {
        let (id, text) = (
            event.conversation.to_string(),
            match &event.kind {
                EventKind::Delta(Delta::Piece { piece: Piece::Text(text), .. }) => format!("text {text}"),
                kind => format!("{kind:?}"),
            },
        );
        let newest = said.iter_mut().rev().find(|(other, _)| *other == id);
        match newest.and_then(|(_, newest)| {
            Some((newest.starts_with("text ").then_some(newest)?, text.strip_prefix("text ")?))
        }) {
            Some((newest, more)) => newest.push_str(more),
            None => said.push((id, text)),
        }
    }
    said.sort_by(|one, other| one.0.cmp(&other.0));
    said
}

fn offsets(events: &[SessionEvent]) -> Vec<u64> {
    events.iter().map(|event| event.offset).collect()
}

#[tokio::test]
async fn kept_events_are_what_a_listener_hears_and_the_record_is_the_same() {
    let (place, plain) = (Place::new(), Place::new());
    let (heard, listener) = heard();
    let began = SystemTime::now();
    run(&place.open(), |host| host.keep_events().listen(listener)).await;
    run(&plain.open(), |host| host).await;

    let journal = Journal::read(&place.path).unwrap();
    let kept = journal.kept_events("s", 0).unwrap();
    assert_eq!(said(kept.iter().map(|kept| &kept.event)), said(heard.lock().unwrap().iter()));
    assert_eq!(offsets(&kept), (1..=kept.len() as u64).collect::<Vec<_>>());
    assert!(kept.iter().all(|event| event.run_began == kept[0].run_began));
    let took = kept[0].run_began.duration_since(began).unwrap_or_default();
    assert!(took.as_secs() < 60, "it began {took:?} after the test");

    let plain = Journal::read(&plain.path).unwrap();
    assert_eq!(plain.kept_events("s", 0).unwrap(), []);
    let entries = |journal: &Journal| {
        let entries = journal.entries("s").unwrap().into_iter();
        let mut entries: Vec<_> = entries.map(|(id, entry)| (id, format!("{entry:?}"))).collect();
        entries.sort();
        entries
    };
    assert_eq!(entries(&journal), entries(&plain));
    let last = |journal: &Journal| journal.session("s").unwrap().unwrap().last_event;
    assert_eq!((last(&journal), last(&plain)), (kept.len() as u64, 0));
}

#[tokio::test]
async fn a_long_reply_is_few_rows() {
    let (place, words) = (Place::new(), "word ".repeat(5_000));
    let model = Script::new([Reply::text(words.clone())]);
    let team = Team::new([Agent::builder("main", model).build().unwrap()]).unwrap();
    let (journal, mut conversation) = (place.open(), start());
    let (heard, listener) = heard();
    let host = journal.host(team, &mut conversation).await.unwrap().keep_events().listen(listener);
    host.run(&mut conversation).await.unwrap();
    drop((host, journal));

    let kept = Journal::read(&place.path).unwrap().kept_events("s", 0).unwrap();
    let pieces: Vec<&str> = kept.iter().filter_map(|event| piece(&event.event)).collect();
    assert_eq!(pieces.concat(), words);
    let heard = heard.lock().unwrap().iter().filter(|event| piece(event).is_some()).count();
    assert!(heard >= 5_000 && pieces.len() < 500, "{heard} pieces are {} rows", pieces.len());
}

fn piece(event: &Event) -> Option<&str> {
    match &event.kind {
        EventKind::Delta(Delta::Piece { piece: Piece::Text(text), .. }) => Some(text),
        _ => None,
    }
}

#[tokio::test]
async fn who_follows_reads_on_when_another_host_goes_on_and_until_the_session_is_deleted() {
    let place = Place::new();
    run(&place.open(), JournalHost::keep_events).await;
    let reader = Journal::read(&place.path).unwrap();
    let before = reader.kept_events("s", 0).unwrap();
    let mut rest = Sessions::events(&reader, "s", 2).await.unwrap();
    let read: Vec<_> = rest.by_ref().take(before.len() - 2).try_collect().await.unwrap();
    assert_eq!(read, before[2..]);

    // Somebody else goes on, with another host, and its offsets follow.
    let journal = place.open();
    let mut conversation = journal.conversation("s").unwrap();
    conversation.say("Again.");
    let (team, _) = team(&["main", "clerk"], |_, _| Reply::text("Again done."));
    let host = journal.host(team, &mut conversation).await.unwrap().keep_events();
    let follows = async {
        let mut read = Vec::new();
        while let Some(event) = rest.next().await {
            let event = event.unwrap();
            let is_last = matches!(event.event.kind, EventKind::Ended(_));
            read.push(event);
            if is_last {
                break;
            }
        }
        read
    };
    let (end, read) = futures::join!(host.run(&mut conversation), follows);
    end.unwrap();
    let last = before.len() as u64;
    assert_eq!(offsets(&read), (last + 1..=last + read.len() as u64).collect::<Vec<_>>());
    assert!(read.iter().all(|event| event.run_began > before[0].run_began));

    drop(host);
    journal.delete("s").await.unwrap();
    let gone = rest.next().await.unwrap().unwrap_err();
    assert!(matches!(&gone, SessionsError::Unknown { id } if id == "s"), "{gone}");
    assert!(rest.next().await.is_none());
    let gone = Sessions::events(&reader, "s", 0).await.err().unwrap();
    assert_eq!(gone.to_string(), "there is no session \"s\"");
    let rows = rusqlite::Connection::open(&place.path).unwrap();
    let left: u32 = rows.query_row("SELECT count(*) FROM events", (), |row| row.get(0)).unwrap();
    assert_eq!(left, 0, "the events are deleted with their session");
}

/// The last event comes when the host is dropped at once.
#[tokio::test]
async fn no_event_of_a_run_that_has_ended_is_lost() {
    for _ in 0..20 {
        let place = Place::new();
        run(&place.open(), JournalHost::keep_events).await;
        let kept = Journal::read(&place.path).unwrap().kept_events("s", 0).unwrap();
        let last = kept.last().map(|event| &event.event.kind);
        assert!(matches!(last, Some(EventKind::Ended(_))), "{last:?}");
    }
}
