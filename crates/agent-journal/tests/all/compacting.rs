//! Runs with summaries, stopped after each entry.

use std::sync::Arc;

use agent_compact::Compact;
use agent_core::{
    Agent, Conversation, Limits, Team, ToolSpec,
    budget::Budget,
    conversation::{Change, OmissionReason},
    host::drive,
    script::{Reply, Script},
};
use agent_journal::Entry;
use serde_json::json;

use crate::common::{Log, Place, start, tool};

/// A model that makes eight calls with long results, one after the other, and then answers.
fn model() -> Script {
    Script::by(|request| match request.system_text().starts_with("You summarise") {
        true => Reply::text(format!("A summary of {} messages.", request.messages.len())),
        false if request.turns < 8 => Reply::call("act", json!({"say": "word ".repeat(500)})),
        false => Reply::text("All done."),
    })
}

async fn run(place: &Place) -> (Conversation, Log) {
    run_with(place, Limits::new()).await
}

async fn run_with(place: &Place, limits: Limits) -> (Conversation, Log) {
    let log = Log::default();
    let act = tool("act", &log, |spec: &mut ToolSpec| spec.idempotent = true);
    let agent = Agent::builder("main", model()).base_prompt("").tool(act).build().unwrap();
    let wrap = |llm| Arc::new(Compact::new(llm, 6_000).keep_last(2_000)) as _;
    let team = Team::new([agent]).unwrap().with_limits(limits).wrap_models(wrap);
    let (journal, mut conversation) = (place.open(), start());
    let host = journal.host(team, &mut conversation).await.unwrap();
    drive(&mut conversation, &host).await.unwrap();
    assert_eq!(journal.conversation("s").unwrap(), conversation, "it is the fold of the journal");
    (conversation, log)
}

#[tokio::test]
async fn a_run_with_summaries_goes_on_from_every_entry_and_repeats_no_summary() {
    let whole = Place::new();
    let (undisturbed, _) = run(&whole).await;
    let summaries = undisturbed.omissions().iter().filter(|part| part.why == OmissionReason::Compacted);
    assert!(summaries.count() > 1);
    assert_eq!(undisturbed.text(), "All done.");
    let entries = whole.open().entries("s").unwrap();
    for keep in 1..=entries.len() {
        let place = Place::new();
        std::fs::copy(&whole.path, &place.path).unwrap();
        place.sql(&format!("DELETE FROM entries WHERE seq > {keep}"));
        let (resumed, log) = run(&place).await;
        assert_eq!(resumed, undisturbed, "stopped after entry {keep}");
        let is_result =
            |(_, entry): &&(String, Entry)| matches!(entry, Entry::Change(Change::Recorded { .. }));
        let recorded = entries[..keep].iter().filter(is_result).count();
        assert_eq!(log.made().len() + recorded, 8, "stopped after entry {keep}");
    }
}

/// The request for a summary, too: if the process ends before its reply is on the disk, it counts.
#[tokio::test]
async fn a_budget_reserves_each_request_before_it_is_sent_also_that_for_a_summary() {
    let place = Place::new();
    run_with(&place, Limits::new().conversation_budget(Budget::new().requests(100))).await;
    let entries = place.open().entries("s").unwrap();
    let count = |is: fn(&Change) -> bool| {
        let is = |entry: &&(String, Entry)| matches!(&entry.1, Entry::Change(change) if is(change));
        entries.iter().filter(is).count()
    };
    let answered = count(|change| matches!(change, Change::Answered(_)));
    assert!(answered > 9, "eight calls, the answer, and summaries: {answered}");
    assert_eq!(count(|change| matches!(change, Change::Reserved { .. })), answered);
}
