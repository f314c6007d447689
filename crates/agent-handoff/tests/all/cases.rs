//! What happens in each case.

use agent_core::{Limits, StopReason, script::Reply};
use agent_handoff::{Handoff, MixedTurn, OnFailure};
use agent_tools::AgentTool;
use insta::assert_snapshot;
use serde_json::json;

use crate::scene::{Scene, and_handoff, and_look, broken, handoff, look_at, says};

fn to(names: &[&str]) -> Handoff {
    Handoff::to(names.iter().map(|name| (*name, format!("All about {name}."))))
}

fn refused() -> Reply {
    Reply::default().stop(StopReason::Refusal)
}

/// Triage hands over to billing, which says this.
fn to_billing(billing: Vec<Reply>, then: Vec<Reply>) -> Scene {
    let triage = [vec![handoff("billing")], then].concat();
    Scene::new().agent("triage", to(&["billing"]), triage).worker("billing", billing)
}

macro_rules! case {
    ($name:ident, $scene:expr) => {
        #[tokio::test(start_paused = true)]
        async fn $name() {
            assert_snapshot!($scene.play().await);
        }
    };
}

case!(success, to_billing(vec![look_at("invoice"), says("It is paid.")], vec![]));

case!(
    fault_3_handoff_drops_sibling_results,
    Scene::new()
        .agent("triage", to(&["billing"]), vec![and_look(and_handoff(look_at("before"), "billing"), "after")])
        .worker("billing", vec![says("It is paid.")])
);

case!(
    unknown_target,
    Scene::new()
        .agent("triage", to(&["billing"]), vec![and_look(handoff("nobody"), "x"), says("I do it myself.")])
        .worker("billing", vec![])
);

case!(
    to_oneself,
    Scene::new().agent("triage", to(&["triage"]), vec![handoff("triage"), says("I do it myself.")])
);

case!(
    invalid_input,
    Scene::new()
        .agent(
            "triage",
            to(&["billing"]),
            vec![Reply::call("handoff", json!({"reason": "Why not?"})), says("I do it myself.")]
        )
        .worker("billing", vec![])
);

case!(the_targets_model_fails_at_once, to_billing(vec![broken()], vec![says("Billing is away.")]));

case!(
    the_targets_model_fails_after_two_tool_turns,
    to_billing(vec![look_at("a"), look_at("b"), broken()], vec![says("Billing broke down.")])
);

case!(the_target_refuses_at_once, to_billing(vec![refused()], vec![says("Billing won't.")]));

case!(the_target_refuses_later, to_billing(vec![look_at("a"), refused()], vec![says("Billing won't.")]));

case!(
    the_target_refuses_later_with_open_calls,
    to_billing(vec![look_at("a"), look_at("b").stop(StopReason::Refusal)], vec![says("Billing won't.")])
);

case!(
    the_target_is_cut_and_the_user_goes_on,
    to_billing(vec![says("It is pa").stop(StopReason::MaxTokens), says("It is paid.")], vec![])
        .asks(&["Help!", "Go on."])
);

case!(
    the_target_runs_out_of_turns,
    to_billing(vec![look_at("a"), look_at("b"), look_at("c")], vec![says("Billing got lost.")])
        .limits(Limits::new().turns(2))
);

case!(
    fault_4_several_handoffs_in_one_turn,
    Scene::new()
        .agent("triage", to(&["billing", "sales"]), vec![and_handoff(handoff("billing"), "sales")])
        .worker("billing", vec![says("It is paid.")])
        .worker("sales", vec![])
);

case!(
    the_first_fails_and_the_second_succeeds,
    Scene::new()
        .agent(
            "triage",
            to(&["billing", "sales"]),
            vec![and_look(and_handoff(handoff("billing"), "sales"), "x")]
        )
        .worker("billing", vec![broken()])
        .worker("sales", vec![says("Buy another.")])
);

case!(
    both_fail_and_the_ordinary_calls_then_run_at_once,
    Scene::new()
        .agent(
            "triage",
            to(&["billing", "sales"]),
            vec![
                and_look(and_handoff(and_handoff(look_at("a"), "billing"), "sales"), "b"),
                says("I do it myself.")
            ]
        )
        .worker("billing", vec![broken()])
        .worker("sales", vec![refused()])
);

