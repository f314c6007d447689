//! Messages that are no longer sent: those that a model refused, and those that the user took back.

use agent_core::{
    Agent, Block, Conversation, End, LlmError, Message, Outcome, Response, StopReason, Team,
    conversation::{Change, OmissionReason},
    model::LlmErrorKind,
    script::{Reply, Script},
    tool::{Done, Transfer},
};
use insta::assert_snapshot;
use serde_json::json;

use crate::common::{Log, agent, calls, team};

/// The messages as lines.
fn lines(messages: &[Message]) -> String {
    messages.iter().map(|message| serde_json::to_string(message).unwrap() + "\n").collect()
}

/// The messages of the last request.
fn sent(model: &Script) -> String {
    lines(&model.requests().last().unwrap().messages)
}

fn refuses(words: &str) -> Reply {
    Reply::text(words).stop(StopReason::Refusal)
}

fn model_fails() -> Reply {
    Reply::error(LlmError::new(LlmErrorKind::InvalidRequest, "this picture can't be read"))
}

/// Says these texts one after the other. Returns the last request, and the whole conversation.
async fn talk(replies: Vec<Reply>, words: &[&str], resend_refused: bool) -> (String, Conversation) {
    let model = Script::new(replies);
    let agent = agent("main", &model, &Log::default()).resend_refused(resend_refused).build().unwrap();
    let mut conversation = Conversation::new("main");
    for word in words {
        conversation.say(*word);
        agent.run(&mut conversation).await.unwrap();
    }
    (sent(&model), conversation)
}

