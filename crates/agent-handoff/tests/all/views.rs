//! What the next agent reads, view by view.

use agent_handoff::{Handoff, Reads};
use insta::assert_snapshot;

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
