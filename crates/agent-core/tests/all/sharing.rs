//! Messages are kept in memory once: forks, requests and parts of a reply share them.

use agent_core::script::Script;
use agent_core::{
    Agent, Block, Conversation, Json, Message, Outcome, Response, StopReason, Team, conversation::Turn,
    tool::Transfer,
};
use serde_json::json;

/// The address of each message's text.
fn places<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Vec<*const u8> {
    let blocks = messages.into_iter().flat_map(Message::content);
    blocks.map(|block| block.json().text().as_ptr()).collect()
}

fn team() -> Team {
    let agent = |name: &str| {
        Agent::builder(name, Script::new([]))
            .server_tool(json!({"type": "x"}))
            .max_turns(1_000)
            .build()
            .unwrap()
    };
    Team::new([agent("main"), agent("other")]).unwrap()
}

/// Records a reply of the model, and a result if it has a call.
fn reply(conversation: &mut Conversation, response: Response) {
    let team = team();
    let Turn::Model(turn) = conversation.turn(&team) else { panic!("it is not the model's turn") };
    turn.answer(Ok(response)).unwrap();
    if let Turn::Tools(mut turn) = conversation.turn(&team) {
        let id = turn.work()[0].id().to_owned();
        turn.record(&id, Outcome::output("It is there.").into());
    }
}

fn named(mut response: Response) -> Response {
    response.id = Some("msg_1".into());
    response
}

fn call(id: &str, named: Option<&str>) -> Response {
    let mut response = Response::new(vec![Block::tool_use(id, "look", json!({}))], StopReason::ToolUse);
    response.id = named.map(Into::into);
    response
}

#[test]
fn a_clone_of_a_conversation_of_1000_messages_copies_none_and_neither_does_a_request() {
    let mut conversation = Conversation::start("main", "Look.");
    for turn in 0..500 {
        reply(&mut conversation, call(&format!("call_{turn}"), None));
    }
    let (mut fork, kept) = (conversation.clone(), places(conversation.messages()));
    assert_eq!(conversation.messages().len(), 1001);
    assert_eq!(places(fork.messages()), kept);
    fork.say("Go on.");
    assert_eq!(places(fork.messages())[..1001], kept);
    let request = team().request(&conversation).unwrap();
    assert_eq!(places(&request.messages), kept);
    assert_eq!(request.clone().messages.as_ptr(), request.messages.as_ptr());
}

#[test]
fn what_is_taken_out_of_a_reply_shares_its_text() {
    let body = r#"{"content":[{"type":"tool_use","id":"a","name":"f","input":{"z":1}},{"type":"text","text":"x"}],"stop_reason":"tool_use","container":{"id":"c"}}"#;
    let reply = Response::read(body).unwrap();
    let text = |json: &Json| json.text().as_ptr() as usize;
    let begin = text(reply.content[0].json()) - body.find(r#"{"type":"tool_use""#).unwrap();
    let check = |json: &Json, part: &str| assert_eq!(text(json) - begin, body.find(part).unwrap(), "{part}");
    check(reply.content[1].json(), r#"{"type":"text""#);
    check(&reply.content[0].as_tool_use().unwrap().input, r#"{"z":1}"#);
    check(&reply.extra["container"], r#"{"id":"c"}"#);
}

/// The previous reply of the next request, and the number of messages up to it.
fn previous_reply(conversation: &Conversation) -> Option<(String, usize)> {
    let from = team().request(conversation).unwrap().previous_reply.clone()?;
    Some((from.response.to_string(), from.messages))
}

#[test]
fn a_request_says_which_reply_it_goes_on_from() {
    let mut conversation = Conversation::start("main", "Look.");
    assert_eq!(previous_reply(&conversation), None);
    reply(&mut conversation, call("a", Some("msg_1")));
    assert_eq!(previous_reply(&conversation), Some(("msg_1".to_owned(), 2)));
    let read: Conversation = serde_json::from_value(serde_json::to_value(&conversation).unwrap()).unwrap();
    assert_eq!(previous_reply(&read), Some(("msg_1".to_owned(), 2)), "read again");
    reply(&mut conversation, call("b", Some("msg_2")));
    conversation.say("And?");
    assert_eq!(previous_reply(&conversation), Some(("msg_2".to_owned(), 4)));
}

#[test]
fn a_request_goes_on_from_no_reply_that_the_server_does_not_hold_as_it_stands_here() {
    let check = |what: &str, responses: &[Response]| {
        let mut conversation = Conversation::start("main", "Look.");
        responses.iter().for_each(|response| reply(&mut conversation, response.clone()));
        assert_eq!(previous_reply(&conversation), None, "{what}");
    };
    check("it has no id", &[call("a", None)]);
    check("the last one has no id", &[call("a", Some("msg_1")), call("b", None)]);
    check("a call got another id", &[call("a", Some("msg_1")), call("a", Some("msg_2"))]);
    let refused = Response::new(vec![Block::text("No.")], StopReason::Refusal);
    check("nothing of it is sent", &[named(Response::text(" "))]);
    check("it was refused", &[named(refused)]);
}

#[test]
fn another_agent_does_not_go_on_from_the_reply_of_the_one_before() {
    let mut conversation = Conversation::start("main", "Look.");
    let team = team();
    let Turn::Model(turn) = conversation.turn(&team) else { panic!("it is not the model's turn") };
    turn.answer(Ok(call("a", Some("msg_1")))).unwrap();
    let Turn::Tools(mut turn) = conversation.turn(&team) else { panic!("it is not the tools' turn") };
    turn.record("a", Outcome::Transfer(Transfer::new("other", "no")).into());
    assert_eq!((conversation.speaker(), previous_reply(&conversation)), ("other", None));
    reply(&mut conversation, call("b", Some("msg_2")));
    assert_eq!(previous_reply(&conversation), Some(("msg_2".to_owned(), 4)));
}
