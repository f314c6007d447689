//! Content of models, tools and users that the API would refuse to take back.

use std::sync::{Arc, Mutex};

use agent_core::{
    Agent, Block, BoxStream, Conversation, Delta, End, Event, EventKind, Json, Llm, LlmError, Message,
    Outcome, Request, Response, StopReason, Team,
    conversation::{Turn, Work},
    message::{BlockKind, valid_history},
    model::non_streaming,
    script::{Reply, Script},
};
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{Log, agent, one_turn, run, team};

fn nobody() -> Team {
    team([("main", vec![])]).0
}

/// A conversation in which the model has replied with this content.
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

/// A backend that replies with these blocks, and then that it is done. Unlike a script, it adds no
/// ids.
struct Says(Vec<Block>);

impl Llm for Says {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let calls = Response::new(self.0.clone(), StopReason::ToolUse);
        let reply = if request.messages.len() == 1 { calls } else { Response::text("Done.") };
        non_streaming(async { Ok(reply) })
    }
}

#[tokio::test(start_paused = true)]
async fn field_57_a_call_without_an_id_is_made_under_one_that_is_told_of() {
    let call = |id: &str| {
        Block::from_json(Json::read(format!(r#"{{"type":"tool_use",{id}"name":"act"}}"#)).unwrap())
    };
    let calls = ["", r#""id":null,"#, r#""id":7,"#, r#""id":{},"#].map(|id| call(id).unwrap());
    let team = Team::new([Agent::builder("main", Says(calls.to_vec())).build().unwrap()]).unwrap();
    let (mut conversation, told) = (Conversation::start("main", "Go."), Arc::new(Mutex::new(Vec::new())));
    let listener = told.clone();
    let listen = move |event: &Event| {
        if let EventKind::IdReplaced { was, id, .. } = &event.kind {
            listener.lock().unwrap().push(format!("{was:?} is {id}"));
        }
    };
    team.run(&mut conversation).listen(listen).await.unwrap();
    let told = told.lock().unwrap().clone();
    assert_eq!(told, [r#""" is call_2"#, r#""" is call_3"#, r#""{}" is call_4"#]);
    let ids: Vec<&str> = conversation.messages()[2].tool_results().map(|(id, ..)| id).collect();
    assert_eq!(ids, ["call_2", "call_3", "7", "call_4"]);
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

#[tokio::test(start_paused = true)]
async fn fault_17_beside_a_server_tool_the_user_turn_holds_only_tool_results() {
    let server = json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}});
    let reply = Reply::call("act", json!({})).and_block(Block::from_json(server.into()).unwrap());
    let (team, model, _) = one_turn(reply);
    run(&team).await;
    let sent = &model.requests()[1].messages;
    assert!(matches!(sent[1].content()[1].kind(), BlockKind::ServerToolUse(_)));
    assert_eq!(sent[2].content(), [Block::tool_result("call_0_0", "done".into(), false)]);
}

#[test]
fn a_tool_of_ones_own_and_one_of_the_server_can_not_share_a_name() {
    let builder = || agent("main", &Script::new([]), &Log::default());
    assert!(
        builder().server_tool(json!({"type": "web_search_20260318", "name": "web_search"})).build().is_ok()
    );
    let error = builder().server_tool(json!({"type": "custom", "name": "act"})).build().unwrap_err();
    assert_snapshot!(error, @r#"agent "main" has two tools named "act": rename one, or leave it out"#);
}

#[tokio::test(start_paused = true)]
async fn fault_38_a_huge_result_is_cut_and_says_so() {
    let model = Script::new([Reply::call("act", json!({"say": "x".repeat(50)})), Reply::text("Done.")]);
    let agent = agent("main", &model, &Log::default()).max_result_bytes(10).build().unwrap();
    let mut conversation = agent.start("Go.");
    agent.run(&mut conversation).await.unwrap();
    let expected = "< call_0_0 = xxxxxxxxxx\n  | [cut: the result has 50 bytes, and 10 of them are shown]";
    assert!(conversation.to_string().contains(expected), "{conversation}");
}

#[test]
fn what_is_left_of_a_history_is_made_valid() {
    let call = |id: &str| Block::tool_use(id, "look", json!({}));
    let result = |id: &str| Block::tool_result(id, "x".into(), false);
    let check = |messages: Vec<Message>, expected: &str| {
        let text: Vec<String> = valid_history(messages)
            .iter()
            .map(|message| {
                format!("{:?} {}", message.role(), serde_json::to_string(message.content()).unwrap())
            })
            .collect();
        assert_eq!(text.join("\n"), expected);
    };
    check(vec![], r#"User [{"type":"text","text":"(What was said before is not shown.)"}]"#);
    check(vec![Message::assistant("Hi."), Message::user("Ho.")], r#"User [{"type":"text","text":"Ho."}]"#);
    let asked = || Message::assistant(vec![call("a")]);
    let answered = || Message::user(vec![result("a"), Block::text("Ho.")]);
    // A call before the user has said anything goes with its reply, and its result goes too.
    check(vec![asked(), answered()], r#"User [{"type":"text","text":"Ho."}]"#);
    check(
        vec![Message::user(vec![result("b")]), asked(), answered()],
        r#"User [{"type":"text","text":"Ho."}]"#,
    );
    let thinking =
        Block::from_json(json!({"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}).into());
    let thought = Message::assistant(vec![thinking.unwrap(), call("a")]);
    // What is left of a reply must not end with thinking either.
    check(vec![Message::user("Go."), thought], r#"User [{"type":"text","text":"Go."}]"#);
    check(
        vec![
            Message::user("Go."),
            Message::assistant(vec![call("a"), call("b")]),
            Message::user(vec![Block::text("So."), result("b")]),
        ],
        "User [{\"type\":\"text\",\"text\":\"Go.\"}]\n\
         Assistant [{\"type\":\"tool_use\",\"id\":\"b\",\"name\":\"look\",\"input\":{}}]\n\
         User [{\"type\":\"tool_result\",\"tool_use_id\":\"b\",\"content\":\"x\"},{\"type\":\"text\",\"text\":\"So.\"}]",
    );
}
