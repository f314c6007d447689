use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use agent_core::{
    Agent, Team,
    script::{Reply, Script},
};
use agent_mcp::{serve, serve_tools};
use agent_tools::FnTool;
use serde_json::json;
use tokio::sync::{Notify, Semaphore};

use crate::{
    team::{Payment, on_journal},
    wire::{BOTH, Revision, Wire, text},
};

/// A tool that counts its calls, and returns when it is let go.
fn counted(go: Arc<Semaphore>, begun: Arc<Notify>) -> (FnTool, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let tool = FnTool::new("count", "Counts.", move |_: Payment| {
        let (go, begun, count) = (go.clone(), begun.clone(), count.clone());
        async move {
            begun.notify_one();
            go.acquire().await.unwrap().forget();
            format!("call {}", count.fetch_add(1, Ordering::Relaxed) + 1)
        }
    });
    (tool, calls)
}

#[tokio::test]
async fn calls_with_one_key_are_one_call() {
    for revision in BOTH {
        let (go, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
        let (tool, calls) = counted(go.clone(), begun.clone());
        let handler = serve_tools([tool]).handler().unwrap();
        let mut first = Wire::with_capabilities(handler.clone(), revision, json!({})).await;
        let mut second = Wire::with_capabilities(handler, revision, json!({})).await;
        let meta = json!({agent_mcp::IDEMPOTENCY_KEY: "k"});
        let params = json!({"name": "count", "arguments": {"amount": 1}, "_meta": meta});
        first.request("tools/call", params.clone()).await;
        begun.notified().await;
        let other = second.call_with_key("count", json!({"amount": 2}), "k").await;
        assert!(text(&other).0.contains("in use for a call with another input"), "{other}");
        second.request("tools/call", params).await;
        // Only one of them could pass.
        go.add_permits(1);
        for wire in [&mut first, &mut second] {
            assert_eq!(text(&wire.next().await["result"]), ("call 1", false));
        }
        // Later, the same key gives the same result, and another input is an error.
        assert_eq!(text(&second.call_with_key("count", json!({"amount": 1}), "k").await), ("call 1", false));
        let other = second.call_with_key("count", json!({"amount": 2}), "k").await;
        assert!(text(&other).0.contains("with another input"), "{other}");
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        for (key, expected) in [("l", "call 2"), ("run/call_0", "call 3"), ("run%2Fcall_0", "call 4")] {
            go.add_permits(1);
            assert_eq!(
                text(&second.call_with_key("count", json!({"amount": 1}), key).await),
                (expected, false)
            );
        }
    }
}

#[tokio::test]
async fn a_client_that_goes_does_not_stop_the_call_of_another() {
    let (go, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
    let (tool, _) = counted(go.clone(), begun.clone());
    let handler = serve_tools([tool]).handler().unwrap();
    let mut first = Wire::with_capabilities(handler.clone(), Revision::Old, json!({})).await;
    let mut second = Wire::with_capabilities(handler, Revision::Old, json!({})).await;
    let meta = json!({agent_mcp::IDEMPOTENCY_KEY: "k", "progressToken": 1});
    let params = json!({"name": "count", "arguments": {"amount": 1}, "_meta": meta});
    let id = first.request("tools/call", params.clone()).await;
    begun.notified().await;
    second.request("tools/call", params).await;
    // The server reads the messages of a client in order, so the second has attached by then.
    second.request("tools/list", json!({})).await;
    assert!(second.next().await["result"]["tools"].is_array());
    let cancelled = json!({"requestId": id});
    first.send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled})).await;
    first.request("tools/list", json!({})).await;
    assert!(first.next().await["result"]["tools"].is_array());
    go.add_permits(1);
    assert_eq!(text(&second.next().await["result"]), ("call 1", false));
}

#[tokio::test]
async fn a_cancelled_call_goes_on_with_its_key_and_repeats_nothing_that_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    for keeps in [|server, _: &Path| server, on_journal] {
        for revision in BOTH {
            let (go, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
            let (pay, paid) = counted(go.clone(), begun.clone());
            let booked = Arc::new(AtomicUsize::new(0));
            let count = booked.clone();
            let book = FnTool::new("book", "Books.", move |(): ()| count.fetch_add(1, Ordering::Relaxed) + 1);
            let model = Script::by(|request| match request.messages.len() {
                1 => Reply::call("book", json!({})),
                3 => Reply::call("count", json!({"amount": 1})),
                _ => Reply::text("Booked and paid."),
            });
            let agent = Agent::builder("planner", model).tool(book).tool(pay.idempotent()).build().unwrap();
            let server = keeps(serve(Team::new([agent]).unwrap()), folder.path());
            let mut wire = Wire::to(server, revision).await;
            let key = format!("{revision:?}");
            let meta = json!({agent_mcp::IDEMPOTENCY_KEY: key});
            let params = json!({"name": "planner", "arguments": {"task": "Book and pay."}, "_meta": meta});
            let id = wire.request("tools/call", params).await;
            begun.notified().await;
            let cancelled = json!({"requestId": id});
            wire.send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled}))
                .await;
            // Only a call that is made again can pass: the first one has been dropped.
            wire.ask("tools/list", json!({})).await;
            go.add_permits(1);
            let result = wire.call_with_key("planner", json!({"task": "Book and pay."}), &key).await;
            assert_eq!(text(&result), ("Booked and paid.", false));
            assert_eq!((booked.load(Ordering::Relaxed), paid.load(Ordering::Relaxed)), (1, 1));
        }
    }
}

#[tokio::test]
async fn odd_keys_are_refused() {
    let (tool, _) = counted(Arc::new(Semaphore::new(0)), Arc::default());
    let mut wire = Wire::to(serve_tools([tool]), Revision::Old).await;
    for (key, expected) in [
        ("a\nb".to_owned(), "invisible character"),
        (String::new(), "empty"),
        ("a".repeat(257), "it has 257 bytes, and may have 256"),
    ] {
        let refused = wire.call_with_key("count", json!({"amount": 1}), &key).await;
        assert_eq!(refused["code"], -32602, "{refused}");
        assert!(refused["message"].as_str().unwrap().contains(expected), "{refused}");
    }
}