case!(
    the_target_fails_later_and_keeps_the_conversation,
    Scene::new()
        .agent("triage", to(&["billing"]).on_failure(OnFailure::Keep), vec![handoff("billing")])
        .worker("billing", vec![look_at("a"), broken(), says("Here again.")])
        .asks(&["Help!", "Are you there?"])
);

case!(
    two_agents_fail_and_it_comes_back_twice,
    Scene::new()
        .agent("triage", to(&["billing"]), vec![handoff("billing"), says("All are away.")])
        .agent("billing", to(&["refunds"]), vec![handoff("refunds"), broken()])
        .worker("refunds", vec![look_at("a"), broken()])
);

case!(
    handoff_back,
    Scene::new().agent("triage", to(&["billing"]), vec![handoff("billing"), says("So it is mine.")]).agent(
        "billing",
        to(&["triage"]),
        vec![handoff("triage")]
    )
);

case!(
    fault_31_handoff_ping_pong,
    Scene::new()
        .agent(
            "triage",
            to(&["billing"]),
            vec![handoff("billing"), handoff("billing"), says("Then I do it.")]
        )
        .agent("billing", to(&["triage"]), vec![handoff("triage")])
);

case!(
    back_and_forth_with_progress_is_no_ping_pong,
    Scene::new()
        .agent("triage", to(&["billing"]), vec![handoff("billing"), look_at("a"), handoff("billing")])
        .agent("billing", to(&["triage"]), vec![handoff("triage"), says("It is paid.")])
);

case!(
    at_most_one_handoff,
    Scene::new()
        .agent("triage", to(&["billing"]), vec![handoff("billing")])
        .agent("billing", to(&["sales"]).at_most(1), vec![handoff("sales"), says("I stay.")])
        .worker("sales", vec![])
);

case!(
    tools_first,
    Scene::new()
        .agent(
            "triage",
            to(&["billing"]).mixed_turn(MixedTurn::ToolsFirst),
            vec![and_look(and_handoff(look_at("before"), "billing"), "after")]
        )
        .worker("billing", vec![says("I have read what you saw.")])
);

case!(
    one_tool_per_agent,
    Scene::new()
        .agent(
            "triage",
            to(&["billing", "sales"]).one_tool_per_agent(),
            vec![
                Reply::text("A moment.").and_call("transfer_to_sales", json!({"reason": "They want more."}))
            ]
        )
        .worker("billing", vec![])
        .worker("sales", vec![says("Buy another.")])
);

case!(
    a_target_without_tools_reads_tool_blocks_as_text,
    Scene::new()
        .agent("triage", to(&["billing"]), vec![look_at("invoice"), handoff("billing")])
        .talker("billing", vec![says("It is paid.")])
);

case!(
    the_user_goes_on_with_the_target,
    to_billing(vec![says("It is paid."), says("You are welcome.")], vec![]).asks(&["Help!", "Thanks."])
);

#[tokio::test(start_paused = true)]
async fn a_handoff_inside_a_delegated_conversation() {
    use agent_core::{Agent, Conversation, Team, script::Script};
    let model = Script::by_agent([
        (
            "boss",
            vec![Reply::call("triage", json!({"task": "Is it paid?"})), says("It is paid, says billing.")],
        ),
        ("triage", vec![handoff("billing")]),
        ("billing", vec![says("It is paid.")]),
    ]);
    let boss = Agent::builder("boss", model.clone()).tool(AgentTool::new("triage", "Knows who knows."));
    let triage = Agent::builder("triage", model.clone()).tools(to(&["billing"]).tools());
    let billing = Agent::builder("billing", model);
    let team = [boss, triage, billing].map(|agent| agent.build().unwrap());
    let mut conversation = Conversation::start("boss", "Help!");
    let end = Team::new(team).unwrap().run(&mut conversation).await.unwrap();
    assert_eq!((end.text(), conversation.agent()), ("It is paid, says billing.", "boss"));
    assert_snapshot!(conversation);
}
