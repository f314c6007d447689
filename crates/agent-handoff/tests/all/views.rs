//! What the next agent reads, view by view.

use agent_core::{Block, Message};
use agent_handoff::{Handoff, Reads, in_pairs};
use insta::assert_snapshot;
use serde_json::json;

use crate::scene::{Scene, and_handoff, look_at, says};

/// What billing reads at last, after two questions, a look and a handoff with words.
async fn check(reads: Reads) -> String {
    let handoff = Handoff::to([("billing", "Invoices.")]).reads(reads);
    let scene = Scene::new()
        .agent(
            "triage",
            handoff,
            vec![says("Hello."), look_at("invoice"), and_handoff(says("Over to billing."), "billing")],
        )
        .worker("billing", vec![look_at("ledger"), says("It is paid.")])
        .asks(&["Hi.", "Is my invoice paid?"]);
    let seen = scene.play().await;
    let requests = seen.split("REQUESTS").nth(1).unwrap().split("EVENTS").next().unwrap();
    requests.split("billing reads: ").skip(1).collect::<Vec<_>>().join("billing reads: ")
}

#[tokio::test(start_paused = true)]
async fn without_handoffs() {
    assert_snapshot!(check(Reads::default()).await);
}

#[tokio::test(start_paused = true)]
async fn everything() {
    assert_snapshot!(check(Reads::Everything).await);
}

#[tokio::test(start_paused = true)]
async fn without_tools() {
    assert_snapshot!(check(Reads::WithoutTools).await);
}

#[tokio::test(start_paused = true)]
async fn the_last_turn() {
    assert_snapshot!(check(Reads::LastTurns(1)).await);
}

#[tokio::test(start_paused = true)]
async fn a_function_of_ones_own_that_tears_a_call_from_its_result() {
    assert_snapshot!(check(Reads::by(|messages| messages[1..messages.len() - 1].to_vec())).await);
}

#[test]
fn what_is_left_of_a_history_is_made_valid() {
    let call = |id: &str| Block::tool_use(id, "look", json!({}));
    let result = |id: &str| Block::tool_result(id, "x".into(), false);
    let check = |messages: Vec<Message>, expected: &str| {
        let text: Vec<String> = in_pairs(messages)
            .iter()
            .map(|message| {
                format!("{:?} {}", message.role(), serde_json::to_string(message.content()).unwrap())
            })
            .collect();
        assert_eq!(text.join("\n"), expected);
    };
    check(vec![], r#"User [{"type":"text","text":"(What was said before is not shown.)"}]"#);
    check(vec![Message::assistant("Hi."), Message::user("Ho.")], r#"User [{"type":"text","text":"Ho."}]"#);
    let asked = || Message::assistant(vec![call("a")]);
    let answered = || Message::user(vec![result("a"), Block::text("Ho.")]);
    // A call before the user has said anything goes with its reply, and its result goes too.
    check(vec![asked(), answered()], r#"User [{"type":"text","text":"Ho."}]"#);
    check(
        vec![Message::user(vec![result("b")]), asked(), answered()],
        r#"User [{"type":"text","text":"Ho."}]"#,
    );
    let thinking =
        Block::from_json(json!({"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}).into());
    let thought = Message::assistant(vec![thinking.unwrap(), call("a")]);
    // Nor may thinking be the last that is left of a reply.
    check(vec![Message::user("Go."), thought], r#"User [{"type":"text","text":"Go."}]"#);
    check(
        vec![
            Message::user("Go."),
            Message::assistant(vec![call("a"), call("b")]),
            Message::user(vec![Block::text("So."), result("b")]),
        ],
        "User [{\"type\":\"text\",\"text\":\"Go.\"}]\n\
         Assistant [{\"type\":\"tool_use\",\"id\":\"b\",\"name\":\"look\",\"input\":{}}]\n\
         User [{\"type\":\"tool_result\",\"tool_use_id\":\"b\",\"content\":\"x\"},{\"type\":\"text\",\"text\":\"So.\"}]",
    );
}
