//! A model that repeats a failing call is warned, and then the run ends.

use agent_core::{
    Agent, Conversation, End, Request, Team,
    script::{Reply, Script},
};
use agent_guards::Breaker;
use agent_tools::{AgentTool, Detached, FnTool};
use serde_json::json;

use crate::common::{Note, Ran, SECOND, call, results_read, run};

/// A tool that fails on "fail", and counts on "count".
fn tool() -> FnTool {
    let count = std::sync::atomic::AtomicUsize::new(0);
    FnTool::new("note", "Notes a text.", move |note: Note| match &*note.text {
        "fail" => Err("no paper".to_owned()),
        "count" => Ok(count.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string()),
        text => Ok(format!("noted {text}")),
    })
}

fn team(model: &Script) -> Team {
    let agent = Agent::builder("main", model.clone()).tool(tool()).max_turns(12).build().unwrap();
    Breaker::new().around(Team::new([agent]).unwrap())
}

/// Runs an agent whose model makes these calls over and over.
async fn check(calls: &'static [&'static str]) -> (Ran, Script) {
    let model = Script::by(|request| call(calls[request.turns as usize % calls.len()]));
    (run(&team(&model), Conversation::start("main", "Go on.")).await, model)
}

const STOPPED: &str =
    r#""note" was called 4 times with the same input and failed with the same error: no paper"#;

