//! Budgets of runs that are stopped and continued: nothing that was spent is forgotten, and nothing
//! is spent twice.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use agent_core::{
    Conversation, End, Limits, Team, Usage,
    budget::{Budget, Spent},
    conversation::Change,
    script::Reply,
};
use agent_journal::Entry;
use futures::future::Either;
use serde_json::json;

use crate::common::{Place, calls, start, team};

const OUTPUT: u64 = 300;

/// A main agent that delegates to two experts, which make a call each. Every reply uses 300 output
/// tokens. Each request is counted when the model gets it.
fn counted_team(limits: &Limits, asked: &Arc<AtomicU64>, latency: Duration) -> Team {
    let asked = asked.clone();
    let says = move |agent: &str, turn: usize| {
        asked.fetch_add(1, Ordering::Relaxed);
        let reply = match (agent, turn) {
            ("main", 0) => calls([("act", json!({"to": "expert"})), ("act", json!({"to": "expert"}))]),
            ("expert", 0) => calls([("act", json!({"say": "looked"}))]),
            _ => Reply::text("Done."),
        };
        reply.usage(Usage::new(10, OUTPUT)).after(latency)
    };
    team(&["main", "expert"], says).0.with_limits(limits.clone())
}

fn limits(output: u64) -> Limits {
    Limits::new().conversation_budget(Budget::new().output_tokens(output))
}

/// Runs or continues the session. Returns how the run ended, and its conversation.
async fn run(place: &Place, team: Team) -> (End, Conversation) {
    let (journal, mut conversation) = (place.open(), start());
    let host = journal.host(team, &mut conversation).await.unwrap();
    let end = host.run(&mut conversation).await.unwrap();
    assert_eq!(journal.conversation("s").unwrap(), conversation, "it is the fold of the journal");
    (end, conversation)
}

fn reserved(entries: &[(String, Entry)]) -> usize {
    let is_reserved = |entry: &&(String, Entry)| matches!(&entry.1, Entry::Change(Change::Reserved { .. }));
    entries.iter().filter(is_reserved).count()
}

/// A request that was under way counts with all that it might have used: 8,000 tokens.
#[tokio::test]
async fn fault_88_a_crash_neither_forgets_what_was_spent_nor_counts_it_twice() {
    let answered = Arc::default();
    let (place, limits) = (Place::new(), limits(40_000));
    let (end, undisturbed) = run(&place, counted_team(&limits, &answered, Duration::ZERO)).await;
    assert_eq!((end.text(), undisturbed.spent().output_tokens), ("Done.", 6 * OUTPUT));
    let entries = place.open().entries("s").unwrap();
    assert_eq!((reserved(&entries), answered.load(Ordering::Relaxed)), (6, 6));
    for keep in 1..=entries.len() {
        let stopped = Place::new();
        std::fs::copy(&place.path, &stopped.path).unwrap();
        stopped.sql(&format!("DELETE FROM entries WHERE seq > {keep}"));
        let under_way = stopped.open().conversation("s").unwrap().unsettled().len() as u64;
        let again = Arc::default();
        let (end, conversation) = run(&stopped, counted_team(&limits, &again, Duration::ZERO)).await;
        assert!(under_way <= 2, "{under_way}");
        assert_eq!(end.text(), "Done.", "after entry {keep}");
        let expected = Spent::from(&undisturbed.usage_by_agent());
        let spent = conversation.spent();
        assert_eq!(spent.output_tokens, expected.output_tokens + under_way * 8_000, "after entry {keep}");
        assert_eq!(spent.requests, expected.requests + under_way, "after entry {keep}");
        assert_eq!(conversation.to_string(), undisturbed.to_string(), "after entry {keep}");
    }
}

/// With less, the run that continues stops where the budget does.
#[tokio::test]
async fn a_run_that_continues_has_only_what_is_left() {
    let answered = Arc::default();
    let (place, limits) = (Place::new(), limits(9_800));
    let (end, conversation) = run(&place, counted_team(&limits, &answered, Duration::ZERO)).await;
    // Two experts can't ask in parallel: each may need 8,000. One waits for the other.
    assert_eq!((end.text(), conversation.spent().output_tokens), ("Done.", 6 * OUTPUT));
    place.sql("DELETE FROM entries WHERE seq > 2");
    let (end, conversation) = run(&place, counted_team(&limits, &answered, Duration::ZERO)).await;
    insta::assert_snapshot!(end, @"the budget of the conversation has no room for the next request: 1800 of 9800 output tokens are left, and it may need 8000");
    assert_eq!(conversation.spent().output_tokens, 8_000);
}

/// The conversation in memory and the one in the journal count the same.
#[tokio::test]
async fn a_run_that_is_dropped_counts_once_in_memory_and_once_in_the_journal() {
    let asked = Arc::default();
    let place = Place::new();
    let (journal, mut conversation) = (place.open(), start());
    let slow = counted_team(&limits(17_000), &asked, Duration::from_secs(60));
    let host = journal.host(slow, &mut conversation).await.unwrap();
    for expected in [8_000, 16_000] {
        let before = asked.load(Ordering::Relaxed);
        let is_asked = pin!(async {
            while asked.load(Ordering::Relaxed) == before {
                tokio::task::yield_now().await;
            }
        });
        let stopped = futures::future::select(host.run(&mut conversation), is_asked).await;
        assert!(matches!(stopped, Either::Right(_)), "the model takes a minute");
        drop(stopped);
        assert_eq!(conversation.spent().output_tokens, expected);
    }
    let end = host.run(&mut conversation).await.unwrap();
    assert!(matches!(end, End::Budget(exceeded) if exceeded.spent == 16_000));
    assert_eq!(journal.conversation("s").unwrap().spent(), conversation.spent());
}

#[tokio::test]
async fn without_a_budget_nothing_is_written_for_it() {
    let (place, answered) = (Place::new(), Arc::default());
    run(&place, counted_team(&Limits::new(), &answered, Duration::ZERO)).await;
    assert_eq!(reserved(&place.open().entries("s").unwrap()), 0);
}
