//! The team of the example in process and on a journal, also on one whose run was stopped. The
//! transcripts are the same.

use agent_core::host::{LocalHost, drive};
use agent_journal::Journal;
use insta::assert_snapshot;

use crate::common::Place;

#[allow(dead_code, reason = "its own `main` reads the command line")]
#[path = "../../examples/survives.rs"]
mod survives;

async fn on_journal(journal: &Journal) -> String {
    let mut conversation = survives::start();
    let host = journal.host(survives::team().unwrap(), &mut conversation).await.unwrap();
    drive(&mut conversation, &host).await.unwrap();
    conversation.to_string()
}

#[tokio::test]
async fn in_process_and_on_a_journal_the_transcript_is_the_same() {
    let mut conversation = survives::start();
    let host = LocalHost::new(survives::team().unwrap());
    drive(&mut conversation, &host).await.unwrap();
    let in_process = conversation.to_string();

    let place = Place::new();
    assert_eq!(on_journal(&place.open()).await, in_process);
    let entries = place.open().entries("call-7").unwrap().len();
    for keep in 1..entries {
        let copy = Place::new();
        std::fs::copy(&place.path, &copy.path).unwrap();
        copy.sql(&format!("DELETE FROM entries WHERE seq > {keep}"));
        assert_eq!(on_journal(&copy.open()).await, in_process, "stopped after entry {keep}");
    }
    assert_snapshot!(in_process, @r#"
    user: What did I pay in May and June, and why does the app not start?
      > call_0_0 ledger {"task":"What did customer 7 pay in May?"}
      > call_0_1 ledger {"task":"What did customer 7 pay in June?"}
      < call_0_0 = 29.50
      < call_0_1 = 29.50
      > call_1_0 handoff {"name":"support","reason":"The app is broken."}
      < call_1_0 = Transferred to support.
    -- support takes over from billing
    support: 29.50 a month; and please restart the app.
    "#);
}
