//! Errors, and their texts.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use agent_core::{
    Agent, Block, Content, Context, Conversation, Json, LlmError, Outcome, Team, Tool, ToolSpec, async_trait,
    conversation::check_session_id,
    model::LlmErrorKind,
    script::{Reply, Script},
};
use agent_restate::{Restate, RestateError, Services};
use serde_json::json;

use crate::common::{Stage, alone, calls_then_done, start};

/// More bytes than the engine accepts.
const LARGE: usize = 33 << 20;

fn parrot() -> Team {
    let model = Script::by(|_| Reply::text("Yes."));
    Team::new([Agent::builder("clerk", model).build().unwrap()]).unwrap()
}

#[tokio::test]
async fn a_model_that_did_not_reply_is_asked_again_by_the_next_run() {
    let asked = Arc::new(AtomicUsize::new(0));
    let model = Script::by(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::error(LlmError::new(LlmErrorKind::Overloaded, "no room")),
        _ => Reply::text("Yes."),
    });
    let Some(stage) = Stage::open(Services::new(alone(Arc::new(model), []))).await else { return };
    let mut conversation = start("m");
    let error = stage.host.run(&mut conversation).await.unwrap_err();
    let RestateError::Model(failure) = error else { panic!("{error}") };
    assert_eq!(failure.error.kind, LlmErrorKind::Overloaded);
    assert_eq!(stage.host.run(&mut conversation).await.unwrap().text(), "Yes.");
}

#[tokio::test]
async fn each_error_says_what_was_wrong_with_what() {
    let Some(stage) = Stage::open(Services::new(parrot())).await else { return };
    stage.host.run(&mut start("taken")).await.unwrap();
    let error =
        |result: Result<_, RestateError>| result.map(|_: agent_core::End| ()).unwrap_err().to_string();

    let mut other = Conversation::start("clerk", "Something else.").with_id("taken");
    assert_eq!(
        error(stage.host.run(&mut other).await),
        r#"the engine has a different conversation with the id "taken": read it with Restate::history, or give this one another id"#
    );
    assert_eq!(
        error(stage.host.run(&mut start("a/b")).await),
        r#""a/b" can't be a session's id, because it contains '/': choose another one (Conversation::with_id), such as "a-b""#
    );
    let mut stranger = Conversation::start("nobody", "Hello?").with_id("stranger");
    assert_eq!(
        error(stage.host.run(&mut stranger).await),
        r#"agent "nobody" has the conversation, but is not in the team (clerk): run the conversation with a `Team` that has the agent"#
    );
    let error = stage.host.approve("taken/call_0_0").await.unwrap_err().to_string();
    assert_eq!(error, r#"no call "taken/call_0_0" waits"#);
}

#[tokio::test]
async fn field_43_a_conversation_without_an_id_of_its_own_or_with_an_odd_one_is_not_sent() {
    // There is no server: anything that is sent fails with another error.
    let host = Restate::at("http://127.0.0.1:1").unwrap();
    for id in [Conversation::DEFAULT_ID, "", " ", "a/b", "a\u{1b}b", "a\u{202e}b", "a\u{200b}b", "a\u{2028}b"]
    {
        let mut conversation = Conversation::start("clerk", "Hello?").with_id(id);
        let expected = check_session_id(id).unwrap_err();
        let run = host.run(&mut conversation).await.unwrap_err();
        assert!(matches!(&run, RestateError::NotASessionId(error) if *error == expected), "{run}");
        let submitted = host.submit(&conversation, None).await.unwrap_err();
        assert!(
            matches!(&submitted, RestateError::NotASessionId(error) if *error == expected),
            "{submitted}"
        );
    }
}

#[tokio::test]
async fn a_missing_engine_and_missing_services_are_errors() {
    let long = "x".repeat(70_000);
    let error = Restate::at("http://127.0.0.1:1").unwrap().history(&long).await.unwrap_err().to_string();
    assert!(error.starts_with("the request can't be made: "), "{error}");
    let error = Restate::at("nowhere").unwrap_err().to_string();
    assert!(error.starts_with(r#""nowhere" is not the address of an engine"#), "{error}");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = Restate::at(&format!("http://{address}")).unwrap().history("x").await.unwrap_err();
    assert!(matches!(&error, RestateError::Unreachable(why) if why.contains("refused")), "{error}");

    let Some(cluster) = restate_server::Cluster::unless_missing(1).await.unwrap() else { return };
    let error = Restate::at(cluster.ingress()).unwrap().history("x").await.unwrap_err();
    assert!(matches!(&error, RestateError::Refused { status: 404, .. }), "{error}");
}

/// A tool that returns a picture with this many bytes.
struct Show(ToolSpec, usize);

impl Show {
    fn new(bytes: usize) -> Self {
        Self(ToolSpec::new("show", "Shows it.", json!({"type": "object"})), bytes)
    }
}

#[async_trait]
impl Tool for Show {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, _: Json, _: Context) -> Outcome {
        Outcome::Output(Content::Blocks(vec![Block::image("image/png", &"x".repeat(self.1))]))
    }
}

#[tokio::test]
async fn data_that_is_too_large_for_the_engine_is_an_error_before_it_is_sent() {
    let model = calls_then_done(Reply::call("show", json!({})));
    let agent = Agent::builder("clerk", model).tool(Show::new(LARGE));
    let team = Team::new([agent.build().unwrap()]).unwrap();
    let Some(stage) = Stage::open(Services::new(team)).await else { return };
    let mut conversation = start("large");
    stage.host.run(&mut conversation).await.unwrap();
    let transcript = conversation.to_string();
    let error = "  < call_0_0 failed: the result of the tool is too large: 34603122 bytes as JSON, and the engine accepts 8";
    assert!(
        transcript.contains(error),
        "{}",
        transcript.lines().nth(2).map(|line| &line[..100.min(line.len())]).unwrap_or_default()
    );
    conversation.say("x".repeat(LARGE));
    let error = stage.host.run(&mut conversation).await.unwrap_err();
    assert!(matches!(error, RestateError::TooLarge(_)), "{error}");
}

#[tokio::test]
async fn data_that_is_too_large_together_is_an_error_and_the_session_survives() {
    let model = Script::by(|request| match request.messages.len() {
        1 | 3 => Reply::call("show", json!({})),
        5 => Reply::text("Done."),
        _ => Reply::text("x".repeat(LARGE / 6)),
    });
    let agent = Agent::builder("clerk", model).tool(Show::new(LARGE / 6));
    let team = Team::new([agent.build().unwrap()]).unwrap();
    let Some(stage) = Stage::open(Services::new(team)).await else { return };
    let mut conversation = start("large");
    assert_eq!(stage.host.run(&mut conversation).await.unwrap().text(), "Done.");
    assert!(conversation.to_string().contains("  < call_1_0 failed: the result of the tool is too large: "));

    conversation.say("Say more.");
    let error = stage.host.run(&mut conversation).await.unwrap_err();
    assert!(error.to_string().contains("the reply is too large: "), "{error}");
    assert_eq!(stage.host.history("large").await.unwrap(), Some(conversation.clone()));
    conversation.say("x".repeat(LARGE / 3));
    let error = stage.host.run(&mut conversation).await.unwrap_err();
    assert!(matches!(error, RestateError::TooLarge(_)), "{error}");
    stage.host.forget("large").await.unwrap();
    assert_eq!(stage.host.history("large").await.unwrap(), None);
}
