//! The limits of a run, and of what a conversation may hold. All of it can be read back.

use agent_core::{
    Block, Conversation, End, Json, Limits, Outcome, Response, RunError, StopReason,
    conversation::Change,
    script::{Reply, Script},
    tool::Done,
};
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{Log, agent, calls, ms, run, team};

/// JSON with this depth of nesting.
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
        conversation.apply(&id, Change::Answered(reply)).unwrap();
        let wait = Outcome::Wait { question: "May I?".to_owned() }.into();
        conversation.apply(&id, Change::Recorded { call: "b".to_owned(), done: wait }).unwrap();
        let blocks = vec![
            Block::from_json(json!({"type": "odd"}).into()).unwrap().with("x", nested(2_000)).unwrap(),
            Block::text("So."),
        ];
        let said = Outcome::output(blocks).into();
        conversation.apply(&id, Change::Recorded { call: "c".to_owned(), done: said }).unwrap();
        let told = conversation.apply(&id, Change::Recorded { call: "a".to_owned(), done: delegated() });
        assert_eq!(told.is_ok(), depth < Limits::DEEPEST, "at depth {depth}: {told:?}");
        id.push_str("/a");
        read_back(&conversation);
    }
    // This leaves room for programs that keep conversations inside other JSON.
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
        conversation.apply("run", Change::Answered(reply)).unwrap();
        read_back(&conversation);
        assert_eq!(conversation.text(), words);
    };
    let result = r#"{"type":"tool_result","tool_use_id":"a","content":"x"}"#;
    check(result, result);
    // Tool results inside tool results.
    let deep = 20_000;
    let open = r#"{"type":"tool_result","tool_use_id":"a","content":["#.repeat(deep);
    let deep = format!("{open}{}", "]}".repeat(deep));
    check(&deep, &deep);
    check(&format!(r#"{{"type":"odd","x":{}}}"#, nested(2_000).text()), "");
}

/// A team of `main`, which in each reply delegates to itself this many times, for ever.
fn family(children: usize) -> (agent_core::Team, Script, Log) {
    let model = Script::by(move |_| calls(vec![("act", json!({"to": "main"})); children]));
    let log = Log::default();
    (agent_core::Team::new([agent("main", &model, &log).build().unwrap()]).unwrap(), model, log)
}

#[tokio::test(start_paused = true)]
async fn field_51_all_requests_of_a_run_are_counted_once_and_exactly() {
    for most in [1, 2, 7, 200] {
        let (team, model, _) = family(4);
        let team = team.with_limits(Limits::new().requests(most));
        let mut conversation = Conversation::start("main", "Go.");
        let error = team.run(&mut conversation).await.unwrap_err();
        assert_eq!((error, model.requests().len()), (RunError::RequestLimit { most }, most as usize));
        read_back(&conversation);
        // A later run continues from there, and has the same limit again.
        let error = team.run(&mut conversation).await.unwrap_err();
        let requests = model.requests().len();
        assert_eq!((error, requests), (RunError::RequestLimit { most }, 2 * most as usize));
    }
    let (team, model, _) = family(4);
    assert!(team.run(&mut Conversation::start("main", "Go.")).await.is_err());
    assert_eq!(model.requests().len(), 200, "by default");
}

#[tokio::test(start_paused = true)]
async fn field_51_what_could_not_be_asked_for_says_which_limit_and_a_transfer_is_made_by_the_next_run() {
    let to = |name: &str| calls([("act", json!({"to": name})), ("act", json!({"ms": 10}))]);
    let (team, model, log) = team([
        ("main", vec![to("b"), calls([("act_first", json!({"transfer": "c"}))])]),
        ("b", vec![to("b"), Reply::text("Never.")]),
        ("c", vec![Reply::text("Here.")]),
    ]);
    let mut conversation = Conversation::start("main", "Go.");
    let run = team.run(&mut conversation).limits(Limits::new().requests(2));
    assert_eq!(run.await.unwrap_err(), RunError::RequestLimit { most: 2 });
    assert_eq!(log.ended().len(), 4, "what goes on beside it is not stopped");
    assert_snapshot!(conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act {"to":"b"}
      > call_0_1 act {"ms":10}
      < call_0_0 failed: b stopped: the limit of 2 model requests per run is reached
      | Its calls so far:
      | - act {"to":"b"} failed: b stopped: the limit of 2 model requests per run is reached
      | - act {"ms":10} = done
      < call_0_1 = done
    "#);
    let run = team.run(&mut conversation).limits(Limits::new().requests(1));
    assert!(run.await.is_err());
    let end = team.run(&mut conversation).limits(Limits::new().requests(1)).await.unwrap();
    assert_eq!((end.text(), conversation.agent(), model.requests().len()), ("Here.", "c", 4));
}

/// Checks how many calls were made in all, and the results of the others.
async fn check_calls(reply: Vec<Reply>, limits: Limits, made: usize, refused: &[(&str, usize)]) {
    let (team, _, log) = team([("main", reply)]);
    let mut conversation = Conversation::start("main", "Go.");
    team.run(&mut conversation).limits(limits).await.unwrap();
    let results = conversation.messages().iter().flat_map(|message| message.tool_results());
    let failed: Vec<String> =
        results.filter(|(.., is_error)| *is_error).map(|(_, content, _)| content.to_text()).collect();
    for (why, times) in refused {
        assert_eq!(failed.iter().filter(|text| *text == why).count(), *times, "{why}");
    }
    let all: usize = refused.iter().map(|(_, times)| times).sum();
    assert_eq!((log.ended().len(), failed.len()), (made, all));
    read_back(&conversation);
}

#[tokio::test(start_paused = true)]
async fn field_81_each_call_beyond_a_limit_is_an_error_result_that_says_which() {
    let reply = |tool: &'static str, calls_in_it: usize| calls(vec![(tool, json!({})); calls_in_it]);
    let then = |reply: Reply| vec![reply, Reply::text("Done.")];
    let of_reply = |most: u32| format!("not run: the limit of {most} tool calls per reply is reached");
    let of_run = |most: u32| format!("not run: the limit of {most} tool calls per run is reached");
    let default = Limits::new;
    check_calls(then(reply("act", 256)), default(), 256, &[]).await;
    check_calls(then(reply("act", 1_000)), default(), 256, &[(&of_reply(256), 744)]).await;
    for tool in ["act", "act_first", "act_alone"] {
        check_calls(then(reply(tool, 7)), default().calls_in_reply(3), 3, &[(&of_reply(3), 4)]).await;
        check_calls(then(reply(tool, 7)), default().calls(3), 3, &[(&of_run(3), 4)]).await;
    }
    check_calls(then(reply("act", 7)), default().calls_in_reply(0), 0, &[(&of_reply(0), 7)]).await;
    check_calls(then(reply("act", 3_000)), default().calls(None).calls_in_reply(None), 3_000, &[]).await;
    let both = default().calls_in_reply(5).calls(3);
    check_calls(then(reply("act", 7)), both, 3, &[(&of_reply(5), 2), (&of_run(3), 2)]).await;
    let turns = (0..9).map(|_| reply("act", 256)).chain([Reply::text("Done.")]).collect();
    check_calls(turns, default(), 2_000, &[(&of_run(2_000), 304)]).await;
}

#[tokio::test(start_paused = true)]
async fn field_81_calls_at_once_are_bounded_by_default_and_the_others_wait() {
    let (team, _, log) =
        team([("main", vec![calls(vec![("act", json!({"ms": 10})); 1_200]), Reply::text("Done.")])]);
    let mut conversation = Conversation::start("main", "Go.");
    let began = tokio::time::Instant::now();
    team.run(&mut conversation).limits(Limits::new().calls_in_reply(None)).await.unwrap();
    assert_eq!((log.ended().len(), log.peak(), began.elapsed()), (1_200, 512, ms(30)));
}
