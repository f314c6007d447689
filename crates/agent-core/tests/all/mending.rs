//! What models, tools and users say that the API refuses to read back.

use agent_core::{
    Block, Conversation, End, Json, Message, Outcome, Response, StopReason, Team, Turn, Work, script::Reply,
};
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{one_turn, run, team};

fn nobody() -> Team {
    team([("main", vec![])]).0
}

/// A conversation in which the model has said this.
fn after(content: Vec<Block>, stop: StopReason) -> Conversation {
    let mut conversation = Conversation::start("main", "Go.");
    let team = nobody();
    let Turn::Model(turn) = conversation.turn(&team) else { panic!("the model is asked first") };
    turn.answer(Ok(Response::new(content, stop))).unwrap();
    conversation
}

#[tokio::test(start_paused = true)]
async fn a_name_that_the_api_refuses_is_replaced() {
    let (team, model, _) = one_turn(Reply::call("functions.act", json!({})).and_call("", json!({})));
    let ran = run(&team).await;
    assert_snapshot!(ran.conversation.to_string(), @r#"
    user: Go.
      > call_0_0 functions_act {}
      > call_0_1 unnamed {}
      < call_0_0 failed: there is no tool named "functions_act"; tools: act, act_first, act_alone, act_blocking, act_briefly
      < call_0_1 failed: there is no tool named "unnamed"; tools: act, act_first, act_alone, act_blocking, act_briefly
    main: Done.
    "#);
    let names: Vec<String> =
        model.requests()[1].messages[1].tool_calls().map(|call| call.name.clone()).collect();
    assert_eq!(names, ["functions_act", "unnamed"]);
}

#[test]
fn an_input_that_is_no_object_is_malformed_also_in_a_whole_reply() {
    let mut conversation = after(vec![Block::tool_use("a", "act", json!([1]))], StopReason::ToolUse);
    let team = nobody();
    let Turn::Tools(turn) = conversation.turn(&team) else { panic!("the tool is called") };
    let [Work::Call(call)] = turn.work() else { panic!("{:?}", turn.work()) };
    assert!(call.call.malformed().is_some());
    assert_eq!(call.call.input.text(), r#"{"INVALID_JSON":"[1]"}"#);
}

#[test]
fn fault_13_blank_text_in_a_tool_result_is_not_sent() {
    let mut conversation = after(vec![Block::tool_use("a", "act", json!({}))], StopReason::ToolUse);
    let team = nobody();
    let Turn::Tools(mut turn) = conversation.turn(&team) else { panic!("the tool is called") };
    turn.record("a", Outcome::output(vec![Block::text(" "), Block::tool_use("b", "c", json!({}))]).into());
    let results = conversation.reads().pop().map(|message| message.content().to_vec());
    assert_eq!(results.unwrap(), [Block::tool_result("a", "".into(), false)]);
}

#[test]
fn saying_nothing_asks_no_model() {
    let mut conversation = after(vec![Block::text("Hello.")], StopReason::EndTurn);
    conversation.say("  ");
    let end = conversation.turn(&nobody()).into_end();
    assert_eq!(end, Some(End::Other("nothing was said: say something first".to_owned())));
}

#[test]
fn a_user_can_make_neither_calls_nor_results() {
    let result = Block::tool_result("nope", "x".into(), false);
    let call = Block::tool_use("a", "act", json!({}));
    let conversation = Conversation::start("main", vec![result, Block::text("Hi."), call]);
    assert_eq!(conversation.messages(), [Message::user("Hi.")]);
}

#[test]
fn arrays_are_no_blocks() {
    let array = Json::read(r#"["text"]"#).unwrap();
    assert_snapshot!(Block::from_json(array).unwrap_err(), @r#"not a content block: a JSON object is needed: ["text"]"#);
}