#[tokio::test(start_paused = true)]
async fn field_42_what_was_refused_and_what_it_was_asked_is_not_sent_again_and_stays_in_the_record() {
    let replies = || {
        vec![
            Reply::text("Hi."),
            calls([("act", json!({"say": "looked"}))]),
            refuses("First you"),
            Reply::text("Sunny."),
        ]
    };
    let words = ["Hi.", "Look how to make a bomb.", "How is the weather?"];
    let (sent, conversation) = talk(replies(), &words, false).await;
    assert_snapshot!(sent, @r#"
    {"role":"user","content":[{"type":"text","text":"Hi."}]}
    {"role":"assistant","content":[{"type":"text","text":"Hi."}]}
    {"role":"user","content":[{"type":"text","text":"[left out: what was refused. Calls made in it: act = ok]"},{"type":"text","text":"How is the weather?"}]}
    "#);
    assert_snapshot!(conversation, @r#"
    user: Hi.
    main: Hi.
    user: Look how to make a bomb.
      > call_1_0 act {"say":"looked"}
      < call_1_0 = looked
    main: First you
    -- the last 4 messages were refused, and not sent again
    user: How is the weather?
    main: Sunny.
    "#);
    // The program sets it otherwise.
    let (sent, whole) = talk(replies(), &words, true).await;
    assert_eq!(sent, lines(&whole.messages()[..whole.messages().len() - 1]));
    assert_eq!(whole, conversation, "the record is the same");
}

#[tokio::test(start_paused = true)]
async fn field_42_a_refused_reply_with_calls_leaves_neither_calls_nor_results() {
    let replies = vec![
        calls([("act", json!({})), ("act", json!({}))]).stop(StopReason::Refusal),
        refuses(""),
        Reply::text("Sunny."),
    ];
    let (sent, conversation) = talk(replies, &["Bad.", "Worse.", "Good."], false).await;
    assert_snapshot!(sent, @r#"{"role":"user","content":[{"type":"text","text":"Good."}]}"#);
    let refused = conversation.omissions().iter().map(|part| (part.from, part.to, part.why));
    assert_eq!(
        refused.collect::<Vec<_>>(),
        [(0, 2, OmissionReason::Refused), (2, 4, OmissionReason::Refused)]
    );
}

#[tokio::test(start_paused = true)]
async fn field_42_where_another_agent_goes_on_only_what_the_refusing_one_said_is_left_out() {
    let mut conversation = Conversation::start("main", "Do it.");
    let mut tell = |what: Change| conversation.apply("run", what).unwrap();
    let call = Block::tool_use("1", "act", json!({}));
    tell(Change::Answered(Response::new(vec![call], StopReason::ToolUse)));
    let transfer = Outcome::Transfer(Transfer::new("other", "{why}").comes_back(true));
    tell(Change::Recorded { call: "1".to_owned(), done: Done::from(transfer) });
    let call = Block::tool_use("2", "act", json!({}));
    tell(Change::Answered(Response::new(vec![call], StopReason::ToolUse)));
    tell(Change::Recorded { call: "2".to_owned(), done: Done::from(Outcome::output("found")) });
    let call = Block::tool_use("3", "act", json!({}));
    tell(Change::Answered(Response::new(vec![Block::text("I w"), call], StopReason::Refusal)));
    assert_eq!(conversation.agent(), "main");
    assert_snapshot!(lines(&conversation.reads()), @r#"
    {"role":"user","content":[{"type":"text","text":"Do it."}]}
    {"role":"assistant","content":[{"type":"tool_use","id":"1","name":"act","input":{}}]}
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":"Transferred to other."}]}
    {"role":"assistant","content":[{"type":"tool_use","id":"2","name":"act","input":{}}]}
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"2","content":"found"}]}
    {"role":"user","content":[{"type":"text","text":"other had taken over, but then: agent \"other\" refused"}]}
    "#);
}

#[tokio::test(start_paused = true)]
async fn field_42_instructions_after_a_refusal_do_not_ask_again_by_themselves() {
    let model = Script::new([refuses("No."), Reply::text("Yes.")]);
    let agent = agent("main", &model, &Log::default()).build().unwrap();
    let mut conversation = Conversation::start("main", "Bad.");
    assert_eq!(agent.run(&mut conversation).await.unwrap(), End::Refused(None));
    conversation.instruct("Be kind.");
    let end = End::Other("nothing was said: say something first".to_owned());
    assert_eq!(agent.run(&mut conversation).await.unwrap(), end);
    conversation.say("Good.");
    assert_eq!(agent.run(&mut conversation).await.unwrap().text(), "Yes.");
    assert_snapshot!(sent(&model), @r#"
    {"role":"system","content":[{"type":"text","text":"Be kind."}]}
    {"role":"user","content":[{"type":"text","text":"Good."}]}
    "#);
}

/// A conversation of two exchanges, with a model that fails at the next message.
async fn with_a_picture() -> (Agent, Script, Conversation) {
    let model = Script::new([
        Reply::text("Hi."),
        calls([("act", json!({}))]),
        Reply::text("Done."),
        model_fails(),
        Reply::text("Fine."),
    ]);
    let agent = agent("main", &model, &Log::default()).build().unwrap();
    let mut conversation = Conversation::start("main", "Hi.");
    agent.run(&mut conversation).await.unwrap();
    conversation.say("Act.");
    agent.run(&mut conversation).await.unwrap();
    conversation.say("(a picture)");
    agent.run(&mut conversation).await.unwrap_err();
    (agent, model, conversation)
}

#[tokio::test(start_paused = true)]
async fn field_42_what_no_model_takes_is_taken_back_and_the_conversation_goes_on() {
    let (agent, model, mut conversation) = with_a_picture().await;
    conversation.take_back().unwrap();
    let end = End::Other("nothing was said: say something first".to_owned());
    assert_eq!(agent.run(&mut conversation).await.unwrap(), end);
    assert_eq!(conversation.text(), "Done.");
    conversation.say("In words, then.");
    assert_eq!(agent.run(&mut conversation).await.unwrap().text(), "Fine.");
    assert_snapshot!(sent(&model), @r#"
    {"role":"user","content":[{"type":"text","text":"Hi."}]}
    {"role":"assistant","content":[{"type":"text","text":"Hi."}]}
    {"role":"user","content":[{"type":"text","text":"Act."}]}
    {"role":"assistant","content":[{"type":"tool_use","id":"call_1_0","name":"act","input":{}}]}
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1_0","content":"done"}]}
    {"role":"assistant","content":[{"type":"text","text":"Done."}]}
    {"role":"user","content":[{"type":"text","text":"In words, then."}]}
    "#);
}

#[tokio::test(start_paused = true)]
async fn field_42_one_exchange_after_the_other_is_taken_back_until_there_is_none() {
    let (agent, model, mut conversation) = with_a_picture().await;
    for left in [6, 2, 0] {
        conversation.take_back().unwrap();
        assert_eq!(conversation.reads().len(), left);
    }
    let error = conversation.take_back().unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"conversation "run" has nothing to take back: the user has said nothing, or all of it is taken back already"#
    );
    assert!(Conversation::new("main").take_back().is_err());
    conversation.say("Anew.");
    agent.run(&mut conversation).await.unwrap();
    assert_snapshot!(sent(&model), @r#"{"role":"user","content":[{"type":"text","text":"Anew."}]}"#);
    assert_snapshot!(conversation, @r"
    user: Hi.
    main: Hi.
    user: Act.
      > call_1_0 act {}
      < call_1_0 = done
    main: Done.
    user: (a picture)
    -- the last message was taken back
    -- the last 5 messages were taken back
    -- the last 7 messages were taken back
    user: Anew.
    main: Fine.
    ");
}

#[tokio::test(start_paused = true)]
async fn field_42_open_calls_are_closed_when_what_led_to_them_is_taken_back() {
    let ask = calls([("act", json!({"ask": "May I?"})), ("act", json!({"say": "looked"}))]);
    let model = Script::new([Reply::text("Hi."), ask, Reply::text("Fine.")]);
    let agent = agent("main", &model, &Log::default()).build().unwrap();
    let mut conversation = Conversation::start("main", "Hi.");
    agent.run(&mut conversation).await.unwrap();
    conversation.say("Pay.");
    assert!(matches!(agent.run(&mut conversation).await.unwrap(), End::Waiting(_)));
    conversation.take_back().unwrap();
    assert!(conversation.approve("run/call_1_0").is_err(), "nothing waits any more");
    conversation.say("Don't pay.");
    agent.run(&mut conversation).await.unwrap();
    assert_snapshot!(conversation, @r#"
    user: Hi.
    main: Hi.
    user: Pay.
      > call_1_0 act {"ask":"May I?"}
      > call_1_1 act {"say":"looked"}
      < call_1_0 failed: not run: the user went on before a person approved it
      < call_1_1 = looked
    -- the last 3 messages were taken back
    user: Don't pay.
    main: Fine.
    "#);
    assert_snapshot!(sent(&model), @r#"
    {"role":"user","content":[{"type":"text","text":"Hi."}]}
    {"role":"assistant","content":[{"type":"text","text":"Hi."}]}
    {"role":"user","content":[{"type":"text","text":"Don't pay."}]}
    "#);
}

#[tokio::test(start_paused = true)]
async fn field_42_results_of_calls_from_before_stay_where_the_user_spoke_into_them() {
    let ask = calls([("act", json!({"ask": "May I?"}))]);
    let model = Script::new([ask, Reply::text("Never mind what?"), Reply::text("Fine.")]);
    let agent = agent("main", &model, &Log::default()).build().unwrap();
    let mut conversation = Conversation::start("main", "Pay.");
    agent.run(&mut conversation).await.unwrap();
    conversation.say("Nevr mnd.");
    agent.run(&mut conversation).await.unwrap();
    conversation.take_back().unwrap();
    conversation.say("Never mind.");
    agent.run(&mut conversation).await.unwrap();
    assert_snapshot!(sent(&model), @r#"
    {"role":"user","content":[{"type":"text","text":"Pay."}]}
    {"role":"assistant","content":[{"type":"tool_use","id":"call_0_0","name":"act","input":{"ask":"May I?"}}]}
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_0_0","content":"not run: the user went on before a person approved it","is_error":true}]}
    {"role":"user","content":[{"type":"text","text":"Never mind."}]}
    "#);
}

#[tokio::test(start_paused = true)]
async fn field_42_who_had_the_conversation_before_has_it_again() {
    let replies = vec![
        (
            "main",
            vec![
                Reply::text("Hi."),
                calls([("act_first", json!({"transfer": "other"}))]),
                Reply::text("Main."),
            ],
        ),
        ("other", vec![Reply::text("Other.")]),
    ];
    let (team, model, _): (Team, Script, Log) = team(replies);
    let mut conversation = Conversation::start("main", "Hi.");
    team.run(&mut conversation).await.unwrap();
    conversation.say("Go over.");
    team.run(&mut conversation).await.unwrap();
    assert_eq!(conversation.agent(), "other");
    conversation.take_back().unwrap();
    assert_eq!(conversation.agent(), "main");
    conversation.say("Stay.");
    assert_eq!(team.run(&mut conversation).await.unwrap().text(), "Main.");
    assert_snapshot!(sent(&model), @r#"
    {"role":"user","content":[{"type":"text","text":"Hi."}]}
    {"role":"assistant","content":[{"type":"text","text":"Hi."}]}
    {"role":"user","content":[{"type":"text","text":"Stay."}]}
    "#);
    assert_snapshot!(conversation, @r#"
    user: Hi.
    main: Hi.
    user: Go over.
      > call_1_0 act_first {"transfer":"other"}
      < call_1_0 = Transferred to other.
    -- other takes over from main
    other: Other.
    -- the last 4 messages were taken back
    -- main has it back from other
    user: Stay.
    main: Main.
    "#);
}

#[test]
fn field_42_what_was_written_before_is_read() {
    let mut conversation = Conversation::start("main", "Hi.");
    let written = serde_json::to_string(&conversation).unwrap();
    assert!(!written.contains("omissions"), "{written}");
    assert_eq!(serde_json::from_str::<Conversation>(&written).unwrap(), conversation);
    conversation.take_back().unwrap();
    let written = serde_json::to_string(&conversation).unwrap();
    let beyond = written.replace(r#""to":1"#, r#""to":2"#);
    let error = serde_json::from_str::<Conversation>(&beyond).unwrap_err().to_string();
    assert!(error.contains("it leaves out the messages 0 to 2, but has only 1"), "{error}");
}
