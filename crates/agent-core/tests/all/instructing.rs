//! Instructions in the middle of a conversation.

use agent_core::{
    Conversation,
    script::{Reply, Script},
};
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{Log, agent, calls};

/// The messages of the last request.
fn sent(model: &Script) -> String {
    let messages = model.requests().last().unwrap().messages.clone();
    messages.iter().map(|message| serde_json::to_string(message).unwrap() + "\n").collect()
}

#[tokio::test(start_paused = true)]
async fn instructions_stand_where_they_were_given() {
    let model = Script::new([Reply::text("Hi."), Reply::text("Bonjour.")]);
    let agent = agent("main", &model, &Log::default()).build().unwrap();
    let mut conversation = Conversation::start("main", "Hi.");
    agent.run(&mut conversation).await.unwrap();
    conversation.instruct("From here on, speak French.");
    conversation.say("Hi again.");
    agent.run(&mut conversation).await.unwrap();
    assert_snapshot!(sent(&model), @r#"
    {"role":"user","content":[{"type":"text","text":"Hi."}]}
    {"role":"assistant","content":[{"type":"text","text":"Hi."}]}
    {"role":"system","content":[{"type":"text","text":"From here on, speak French."}]}
    {"role":"user","content":[{"type":"text","text":"Hi again."}]}
    "#);
    assert_snapshot!(conversation.to_string(), @r"
    user: Hi.
    main: Hi.
    system: From here on, speak French.
    user: Hi again.
    main: Bonjour.
    ");
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_open_get_their_results_from_the_user_before_the_instructions() {
    let model = Script::new([calls([("act", json!({"ask": "May I?"}))]), Reply::text("Fine.")]);
    let agent = agent("main", &model, &Log::default()).build().unwrap();
    let mut conversation = Conversation::start("main", "Go.");
    agent.run(&mut conversation).await.unwrap();
    conversation.instruct("No tools any more.");
    let text = serde_json::to_string(&conversation).unwrap();
    conversation = serde_json::from_str(&text).unwrap();
    agent.run(&mut conversation).await.unwrap();
    assert_snapshot!(sent(&model), @r#"
    {"role":"user","content":[{"type":"text","text":"Go."}]}
    {"role":"assistant","content":[{"type":"tool_use","id":"call_0_0","name":"act","input":{"ask":"May I?"}}]}
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_0_0","content":"not run: the user went on before a person approved it","is_error":true}]}
    {"role":"system","content":[{"type":"text","text":"No tools any more."}]}
    "#);
}
