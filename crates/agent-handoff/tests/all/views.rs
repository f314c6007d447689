//! What the next agent reads, view by view.

use agent_core::{
    Agent, Block, Conversation, Team,
    script::{Reply, Script},
};
use agent_handoff::{Handoff, HistoryFilter, OnFailure};
use insta::assert_snapshot;
use serde_json::json;

use crate::scene::{Scene, and_handoff, and_look, body, broken, handoff, look, look_at, says};

/// What billing reads at last, after two questions, a look and a handoff with words.
async fn check(reads: HistoryFilter) -> String {
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
    assert_snapshot!(check(HistoryFilter::default()).await);
}

#[tokio::test(start_paused = true)]
async fn everything() {
    assert_snapshot!(check(HistoryFilter::Everything).await);
}

#[tokio::test(start_paused = true)]
async fn without_tools() {
    assert_snapshot!(check(HistoryFilter::WithoutTools).await);
}

#[tokio::test(start_paused = true)]
async fn the_last_turn() {
    assert_snapshot!(check(HistoryFilter::LastTurns(1)).await);
}

#[tokio::test(start_paused = true)]
async fn a_function_of_ones_own_that_tears_a_call_from_its_result() {
    assert_snapshot!(check(HistoryFilter::by(|messages| messages[1..messages.len() - 1].to_vec())).await);
}

/// What this agent reads when it is asked the last time.
async fn reads(scene: Scene, agent: &str) -> String {
    let seen = scene.play().await;
    let requests = seen.split("REQUESTS").nth(1).unwrap().split("EVENTS").next().unwrap();
    let last = requests.rsplit(&format!("\n{agent} reads: ")).next().unwrap();
    let messages = last.lines().skip(1).take_while(|line| line.starts_with("    "));
    messages.map(|line| format!("{}\n", line.trim_start_matches("    "))).collect()
}

fn transfer(reply: Reply, name: &str) -> Reply {
    reply.and_call(format!("transfer_to_{name}"), json!({"reason": "So be it."}))
}

fn to(names: &[&str]) -> Handoff {
    Handoff::to(names.iter().map(|name| (*name, format!("All about {name}."))))
}