#[tokio::test]
async fn fault_87_a_call_that_fails_the_same_way_is_not_made_forever() {
    let (ran, model) = check(&["fail"]).await;
    assert_eq!(ran.end, End::Other(STOPPED.to_owned()));
    assert_eq!(ran.conversation.text(), STOPPED);
    let told = [r#"breaker told the model not to repeat "note""#, "breaker ended the run"];
    assert_eq!(ran.told, told);
    assert_eq!(model.requests().len(), 4);
    insta::assert_snapshot!(results_read(&model).join("\n"), @r"
    error: no paper
    error: no paper
    error: no paper

    This call has failed 3 times with the same input and the same error. Don't make it again: change the input, do something else, or say what is missing.
    ");
    // The record has what the tool said.
    let record = ran.conversation.messages().iter().flat_map(|message| message.tool_results());
    assert!(record.map(|(_, content, _)| content.to_text()).all(|text| text == "no paper"));
}

#[tokio::test]
async fn fault_87_the_same_malformed_input_again_and_again_is_a_loop() {
    let model = Script::by(|_| Reply::call("note", json!({"INVALID_JSON": "{\"text\": "})));
    let ran = run(&team(&model), Conversation::start("main", "Go on.")).await;
    assert!(matches!(&ran.end, End::Other(why) if why.contains("called 4 times")), "{}", ran.end);
}

#[tokio::test]
async fn calls_in_between_that_bring_nothing_new_do_not_hide_a_loop() {
    assert_eq!(check(&["fail", "x"]).await.0.end, End::Other(STOPPED.to_owned()));
    assert_eq!(check(&["fail", "count"]).await.0.end, End::TurnLimit(12));
}

#[tokio::test]
async fn inputs_are_equal_if_they_are_the_same_json() {
    let inputs = [r#"{"text": "fail", "n": 1}"#, r#"{"n":1,"text":"fail"}"#];
    let model = Script::by(move |request| {
        Reply::call("note", agent_core::Json::read(inputs[request.turns as usize % 2]).unwrap())
    });
    let ran = run(&team(&model), Conversation::start("main", "Go on.")).await;
    assert_eq!(ran.end, End::Other(STOPPED.to_owned()));
}

#[tokio::test]
async fn equal_calls_of_one_reply_count_once() {
    let model = Script::by(|request| match request.turns {
        0 => ["fail"; 5]
            .iter()
            .fold(Reply::default(), |reply, text| reply.and_call("note", json!({ "text": text }))),
        _ => Reply::text("I give up."),
    });
    let ran = run(&team(&model), Conversation::start("main", "Go on.")).await;
    assert_eq!((ran.end.text(), ran.told.len()), ("I give up.", 0));
}

#[tokio::test]
async fn when_the_user_speaks_counting_begins_anew_and_what_was_read_stays() {
    let (mut ran, model) = check(&["fail"]).await;
    ran.conversation.say("There is paper now.");
    let ran = run(&team(&model), ran.conversation).await;
    assert_eq!(ran.end, End::Other(STOPPED.to_owned()));
    let requests = model.requests();
    assert_eq!(requests.len(), 8);
    let (before, after): (&Request, &Request) = (&requests[3], &requests[7]);
    assert_eq!(after.messages[..before.messages.len()], before.messages[..]);
}

#[tokio::test]
async fn a_loop_that_was_kept_and_read_back_is_still_one() {
    let model = Script::by(|request| match request.turns {
        0..3 => call("fail"),
        _ => Reply::error(agent_core::LlmError::new(agent_core::model::LlmErrorKind::Server, "gone")),
    });
    let mut conversation = Conversation::start("main", "Go on.");
    assert!(team(&model).run(&mut conversation).await.is_err());
    let kept = serde_json::to_string(&conversation).unwrap();
    // Another process, with another model.
    let model = Script::by(|_| call("fail"));
    let ran = run(&team(&model), serde_json::from_str(&kept).unwrap()).await;
    assert_eq!((ran.end, model.requests().len()), (End::Other(STOPPED.to_owned()), 1));
}

#[tokio::test]
async fn an_agent_reads_that_the_one_it_asked_was_in_a_loop() {
    let model = Script::by(|request| match (&*request.agent, request.turns) {
        ("boss", 0) => Reply::call("main", json!({"task": "Go on."})),
        ("boss", _) => Reply::text("I see."),
        _ => call("fail"),
    });
    let main = Agent::builder("main", model.clone()).tool(tool()).build().unwrap();
    let boss = Agent::builder("boss", model.clone()).tool(AgentTool::new("main", "Works.")).build().unwrap();
    let team = Breaker::new().around(Team::new([boss, main]).unwrap());
    let ran = run(&team, Conversation::start("boss", "Go on.")).await;
    assert_eq!(ran.end.text(), "I see.");
    insta::assert_snapshot!(results_read(&model).concat(), @r#"
    error: main stopped: "note" was called 4 times with the same input and failed with the same error: no paper
    Its calls so far:
    - note {"text":"fail"} failed: no paper
    - note {"text":"fail"} failed: no paper
    - note {"text":"fail"} failed: no paper
    - note {"text":"fail"} failed: no paper
    Its last words: "note" was called 4 times with the same input and failed with the same error: no paper
    "#);
}

/// Runs an agent whose tool is detached. It says this in a turn, where "" is that it waits.
async fn detached(says: impl Fn(usize) -> &'static str + Send + Sync + 'static) -> Ran {
    let model = Script::by(move |request| match says(request.messages.len()) {
        "" => Reply::text("I wait.").after(SECOND),
        text => call(text).after(SECOND),
    });
    let agent = Agent::builder("main", model).tool(Detached::new(tool())).max_turns(30).build().unwrap();
    let team = Breaker::new().around(Team::new([agent]).unwrap());
    run(&team, Conversation::start("main", "Go on.")).await
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_in_the_background_again_and_again_is_a_loop() {
    // The call goes on, and then its result is told.
    let ran = detached(|_| "fail").await;
    assert_eq!(ran.end, End::Other(STOPPED.to_owned()));
    let told = [r#"breaker told the model not to repeat "note""#, "breaker ended the run"];
    assert_eq!(ran.told, told);
    assert_eq!(
        ran.conversation.messages().iter().filter(|message| message.is_background_result()).count(),
        4
    );
}

#[tokio::test(start_paused = true)]
async fn a_background_call_that_brings_news_is_no_loop() {
    let ran = detached(|messages| if messages % 2 == 0 { "count" } else { "fail" }).await;
    assert!(!matches!(ran.end, End::Other(_)), "{}", ran.end);
}
