//! Tools whose calls need approval, and processes that end while a person is asked or while an
//! approved call runs.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use agent_core::{
    Agent, Cancel, Context, Conversation, End, Team,
    host::drive,
    script::{Reply, Script},
};
use agent_journal::Entry;
use agent_tools::FnTool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::common::{Place, start};

#[derive(Deserialize, JsonSchema)]
struct Payment {
    to: String,
}

/// A team whose tool must not be called twice and needs approval, and a count of its real calls.
/// Calls `asked` when the person is asked, and `paying` when the approved call runs.
fn team(
    asked: impl Fn() + Send + Sync + 'static,
    paying: impl Fn() + Clone + Send + Sync + 'static,
) -> (Team, Arc<AtomicUsize>) {
    let paid = Arc::new(AtomicUsize::new(0));
    let count = paid.clone();
    let pay = FnTool::new("pay", "Pays somebody.", move |payment: Payment| {
        count.fetch_add(1, Ordering::SeqCst);
        paying();
        Ok::<_, String>(format!("paid {}", payment.to))
    });
    let pay = pay.needs_approval().question(move |_| {
        asked();
        "Pay?".to_owned()
    });
    let model = Script::by(|request| match request.messages.len() {
        1 => Reply::call("pay", json!({"to": "Ada"})),
        _ => Reply::text("Done."),
    });
    let agent = Agent::builder("main", model).tool(pay).build().unwrap();
    (Team::new([agent]).unwrap(), paid)
}

/// Copies the files as a killed process would leave them.
fn leave(place: &Path, copy: &Path) {
    for ending in ["", "-wal"] {
        let beside = |path: &Path| format!("{}{ending}", path.display());
        std::fs::copy(beside(place), beside(copy)).unwrap();
    }
}

/// Continues the session in this place. Returns how it ends and how many payments were made.
async fn run(place: &Place) -> (End, Conversation, usize) {
    let (team, paid) = team(|| (), || ());
    let mut conversation = start();
    let host = place.open().host(team, &mut conversation).await.unwrap();
    let end = drive(&mut conversation, &host).await.unwrap();
    (end, conversation, paid.load(Ordering::SeqCst))
}

fn waits(end: &End) -> bool {
    matches!(end, End::Waiting(calls) if calls[0].key == "s/call_0_0" && calls[0].question == "Pay?")
}

/// How many entries say that a call started.
fn started(place: &Place) -> usize {
    let entries = place.open().entries("s").unwrap();
    entries.iter().filter(|(_, entry)| matches!(entry, Entry::Started(_))).count()
}

#[tokio::test]
async fn a_process_that_ends_while_a_person_is_asked_has_done_nothing_and_asks_again() {
    let (place, copy) = (Place::new(), Place::new());
    let (from, to) = (place.path.clone(), copy.path.clone());
    let (team, _) = team(move || leave(&from, &to), || ());
    let mut conversation = start();
    let host = place.open().host(team, &mut conversation).await.unwrap();
    assert!(waits(&drive(&mut conversation, &host).await.unwrap()));
    assert_eq!(started(&copy), 0);

    let (end, _, paid) = run(&copy).await;
    assert!(waits(&end), "{end:?}");
    assert_eq!(paid, 0);
    copy.open().approve("s/call_0_0").await.unwrap();
    let (end, conversation, paid) = run(&copy).await;
    assert_eq!((end.text(), paid, started(&copy)), ("Done.", 1, 1));
    assert!(conversation.to_string().contains("< call_0_0 = paid Ada"), "{conversation}");
}

#[tokio::test]
async fn an_approved_call_that_may_have_been_made_is_not_made_again() {
    let (place, copy) = (Place::new(), Place::new());
    run(&place).await;
    place.open().approve("s/call_0_0").await.unwrap();
    let (from, to) = (place.path.clone(), copy.path.clone());
    let (team, paid) = team(|| (), move || leave(&from, &to));
    let mut conversation = start();
    let host = place.open().host(team, &mut conversation).await.unwrap();
    assert_eq!(drive(&mut conversation, &host).await.unwrap().text(), "Done.");
    assert_eq!((paid.load(Ordering::SeqCst), started(&copy)), (1, 1));

    let (end, conversation, paid) = run(&copy).await;
    assert_eq!((end.text(), paid), ("Done.", 0));
    assert!(conversation.to_string().contains("< call_0_0 failed: outcome unknown: "), "{conversation}");
}

#[tokio::test]
async fn a_call_that_only_asked_but_was_recorded_as_started_asks_again() {
    // Earlier versions recorded it like this.
    let place = Place::new();
    run(&place).await;
    place.sql(
        "UPDATE entries SET kind = 'started', body = '{\"id\":\"call_0_0\",\"name\":\"pay\",\"input\":{}}' \
         WHERE kind = 'recorded'",
    );
    assert_eq!(started(&place), 1);
    let (end, _, paid) = run(&place).await;
    assert!(waits(&end), "{end:?}");
    assert_eq!(paid, 0);
}

#[tokio::test]
async fn field_47_a_timeout_holds_for_a_sync_function_on_a_journal() {
    let stuck = FnTool::new("pay", "Returns when nobody waits for it.", |_: Payment, context: Context| {
        // The function returns even without a timeout. The test then fails.
        let began = Instant::now();
        while !context.cancelled() && began.elapsed() < Duration::from_secs(10) {
            std::thread::yield_now();
        }
        Ok::<_, String>("late")
    });
    let model = Script::new([Reply::call("pay", json!({"to": "Ada"})), Reply::text("Done.")]);
    let agent = Agent::builder("main", model).tool(stuck.timeout(Duration::from_millis(20))).build().unwrap();
    let (place, mut conversation) = (Place::new(), start());
    let host = place.open().host(Team::new([agent]).unwrap(), &mut conversation).await.unwrap();
    drive(&mut conversation, &host).await.unwrap();
    let transcript = conversation.to_string();
    assert!(transcript.contains("< call_0_0 failed: timed out after 20ms"), "{transcript}");
}

#[tokio::test]
async fn field_68_a_session_on_a_journal_goes_on_with_the_cancel_that_stopped_it() {
    let (place, mut conversation, cancel) = (Place::new(), start(), Cancel::new());
    let journal = place.open();
    let stopped = journal.host(team(|| (), || ()).0, &mut conversation).await.unwrap().cancelled_by(&cancel);
    cancel.all();
    assert!(stopped.run(&mut conversation).await.is_err());
    drop(stopped);
    let host = journal.host(team(|| (), || ()).0, &mut conversation).await.unwrap().cancelled_by(&cancel);
    assert!(waits(&host.run(&mut conversation).await.unwrap()));
}
