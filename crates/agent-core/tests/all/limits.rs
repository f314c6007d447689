//! What bounds a run, and what a conversation may hold: all of it can be read back.

use agent_core::{
    Block, Conversation, Done, End, Json, Limits, Outcome, Response, StopReason, Told, script::Reply,
};
use serde_json::json;

use crate::common::{calls, run, team};

/// JSON that is nested so deep.
fn nested(depth: usize) -> Json {
    Json::read(format!(r#"{{"x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth))).unwrap()
}

fn read_back(conversation: &Conversation) {
    let written = serde_json::to_string(conversation).unwrap();
    let read: Conversation = serde_json::from_str(&written).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(read, *conversation);
}

fn delegated() -> Done {
    Outcome::delegate("main", "Well?").into()
}

#[test]
fn field_83_a_conversation_as_deep_as_is_accepted_can_be_read_back_whatever_its_calls_hold() {
    let mut conversation = Conversation::start("main", "Go.");
    let mut id = conversation.id().to_owned();
    for depth in 0..=Limits::DEEPEST {
        let call = |id: &str| Block::tool_use(id, "act", nested(2_000));
        let mut reply = Response::new(vec![call("a"), call("b"), call("c")], StopReason::ToolUse);
        reply.extra.insert("odd".to_owned(), nested(2_000));
        conversation.tell(&id, Told::Answered(reply)).unwrap();
        let wait = Outcome::Wait { question: "May I?".to_owned() }.into();
        conversation.tell(&id, Told::Recorded { call: "b".to_owned(), done: wait }).unwrap();
        let blocks = vec![
            Block::from_json(json!({"type": "odd"}).into()).unwrap().with("x", nested(2_000)).unwrap(),
            Block::text("So."),
        ];
        let said = Outcome::output(blocks).into();
        conversation.tell(&id, Told::Recorded { call: "c".to_owned(), done: said }).unwrap();
        let told = conversation.tell(&id, Told::Recorded { call: "a".to_owned(), done: delegated() });
        assert_eq!(told.is_ok(), depth < Limits::DEEPEST, "at depth {depth}: {told:?}");
        id.push_str("/a");
        read_back(&conversation);
    }
    // There is room for who keeps conversations inside something else.
    let wrapped = format!("[[[[{}]]]]", serde_json::to_string(&conversation).unwrap());
    assert!(serde_json::from_str::<Vec<Vec<Vec<Vec<Conversation>>>>>(&wrapped).is_ok());
}

#[tokio::test(start_paused = true)]
async fn field_83_a_depth_that_can_not_be_kept_is_the_deepest_that_can() {
    let check = async |depth: u32, expected: u32| {
        let again = vec![calls([("act", json!({"to": "main"}))]), Reply::text("Enough.")];
        let (team, model, _) = team([("main", again)]);
        let ran = run(&team.with_limits(Limits::new().depth(depth))).await;
        assert_eq!(ran.end, End::Answered("Enough.".to_owned()));
        let depths = model.requests().into_iter().map(|request| request.conversation.matches('/').count());
        assert_eq!(depths.max(), Some(expected as usize), "{depth}");
        let limit = format!("the depth limit of {expected} is reached");
        let said =
            model.requests().into_iter().map(|request| serde_json::to_string(&request.messages).unwrap());
        assert_eq!(said.filter(|messages| messages.contains(&limit)).count(), 1, "{depth}");
    };
    check(0, 0).await;
    check(23, 23).await;
    check(24, 24).await;
    check(25, Limits::DEEPEST).await;
    check(2_000, Limits::DEEPEST).await;
    check(u32::MAX, Limits::DEEPEST).await;
}

#[test]
fn field_83_what_a_model_writes_in_its_place_or_out_of_it_can_be_read_back() {
    let check = |block: &str, words: &str| {
        let block = Block::from_json(Json::read(block).unwrap()).unwrap();
        let mut conversation = Conversation::start("main", "Go.");
        let reply = Response::new(vec![block], StopReason::EndTurn);
        conversation.tell("run", Told::Answered(reply)).unwrap();
        read_back(&conversation);
        assert_eq!(conversation.text(), words);
    };
    let result = r#"{"type":"tool_result","tool_use_id":"a","content":"x"}"#;
    check(result, result);
    // Results in results in results.
    let deep = 20_000;
    let open = r#"{"type":"tool_result","tool_use_id":"a","content":["#.repeat(deep);
    let deep = format!("{open}{}", "]}".repeat(deep));
    check(&deep, &deep);
    check(&format!(r#"{{"type":"odd","x":{}}}"#, nested(2_000).text()), "");
}
