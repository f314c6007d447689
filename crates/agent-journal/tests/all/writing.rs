//! How many entries share a sync.

use agent_core::{host::drive, script::Reply};
use serde_json::json;

use crate::common::{Place, calls, start, team};

#[tokio::test]
async fn results_at_the_same_time_share_a_sync() {
    let says = |_: &str, turn: usize| match turn {
        0 => calls((0..60).map(|_| ("act", json!({"ms": 20})))),
        _ => Reply::text("Done."),
    };
    let place = Place::new();
    let journal = place.open();
    let mut conversation = start();
    let host = journal.host(team(&["main"], says).0, &mut conversation).await.unwrap();
    drive(&mut conversation, &host).await.unwrap();
    let entries = journal.entries("s").unwrap().len();
    assert_eq!(entries, 63);
    // At least one each for the start, the two replies and the calls.
    assert!((4..=30).contains(&journal.syncs()), "{} syncs for {entries} entries", journal.syncs());
}