/// Neither a view that leaves out handoffs nor the one of the last turn shows any. `says` are triage's, refunds' and sales'
/// replies; sales has the conversation in the end.
async fn check_no_handoff(says: [Vec<Reply>; 3], expected: &str) {
    for view in [HistoryFilter::WithoutHandoffs, HistoryFilter::LastTurns(9), HistoryFilter::WithoutTools] {
        let [triage, refunds, sales] = says.clone();
        let without_tools = matches!(view, HistoryFilter::WithoutTools);
        let (any, each) =
            (to(&["refunds", "sales"]).reads(view.clone()), to(&["sales", "triage"]).one_tool_per_agent());
        let each = each.reads(view).on_failure(OnFailure::Return);
        let scene = Scene::new().agent("triage", any, triage).agent("refunds", each, refunds);
        let read = reads(scene.worker("sales", sales), "sales").await;
        let kept =
            |line: &&str| !without_tools || !["  > ", "  < "].iter().any(|sign| line.starts_with(sign));
        let expected: Vec<&str> = expected.lines().filter(kept).collect();
        assert_eq!(read.lines().collect::<Vec<_>>(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn field_62_no_handoff_of_any_kind_is_read() {
    let sold = || vec![says("Sold.")];
    let both = and_handoff(handoff("sales"), "refunds");
    check_no_handoff([vec![both], vec![], sold()], "user: Help!").await;
    // One that failed, in an earlier reply and in the same.
    let twice = and_handoff(handoff("refunds"), "sales");
    check_no_handoff([vec![twice], vec![broken()], sold()], "user: Help!").await;
    check_no_handoff([vec![handoff("nobody"), handoff("sales")], vec![], sold()], "user: Help!").await;
    let denied = vec![and_look(handoff("refunds"), "a"), handoff("sales")];
    let looked = "user: Help!\n  > call_0_1 look {\"at\":\"a\"}\n  < call_0_1 = saw a\nuser: (The conversation was handed over here.)";
    let read = looked.replace("\nuser: (The conversation was handed over here.)", "");
    check_no_handoff([denied, vec![broken()], sold()], &read).await;
    // Those of another agent, whose tools have other names.
    let on = vec![transfer(transfer(says("I ask sales."), "sales"), "triage")];
    let asks = "user: Help!\nrefunds: I ask sales.\nuser: (The conversation was handed over here.)";
    check_no_handoff([vec![handoff("refunds")], on, sold()], &asks.replace("refunds:", "…:")).await;
    // One that came back, and what was said of it.
    let back = vec![handoff("refunds"), handoff("sales")];
    let read = "user: Help!\n  > call_0_0_2 look {\"at\":\"a\"}\n  < call_0_0_2 = saw a";
    check_no_handoff([back, vec![look_at("a"), broken()], sold()], read).await;
}

/// What sales reads when the conversation came back to triage, which hands it on.
async fn after_it_came_back(reads_of: HistoryFilter, asks: &[&'static str]) -> String {
    let handoffs = to(&["refunds", "sales"]).reads(reads_of);
    let hello = vec![says("Hello."); asks.len() - 1];
    let scene = Scene::new()
        .agent("triage", handoffs, [hello, vec![handoff("refunds"), handoff("sales")]].concat())
        .worker("refunds", vec![look_at("a"), broken()])
        .worker("sales", vec![says("Sold.")])
        .asks(asks);
    reads(scene, "sales").await
}

#[tokio::test(start_paused = true)]
async fn field_49_a_turn_begins_with_what_the_user_said() {
    let asks = &["Hi.", "Is it paid?"];
    assert_snapshot!(after_it_came_back(HistoryFilter::LastTurns(1), asks).await, @r#"
    user: Is it paid?
      > call_0_0 look {"at":"a"}
      < call_0_0 = saw a
    "#);
    assert_snapshot!(after_it_came_back(HistoryFilter::LastTurns(2), asks).await, @r#"
    user: Hi.
    …: Hello.
    user: Is it paid?
      > call_1_0_2 look {"at":"a"}
      < call_1_0_2 = saw a
    "#);
    let [none, one] = [0, 1].map(HistoryFilter::LastTurns);
    assert_eq!(after_it_came_back(none, asks).await, after_it_came_back(one, asks).await);
}

#[tokio::test(start_paused = true)]
async fn field_49_instructions_from_before_the_last_turns_stay() {
    let model = Script::by_agent([
        ("triage", vec![says("Hello."), look_at("a"), handoff("sales")]),
        ("sales", vec![says("Sold.")]),
    ]);
    let handoffs = to(&["sales"]).reads(HistoryFilter::LastTurns(1));
    let triage =
        Agent::builder("triage", model.clone()).tool(look()).tools(handoffs.tools()).build().unwrap();
    let sales = Agent::builder("sales", model.clone()).tool(look()).build().unwrap();
    let team = Team::new([triage, sales]).unwrap();
    let mut conversation = Conversation::start("triage", "Hi.");
    team.run(&mut conversation).await.unwrap();
    conversation.instruct("Speak French.");
    conversation.say(vec![Block::image("image/png", "eA==")]);
    team.run(&mut conversation).await.unwrap();
    let read = model.requests().last().unwrap().clone();
    agent_mock::check(&body(&read)).unwrap();
    let lines: Vec<String> =
        read.messages.iter().map(|message| serde_json::to_string(message).unwrap()).collect();
    assert_snapshot!(lines.join("\n"), @r#"
    {"role":"system","content":[{"type":"text","text":"Speak French."}]}
    {"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"eA=="}}]}
    {"role":"assistant","content":[{"type":"tool_use","id":"call_1_0","name":"look","input":{"at":"a"}}]}
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1_0","content":"saw a"}]}
    "#);
}

#[tokio::test(start_paused = true)]
async fn field_61_a_handoff_without_a_reason_is_accepted() {
    for (tool, input) in [
        ("handoff", json!({"name": "sales"})),
        ("handoff", json!({"name": "sales", "reason": null})),
        ("handoff", json!({"name": "sales", "reason": " "})),
        ("transfer_to_sales", json!({})),
        ("transfer_to_sales", json!({"name": null, "reason": null})),
    ] {
        let handoffs = to(&["sales"]);
        let handoffs = if tool == "handoff" { handoffs } else { handoffs.one_tool_per_agent() };
        for tool in handoffs.tools() {
            let schema: serde_json::Value = tool.spec().input_schema.parse().unwrap();
            assert!(!schema["required"].to_string().contains("reason"), "{schema}");
        }
        let scene = Scene::new()
            .agent("triage", handoffs, vec![Reply::call(tool, input.clone())])
            .worker("sales", vec![says("Sold.")]);
        let seen = scene.play().await;
        assert!(seen.starts_with("END Answered(\"Sold.\")"), "{input}: {seen}");
        let told = "You have taken over this conversation from triage. The user does not see this.";
        assert!(seen.contains(told), "{input}: {seen}");
    }
}
