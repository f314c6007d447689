//! Runs that are kept in a journal, by servers that come and go.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use agent_core::sessions::{Decision, SessionState, Sessions};
use agent_journal::Journal;
use agent_mcp::{serve, serve_tools};
use agent_tools::FnTool;
use serde_json::json;

use crate::{
    team::{on_journal, pay, payer},
    wire::{Revision, Wire, text},
};

#[tokio::test]
async fn a_call_of_a_plain_tool_is_kept_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    for _ in 0..2 {
        let count = calls.clone();
        let tool = FnTool::new("count", "Counts.", move |(): ()| count.fetch_add(1, Ordering::Relaxed) + 1);
        let server = on_journal(serve_tools([tool]), folder.path());
        let mut wire = Wire::to(server, Revision::New).await;
        assert_eq!(text(&wire.call_with_key("count", json!({}), "k").await), ("1", false));
    }
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

/// The first server asks. The second one gets the answer, which it has never asked for.
#[tokio::test]
async fn an_approval_reaches_the_call_through_another_process() {
    for (tool, input) in [("payer", json!({"task": "Pay 3."})), ("pay", json!({"amount": 3}))] {
        let folder = tempfile::tempdir().unwrap();
        let (pay, paid) = pay();
        let server = || {
            let server = serve(payer(pay.clone())).tools([pay.clone()]);
            on_journal(server, folder.path()).handler().unwrap()
        };
        let can_ask = json!({"elicitation": {}});
        let mut wire = Wire::with_capabilities(server(), Revision::New, can_ask.clone()).await;
        let asked = wire.call(tool, input.clone()).await;
        drop(wire);

        let key = asked["inputRequests"].as_object().unwrap().keys().next().unwrap();
        let yes = json!({key: {"action": "accept", "content": {"approve": true}}});
        let state = &asked["requestState"];
        let again = json!({"name": tool, "arguments": input, "requestState": state, "inputResponses": yes});
        let mut wire = Wire::with_capabilities(server(), Revision::New, can_ask).await;
        let result = wire.ask("tools/call", again).await;
        assert!(text(&result).0.contains("paid 3"), "{result}");
        assert_eq!(paid.load(Ordering::Relaxed), 1, "{tool}");
    }
}

#[tokio::test]
async fn a_person_may_decide_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let (pay, paid) = pay();
    let mut wire = Wire::to(on_journal(serve(payer(pay)), folder.path()), Revision::Old).await;
    let refused = wire.call_with_key("payer", json!({"task": "Pay 3."}), "k").await;
    assert!(text(&refused).0.starts_with("not done: a person must approve this first"), "{refused}");

    // On the page of the journal, for example.
    let journal = Journal::open(folder.path().join("runs.journal")).unwrap();
    let session = Sessions::session(&journal, "payer::k").await.unwrap();
    let SessionState::Waiting(waiting) = session.state else { panic!("{:?}", session.state) };
    Sessions::decide(&journal, &waiting[0].key, Decision::Approve).await.unwrap();

    let done = wire.call_with_key("payer", json!({"task": "Pay 3."}), "k").await;
    assert!(text(&done).0.contains("paid 3"), "{done}");
    assert_eq!(paid.load(Ordering::Relaxed), 1);
}
