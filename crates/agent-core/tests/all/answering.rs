//! Calls whose result is the answer of the run.

use agent_core::{
    Agent, Block, Content, Context, Conversation, End, Json, LlmError, Outcome, Response, StopReason, Team,
    Tool, ToolSpec, async_trait,
    conversation::{Change, Turn},
    event::{EventLog, LiveText},
    model::LlmErrorKind,
    script::{Reply, Script},
};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::common::{Log, agent, calls, ms, one_turn, run, team};

fn answer(text: &str) -> (&'static str, Value) {
    ("act", json!({"answer": text}))
}

/// Runs a reply with these calls. The model must not be asked again.
async fn check(made: Vec<(&'static str, Value)>, expected: &str) {
    let (team, model, _) = one_turn(calls(made));
    let ran = run(&team).await;
    assert_eq!(ran.end, End::Answered(expected.to_owned()));
    assert_eq!(ran.conversation.text(), expected);
    assert_eq!(model.requests().len(), 1);
    let again = team.run(&mut ran.conversation.clone()).await.unwrap();
    assert_eq!((again, model.requests().len()), (ran.end, 1), "a further run changes nothing");
}

#[tokio::test(start_paused = true)]
async fn the_run_ends_with_the_answer_of_a_call() {
    check(vec![answer("Order 7")], "Order 7").await;
    check(vec![answer("")], "").await;
    let by_call = Reply::text("I look.").and_call("act", json!({"answer": "Order 7"}));
    let ran = run(&one_turn(by_call).0).await;
    assert_eq!((ran.end.text(), &*ran.conversation.text()), ("Order 7", "Order 7"));
}

#[tokio::test(start_paused = true)]
async fn of_several_answers_the_first_in_call_order_ends_the_run() {
    let slow = ("act", json!({"ms": 100, "answer": "first"}));
    check(vec![("act", json!({})), slow.clone(), answer("second")], "first").await;
    let alone = ("act_alone", json!({"answer": "second"}));
    check(vec![slow, alone, ("act_first", json!({}))], "first").await;
}

#[tokio::test(start_paused = true)]
async fn fault_5_a_call_that_fails_beside_an_answer_does_not_take_it_back() {
    check(vec![("act", json!({"fail": "broken"})), answer("Order 7")], "Order 7").await;
    check(vec![answer("Order 7"), ("act", json!({"ms": 10, "panic": "oh"}))], "Order 7").await;
    check(vec![answer("Order 7"), ("nothing", json!({}))], "Order 7").await;
}

#[tokio::test(start_paused = true)]
async fn all_calls_of_the_reply_are_made_and_have_their_results() {
    let reply = calls([answer("Order 7"), ("act", json!({"ms": 100})), ("act_alone", json!({}))]);
    let (team, _, _) = one_turn(reply);
    let mut ran = run(&team).await;
    assert_eq!(ran.took, ms(100));
    ran.conversation.say("And a table?");
    assert_eq!(team.run(&mut ran.conversation).await.unwrap().text(), "Done.");
    assert_eq!(ran.conversation.text(), "Done.");
    assert_snapshot!(ran.conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act {"answer":"Order 7"}
      > call_0_1 act {"ms":100}
      > call_0_2 act_alone {}
      < call_0_0 = Order 7
      < call_0_1 = done
      < call_0_2 = done
    -- the result of call_0_0 is the answer
    user: And a table?
    main: Done.
    "#);
}

#[tokio::test(start_paused = true)]
async fn what_is_said_after_an_answer_is_read_with_the_result() {
    let go_on: [fn(&mut Conversation); 2] =
        [|it| it.say("And a table?"), |it| it.instruct("From here on, speak French.")];
    let sent = go_on.map(async |go_on| {
        let (team, model, _) = one_turn(calls([answer("Order 7")]));
        let mut conversation = run(&team).await.conversation;
        go_on(&mut conversation);
        assert_eq!(conversation.text(), "Order 7", "until there is another one");
        assert_eq!(team.run(&mut conversation).await.unwrap().text(), "Done.");
        let messages = &model.requests()[1].messages;
        messages[2..].iter().map(|message| serde_json::to_string(message).unwrap() + "\n").collect::<String>()
    });
    let [said, instructed] = sent;
    assert_snapshot!(said.await + &instructed.await, @r#"
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_0_0","content":"Order 7"}]}
    {"role":"user","content":[{"type":"text","text":"And a table?"}]}
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_0_0","content":"Order 7"}]}
    {"role":"system","content":[{"type":"text","text":"From here on, speak French."}]}
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_a_person_is_decided_before_the_run_ends() {
    for allow in [true, false] {
        let (team, model, log) = one_turn(calls([answer("Order 7"), ("act", json!({"ask": "May I?"}))]));
        let mut conversation = run(&team).await.conversation;
        let end = team.run(&mut conversation).await.unwrap();
        assert!(matches!(end, End::Waiting(_)), "{end}");
        assert!(conversation.to_string().contains("(call_0_0 answers: Order 7)"), "{conversation}");
        let written = serde_json::to_string(&conversation).unwrap();
        conversation = serde_json::from_str(&written).unwrap();
        match allow {
            true => conversation.approve("run/call_0_1").unwrap(),
            false => conversation.deny("run/call_0_1", "no").unwrap(),
        }
        assert_eq!(team.run(&mut conversation).await.unwrap().text(), "Order 7");
        assert_eq!((model.requests().len(), log.begun()["run/call_0_1"]), (1, 1 + usize::from(allow)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_an_ordinary_result_if_the_user_goes_on_before_the_end() {
    let (team, _, _) = one_turn(calls([answer("Order 7"), ("act", json!({"ask": "May I?"}))]));
    let mut conversation = run(&team).await.conversation;
    conversation.say("Never mind.");
    assert_eq!(conversation.answered_by(), None);
    assert_eq!(team.run(&mut conversation).await.unwrap().text(), "Done.");
}

#[tokio::test(start_paused = true)]
async fn a_transfer_goes_before_an_answer_and_the_answer_counts_if_it_fails() {
    let transfer = || calls([answer("Order 7"), ("act", json!({"transfer": "other"}))]);
    let check = async |other: Reply, expected: &str, agent: &str| {
        let (team, _, _) = team([("main", vec![transfer(), Reply::text("Again.")]), ("other", vec![other])]);
        let ran = run(&team).await;
        assert_eq!((ran.end.text(), &*ran.conversation.text()), (expected, expected));
        assert_eq!(ran.conversation.agent(), agent);
        ran.conversation.to_string()
    };
    assert_snapshot!(check(Reply::text("Hello."), "Hello.", "other").await, @r#"
    user: Go.
      > call_0_0 act {"answer":"Order 7"}
      > call_0_1 act {"transfer":"other"}
      < call_0_0 = Order 7
      < call_0_1 = Transferred to other.
    -- other takes over from main
    other: Hello.
    "#);
    let down = Reply::error(LlmError::new(LlmErrorKind::Server, "down"));
    assert_snapshot!(check(down, "Order 7", "main").await, @r#"
    user: Go.
      > call_0_0 act {"answer":"Order 7"}
      > call_0_1 act {"transfer":"other"}
      < call_0_0 = Order 7
      < call_0_1 failed: could not transfer to other: agent "other" got no answer: the model's server failed: down
    -- the result of call_0_0 is the answer
    "#);
}

#[tokio::test(start_paused = true)]
async fn the_answer_of_a_delegated_conversation_is_the_result_of_the_call() {
    let main = vec![calls([("act", json!({"to": "clerk"}))]), Reply::text("Done.")];
    let (team, model, _) = team([("main", main), ("clerk", vec![calls([answer("Order 7")])])]);
    let ran = run(&team).await;
    assert_eq!((ran.end.text(), model.requests().len()), ("Done.", 3));
    assert_snapshot!(ran.conversation.to_string(), @r#"
    user: Go.
      > call_0_0 act {"to":"clerk"}
      < call_0_0 = Order 7
    main: Done.
    "#);
}

#[tokio::test(start_paused = true)]
async fn an_answer_needs_no_further_turn() {
    let model = Script::new([calls([answer("Order 7")])]);
    let agent = agent("main", &model, &Log::default()).max_turns(1).build().unwrap();
    assert_eq!(agent.run(&mut Conversation::start("main", "Go.")).await.unwrap().text(), "Order 7");
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_be_taken_back() {
    let replies = [calls([answer("one")]), Reply::text("two"), calls([answer("three")])];
    let model = Script::new(replies);
    let agent = agent("main", &model, &Log::default()).build().unwrap();
    let mut conversation = Conversation::new("main");
    for said in ["1", "2", "3"] {
        conversation.say(said);
        agent.run(&mut conversation).await.unwrap();
    }
    for expected in ["three", "two", "one", ""] {
        assert_eq!(conversation.text(), expected);
        let by_call = ["one", "three"].contains(&expected);
        assert_eq!(conversation.answered_by().is_some(), by_call, "{expected}");
        let _ = conversation.take_back();
        let end = agent.run(&mut conversation).await.unwrap();
        assert!(matches!(end, End::Other(_)), "{end}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_events_are_those_of_any_call_and_any_answer() {
    let (team, _, _) = one_turn(calls([answer("Order 7")]));
    let log = EventLog::new(100);
    let mut lines = String::new();
    let mut conversation = Conversation::start("main", "Go.");
    let mut run = team.run(&mut conversation);
    while let Some(event) = run.next().await {
        lines.extend(log.line(&event).map(|line| line + "\n"));
    }
    assert_snapshot!(lines, @r#"
    0.000 s  main: > act {"answer":"Order 7"}
    0.000 s  main: < act = Order 7
    0.000 s  main: answers: Order 7
    "#);
}

/// What is shown of a run to its end.
async fn shown(team: &Team, conversation: &mut Conversation) -> String {
    let mut live = LiveText::top_level();
    let mut shown = String::new();
    let mut run = team.run(conversation);
    while let Some(event) = run.next().await {
        shown.extend(live.see(&event).iter().map(ToString::to_string));
    }
    shown
}

#[tokio::test(start_paused = true)]
async fn the_answer_of_a_call_is_shown_like_a_reply() {
    let with_words = Reply::text("I look.").and_call("act", json!({"answer": "Order 7"}));
    let waiting = calls([answer("Order 7"), ("act", json!({"ask": "May I?"}))]);
    let plain = calls([("act", json!({}))]);
    for (reply, first, second) in [
        (calls([answer("Order 7")]), "Order 7", "Done."),
        (with_words, "I look.\n\nOrder 7", "Done."),
        (plain, "Done.", "Done."),
        (waiting, "", "Order 7"),
    ] {
        let model = Script::new([reply, Reply::text("Done."), Reply::text("Done.")]);
        let team = Team::new([agent("main", &model, &Log::default()).build().unwrap()]).unwrap();
        let mut conversation = Conversation::start("main", "Go.");
        assert_eq!(shown(&team, &mut conversation).await, first);
        match conversation.waiting().first() {
            Some(call) => conversation.approve(&call.key).unwrap(),
            None => conversation.say("And?"),
        }
        assert_eq!(shown(&team, &mut conversation).await, second);
    }
}

/// A tool that answers with this content.
struct Answers(ToolSpec, Content);

#[async_trait]
impl Tool for Answers {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, _: Json, _: Context) -> Outcome {
        Outcome::answer(self.1.clone())
    }
}

/// A value that is too long for a result is cut for models, and the answer is still JSON.
#[tokio::test(start_paused = true)]
async fn field_82_an_answer_is_never_cut_and_what_models_read_of_it_is() {
    let long = json!({"list": vec!["x"; 2_000]}).to_string();
    let limits: [fn(agent_core::AgentBuilder) -> agent_core::AgentBuilder; 2] =
        [|agent| agent.max_result_bytes(1_000), |agent| agent.max_results_bytes(1_000)];
    for limit in limits {
        let model = Script::new([Reply::call("list", json!({})), Reply::text("Done.")]);
        let list = ToolSpec::new("list", "Lists.", json!({"type": "object"}));
        let builder = Agent::builder("main", model.clone()).tool(Answers(list, long.clone().into()));
        let agent = limit(builder).build().unwrap();
        let mut conversation = agent.start("Go.");
        assert_eq!(agent.run(&mut conversation).await.unwrap().text(), long);
        let written = serde_json::to_string(&conversation).unwrap();
        conversation = serde_json::from_str(&written).unwrap();
        assert_eq!(conversation.text(), long);
        conversation.say("And?");
        agent.run(&mut conversation).await.unwrap();
        let read = conversation.messages()[2].tool_results().next().unwrap().1.to_text();
        assert!(read.len() < 1_100 && read.contains("[cut: the result has"), "{read}");
    }
}

/// The changes alone give the same conversation, with an answer that was cut for models.
#[test]
fn invariant_8_an_answer_is_rebuilt_from_changes() {
    let (team, _, _) = team([("main", vec![])]);
    let mut conversation = Conversation::start("main", "Go.");
    let call = |id: &str| Block::tool_use(id, "act", json!({}));
    let reply = Response::new(vec![call("a"), call("b")], StopReason::ToolUse);
    let mut changes = vec![Change::Answered(reply.clone())];
    let Turn::Model(turn) = conversation.turn(&team) else { panic!() };
    turn.answer(Ok(reply)).unwrap();
    let Turn::Tools(mut turn) = conversation.turn(&team) else { panic!() };
    for (id, answer) in [("b", "Yes.".to_owned()), ("a", "x".repeat(5_000_000))] {
        let done = agent_core::tool::Done::from(turn.admit(id, Outcome::answer(answer)));
        changes.push(Change::Recorded { call: id.to_owned(), done: done.clone() });
        turn.record(id, done);
    }
    let written = serde_json::to_string(&changes).unwrap();
    let mut fold = Conversation::start("main", "Go.");
    for change in serde_json::from_str::<Vec<Change>>(&written).unwrap() {
        fold.apply("run", change).unwrap();
    }
    assert_eq!(fold, conversation);
    assert_eq!(fold.text().len(), 5_000_000);
    assert!(fold.messages()[2].json_bytes() < 4_100_000);
}

#[test]
fn an_answer_whose_result_is_missing_is_no_conversation() {
    let mut conversation = Conversation::start("main", "Go.");
    let call = Block::tool_use("a", "act", json!({}));
    conversation.apply("run", Change::Answered(Response::new(vec![call], StopReason::ToolUse))).unwrap();
    let done = Outcome::answer("Yes.").into();
    conversation.apply("run", Change::Recorded { call: "a".to_owned(), done }).unwrap();
    let mut written = serde_json::to_value(&conversation).unwrap();
    written["call_answers"][0]["at"] = json!(7);
    let error = serde_json::from_str::<Conversation>(&written.to_string()).unwrap_err();
    assert_snapshot!(error.to_string(), @r#"not a valid conversation: its messages have no result of call "a", which is an answer"#);
}
