//! Summaries in teams: handoffs, and work of other agents.

use std::sync::Arc;

use agent_compact::Compact;
use agent_core::{
    Agent, Conversation, Team,
    script::{Reply, Script},
};
use agent_handoff::Handoff;
use agent_tools::AgentTool;
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{is_for_summary, long, look_up, outline, talk};

fn wrapped(agents: [Agent; 2]) -> Team {
    Team::new(agents).unwrap().wrap_models(|llm| Arc::new(Compact::new(llm, 5_500).at(0.9).keep_last(1_500)))
}

#[tokio::test]
async fn the_agent_that_takes_over_reads_the_summary_and_makes_its_own_later() {
    let model = Script::by(|request| {
        let wants_other = request.last_text().starts_with("other") && &*request.agent == "main";
        match is_for_summary(request) {
            true => Reply::text(format!("What {} has read.", request.agent)),
            false if wants_other => Reply::call("handoff", json!({"name": "other"})),
            false => Reply::text(format!("{} speaks.", request.agent)),
        }
    });
    let handoff = Handoff::to([("other", "Knows more.")]);
    let main = Agent::builder("main", model.clone()).base_prompt("").tools(handoff).build().unwrap();
    let other = Agent::builder("other", model.clone()).base_prompt("").build().unwrap();
    let team = wrapped([main, other]);
    let mut conversation = Conversation::new("main");
    let names = ["u0", "u1", "u2", "u3", "u4", "other u5", "u6", "u7", "u8", "u9"];
    let texts: Vec<String> = names.iter().map(|name| long(name)).collect();
    talk(&team, &mut conversation, &texts).await;
    let lines = model.requests().into_iter().skip(5).map(|request| {
        format!(
            "{} {}{:?}\n",
            request.agent,
            if is_for_summary(&request) { "sums up " } else { "" },
            outline(&request.messages)
        )
    });
    assert_snapshot!(lines.collect::<String>(), @r#"
    main ["User: (summary)", "User: u4 word"]
    main ["User: (summary)", "User: u4 word", "Assistant: main speaks.", "User: other u5"]
    other ["User: (summary)", "Assistant: main speaks.", "User: other u5"]
    other ["User: (summary)", "Assistant: main speaks.", "User: other u5", "Assistant: other speaks.", "User: u6 word"]
    other sums up ["User: (summary)", "Assistant: main speaks.", "User: other u5", "Assistant: other speaks.", "User: u6 word", "Assistant: other speaks.", "User: Summarise the"]
    other ["User: (summary)", "User: u7 word"]
    other ["User: (summary)", "User: u7 word", "Assistant: other speaks.", "User: u8 word"]
    other ["User: (summary)", "User: u7 word", "Assistant: other speaks.", "User: u8 word", "Assistant: other speaks.", "User: u9 word"]
    "#);
}

#[tokio::test]
async fn a_delegated_conversation_has_its_own_summary() {
    let model = Script::by(|request| match (&*request.agent, is_for_summary(request)) {
        (_, true) => Reply::text("So far."),
        ("expert", false) if request.turns < 6 => Reply::call("look_up", json!({"topic": "it"})),
        ("expert", false) => Reply::text("Expertly done."),
        (_, false) if request.turns == 0 => Reply::call("expert", json!({"task": "Do it."})),
        _ => Reply::text("All done."),
    });
    let ask = AgentTool::new("expert", "Does it.");
    let main = Agent::builder("main", model.clone()).tool(ask).build().unwrap();
    let expert = Agent::builder("expert", model.clone()).base_prompt("").tool(look_up());
    let mut conversation = Conversation::start("main", "Do it.");
    let end = wrapped([main, expert.build().unwrap()]).run(&mut conversation).await.unwrap();
    assert_eq!(end.text(), "All done.");
    let summarised =
        model.requests().into_iter().filter(is_for_summary).map(|request| request.conversation.clone());
    assert_eq!(summarised.collect::<Vec<_>>(), ["run/call_0_0".into()]);
}
