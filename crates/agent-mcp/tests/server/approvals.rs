use std::sync::{Arc, atomic::Ordering};

use agent_core::{
    Agent, Team,
    script::{Reply, Script},
};
use agent_mcp::{Handler, serve};
use agent_tools::FnTool;
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};

use crate::{
    team::{pay, payer},
    wire::{BOTH, Revision, Wire, text},
};

fn served() -> (Handler, Arc<std::sync::atomic::AtomicUsize>) {
    let (tool, paid) = pay();
    (serve(payer(tool.clone())).tools([tool]).handler().unwrap(), paid)
}

fn asks() -> Value {
    json!({"elicitation": {"form": {}}})
}

/// The two ways to a call that must be approved: by an agent, and directly.
const WAYS: [(&str, &str); 2] = [("payer", r#"{"task": "Pay 3."}"#), ("pay", r#"{"amount": 3}"#)];

#[tokio::test]
async fn an_old_client_is_asked_while_its_call_goes_on() {
    let check = async |answer: Value, paid: usize, expected: &str| {
        for (tool, input) in WAYS {
            let (handler, count) = served();
            let mut wire = Wire::with_capabilities(handler, Revision::Old, asks()).await;
            let input: Value = serde_json::from_str(input).unwrap();
            wire.request("tools/call", json!({"name": tool, "arguments": input})).await;
            let asked = wire.next().await;
            assert_eq!(asked["method"], "elicitation/create", "{asked}");
            assert_eq!(asked["params"]["requestedSchema"]["required"], json!(["approve"]));
            wire.send(json!({"jsonrpc": "2.0", "id": asked["id"], "result": answer})).await;
            let result = wire.next().await;
            let (said, _) = text(&result["result"]);
            assert!(said.contains(expected), "{tool}: {said}");
            assert_eq!(count.load(Ordering::Relaxed), paid, "{tool}");
        }
    };
    check(json!({"action": "accept", "content": {"approve": true}}), 1, "paid 3").await;
    check(
        json!({"action": "accept", "content": {"approve": false, "reason": "too much"}}),
        0,
        "denied: too much",
    )
    .await;
    check(json!({"action": "decline"}), 0, "denied: the user did not approve it").await;
    check(json!({"action": "cancel"}), 0, "not done: nobody has decided about this").await;
}

#[tokio::test]
async fn a_new_client_makes_the_call_again_with_the_answer() {
    for (tool, input) in WAYS {
        let (handler, paid) = served();
        let mut wire = Wire::with_capabilities(handler, Revision::New, asks()).await;
        let input: Value = serde_json::from_str(input).unwrap();
        let asked = wire.call(tool, input.clone()).await;
        assert_eq!(asked["resultType"], "input_required", "{asked}");
        let questions = asked["inputRequests"].as_object().unwrap();
        let (key, question) = questions.iter().next().unwrap();
        assert_eq!((questions.len(), &question["method"]), (1, &json!("elicitation/create")));
        let again = |answers: Value| json!({"name": tool, "arguments": input, "requestState": asked["requestState"], "inputResponses": answers});
        // An answer that can't be read, or to another question, is none: the question comes again.
        for odd in [json!({}), json!({key: 7}), json!({"other": {"action": "accept"}})] {
            assert_eq!(wire.ask("tools/call", again(odd)).await["inputRequests"], asked["inputRequests"]);
        }
        assert_eq!(paid.load(Ordering::Relaxed), 0);
        let yes = json!({key: {"action": "accept", "content": {"approve": true}}});
        let result = wire.ask("tools/call", again(yes.clone())).await;
        assert!(text(&result).0.contains("paid 3"), "{result}");
        // Nothing is kept of a call without a key that has ended.
        let over = wire.ask("tools/call", again(yes)).await;
        assert!(text(&over).0.starts_with("this call can't be continued"), "{over}");
        assert_eq!(paid.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn a_client_that_can_not_ask_reads_why_nothing_was_done() {
    for revision in BOTH {
        let (handler, paid) = served();
        let mut wire = Wire::with_capabilities(handler, revision, json!({})).await;
        let result = wire.call("pay", json!({"amount": 3})).await;
        let (said, is_error) = text(&result);
        assert!(is_error && said.starts_with("not done: a person must approve this first"), "{said}");
        assert_eq!(paid.load(Ordering::Relaxed), 0);
    }
}

/// One client's run goes on, and does not know what another client decides meanwhile.
#[tokio::test]
async fn a_second_client_approves_while_the_run_of_the_first_goes_on() {
    for first_revision in BOTH {
        let (pay, paid) = pay();
        let (go, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
        let (goes, begins) = (go.clone(), begun.clone());
        let slow = FnTool::new("slow", "Takes long.", move |(): ()| {
            let (go, begun) = (goes.clone(), begins.clone());
            async move {
                begun.notify_one();
                go.acquire().await.unwrap().forget();
                "slow"
            }
        });
        let model = Script::by(|request| match request.messages.len() {
            1 => Reply::call("pay", json!({"amount": 3})).and_call("slow", json!({})),
            _ => Reply::text("Paid and waited."),
        });
        let slow: Arc<dyn agent_core::Tool> = Arc::new(slow);
        let agent = Agent::builder("payer", model).tools([pay, slow]).build().unwrap();
        let handler = serve(Team::new([agent]).unwrap()).handler().unwrap();
        let mut first = Wire::with_capabilities(handler.clone(), first_revision, asks()).await;
        let mut second = Wire::with_capabilities(handler, Revision::New, asks()).await;
        let meta = json!({agent_mcp::IDEMPOTENCY_KEY: "k"});
        let params = json!({"name": "payer", "arguments": {"task": "Pay 3."}, "_meta": meta});
        first.request("tools/call", params.clone()).await;
        begun.notified().await;

        let yes = json!({"action": "accept", "content": {"approve": true}});
        let mut approving = params.clone();
        approving["inputResponses"] = json!({"payer::k/call_0_0": yes});
        second.request("tools/call", approving).await;
        // The server reads the messages of a client in order, so the second has attached by then.
        second.request("tools/list", json!({})).await;
        assert!(second.next().await["result"]["tools"].is_array());
        assert_eq!(paid.load(Ordering::Relaxed), 0);
        go.add_permits(1);
        // The run of the first has ended with the question, and that of the second goes on from there.
        assert_eq!(text(&second.next().await["result"]), ("Paid and waited.", false));
        assert_eq!(paid.load(Ordering::Relaxed), 1);

        // The first was asked as well. Its answer comes too late, and does nothing twice.
        let asked = first.next().await;
        let result = if first_revision == Revision::Old {
            first.send(json!({"jsonrpc": "2.0", "id": asked["id"], "result": yes})).await;
            first.next().await["result"].take()
        } else {
            let questions = asked["result"]["inputRequests"].as_object().unwrap();
            let (key, _) = questions.iter().next().unwrap();
            let mut again = params;
            again["inputResponses"] = json!({key: yes});
            again["requestState"] = asked["result"]["requestState"].clone();
            first.ask("tools/call", again).await
        };
        assert_eq!(text(&result), ("Paid and waited.", false));
        assert_eq!(paid.load(Ordering::Relaxed), 1);
    }
}
