//! Conversations from messages that were kept elsewhere.

use agent_core::{
    Conversation, End, Message, StopReason,
    conversation::{HistoryFault, InvalidHistory, Turn},
    script::{Reply, Script},
};
use insta::assert_snapshot;

use crate::common::{Log, agent};

const ASKED: &str = r#"{"role":"user","content":"Look."}"#;
const CALLED: &str = r#"{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"act","input":{"say":"x"}},{"type":"tool_use","id":"b","name":"act","input":{"say":"y"}}]}"#;

fn result(id: &str) -> String {
    format!(r#"{{"type":"tool_result","tool_use_id":"{id}","content":"{id}!"}}"#)
}

fn results(ids: &[&str]) -> String {
    let results: Vec<String> = ids.iter().map(|id| result(id)).collect();
    format!(r#"{{"role":"user","content":[{}]}}"#, results.join(","))
}

fn read(messages: &[&str]) -> Result<Conversation, InvalidHistory> {
    let messages: Vec<Message> = serde_json::from_str(&format!("[{}]", messages.join(","))).unwrap();
    Conversation::from_messages("main", messages)
}

#[track_caller]
fn refused(messages: &[&str]) -> String {
    let error = read(messages).unwrap_err();
    error.to_string()
}

/// Runs the conversation with a model that says "Done.". Returns the end, and the number of requests.
async fn run(mut conversation: Conversation) -> (End, usize, Conversation) {
    let model = Script::new([Reply::text("Done.")]);
    let end = agent("main", &model, &Log::default()).build().unwrap().run(&mut conversation).await.unwrap();
    let written = serde_json::to_string(&conversation).unwrap();
    assert_eq!(conversation, serde_json::from_str(&written).unwrap());
    (end, model.requests().len(), conversation)
}

#[tokio::test]
async fn the_last_message_says_who_goes_on() {
    let done = || End::Answered("Done.".to_owned());
    let instructed = r#"{"role":"system","content":"Be brief."}"#;
    let answered = r#"{"role":"assistant","content":"I see."}"#;
    for messages in [&[ASKED][..], &[ASKED, instructed], &[ASKED, CALLED, &results(&["a", "b"])]] {
        let (end, requests, _) = run(read(messages).unwrap()).await;
        assert_eq!((end, requests), (done(), 1));
    }
    let (end, requests, _) = run(read(&[ASKED, answered]).unwrap()).await;
    assert_eq!((end, requests), (End::Answered("I see.".to_owned()), 0));
    // The calls are made, and the model reads their results.
    let (end, requests, conversation) = run(read(&[ASKED, CALLED]).unwrap()).await;
    assert_eq!((end, requests), (done(), 1));
    assert_snapshot!(conversation, @r#"
    user: Look.
      > a act {"say":"x"}
      > b act {"say":"y"}
      < a = x
      < b = y
    main: Done.
    "#);
    let (end, _, _) = run(read(&[]).unwrap()).await;
    assert_eq!(end, End::Other("nothing was said: say something first".to_owned()));
}

#[test]
fn calls_of_the_last_reply_are_closed_if_the_user_goes_on() {
    let mut conversation = read(&[ASKED, CALLED]).unwrap();
    assert_eq!(conversation.open_calls().count(), 2);
    conversation.say("Never mind.");
    assert_eq!(conversation.open_calls().count(), 0);
    assert_eq!(conversation.messages()[2].tool_results().count(), 2);
}

#[test]
fn results_are_put_into_the_order_of_their_calls() {
    let conversation = read(&[ASKED, CALLED, &results(&["b", "a"])]).unwrap();
    assert_eq!(conversation, read(&[ASKED, CALLED, &results(&["a", "b"])]).unwrap());
}

#[test]
fn ids_of_earlier_calls_are_not_used_again() {
    let mut conversation = read(&[ASKED, CALLED, &results(&["a", "b"])]).unwrap();
    let call = agent_core::Block::tool_use("a", "act", serde_json::json!({}));
    let reply = agent_core::Response::new(vec![call], StopReason::ToolUse);
    conversation.apply("run", agent_core::conversation::Change::Answered(reply)).unwrap();
    assert_eq!(conversation.open_calls().next().unwrap().id, "a_2");
}

#[test]
fn the_user_can_take_back_what_was_kept_elsewhere() {
    let mut conversation = read(&[ASKED, CALLED, &results(&["a", "b"])]).unwrap();
    conversation.take_back().unwrap();
    assert_eq!(conversation.reads(), []);
}

#[test]
fn the_error_says_which_message_is_wrong_and_why() {
    let wrong = read(&[ASKED, CALLED, &results(&["a"])]).unwrap_err();
    let (expected, found) = (vec!["a".to_owned(), "b".to_owned()], vec!["a".to_owned()]);
    assert_eq!(wrong, InvalidHistory { message: 2, why: HistoryFault::WrongResults { expected, found } });
    assert_snapshot!(wrong, @r#"message 2 must begin with the results of the calls ["a", "b"], but begins with those of ["a"]"#);
    assert_snapshot!(refused(&[CALLED]), @"message 0 is a reply, but the user speaks first");
    assert_snapshot!(refused(&[ASKED, &results(&["a"])]), @r#"message 1 must begin with the results of the calls [], but begins with those of ["a"]"#);
    assert_snapshot!(refused(&[ASKED, CALLED, ASKED]), @r#"message 2 must begin with the results of the calls ["a", "b"], but begins with those of []"#);
    assert_snapshot!(refused(&[ASKED, CALLED, &results(&["a", "b"]), CALLED]), @r#"message 3 repeats the call id "a""#);
    assert_snapshot!(refused(&[&CALLED.replace("assistant", "user")]), @"message 0 has tool calls, but is not a reply");
    assert_snapshot!(refused(&[ASKED, CALLED, &results(&["a", "b"]).replace("user", "system")]), @"message 2 has tool results, but is not the user's");
    assert_snapshot!(refused(&[ASKED, &results(&["a"]).replace("user", "assistant")]), @"message 1 has tool results, but is not the user's");
    assert_snapshot!(refused(&[ASKED, &CALLED.replace(r#""a""#, r#""a b""#)]), @r#"message 1 has the call id "a b", but ids are letters, digits, `_` and `-`"#);
    assert_snapshot!(refused(&[ASKED, &CALLED.replace(r#""act""#, r#""a.b""#)]), @r#"message 1 calls the tool "a.b", but names are 1 to 128 letters, digits, `_` and `-`"#);
    assert_snapshot!(refused(&[ASKED, &CALLED.replace(r#"{"say":"y"}"#, "[1]")]), @r#"message 1 has the call "b", whose input is not a JSON object"#);
}

#[test]
fn it_is_the_tools_turn_after_open_calls() {
    let model = Script::new([]);
    let team = agent_core::Team::new([agent("main", &model, &Log::default()).build().unwrap()]).unwrap();
    assert!(
        matches!(read(&[ASKED, CALLED]).unwrap().turn(&team), Turn::Tools(turn) if turn.work().len() == 2)
    );
}
