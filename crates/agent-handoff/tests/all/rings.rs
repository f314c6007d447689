//! Agents that only hand over to each other.

use agent_core::{
    Agent, Conversation, End, Limits, Team,
    script::{Reply, Script},
};
use agent_handoff::Handoff;

use crate::scene::handoff;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// So many agents hand over in a ring, by default rules; how often their models are asked until the user is.
async fn check(agents: usize, limits: Limits, expected: usize) {
    let names = NAMES[..agents].to_vec();
    let order = names.clone();
    let model = Script::by(move |request| -> Reply {
        let own = order.iter().position(|name| **name == *request.agent).unwrap();
        handoff(order[(own + 1) % order.len()])
    });
    let team = names.iter().map(|name| {
        let others = names.iter().filter(|other| *other != name).map(|other| (*other, "Knows it all."));
        Agent::builder(*name, model.clone()).tools(Handoff::to(others).tools()).build().unwrap()
    });
    let team = Team::new(team).unwrap().with_limits(limits);
    let mut conversation = Conversation::start("a", "Help!");
    let end = team.run(&mut conversation).await.unwrap();
    assert!(matches!(end, End::TurnLimit(_)), "{end:?}");
    assert_eq!(model.requests().len(), expected, "{agents} agents");
}

#[tokio::test(start_paused = true)]
async fn field_51_a_ring_of_agents_that_only_hand_over_is_bounded_by_turns_and_transfers() {
    // One request a transfer, the turns that the last agent has left, and one more of each that has it back.
    check(2, Limits::new(), 2 + 9 + 2).await;
    check(3, Limits::new(), 3 + 9 + 3).await;
    check(4, Limits::new(), 4 + 9 + 4).await;
    check(4, Limits::new().transfers(2), 2 + 10 + 2).await;
    check(4, Limits::new().turns(3), 4 + 2 + 4).await;
}
