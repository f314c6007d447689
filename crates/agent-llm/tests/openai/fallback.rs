//! A chain of Claude and OpenAI, whose first model can't answer once, in the middle of a conversation with tools.

use std::sync::{Arc, atomic::Ordering::SeqCst};

use agent_core::{Agent, Llm, script::Reply};
use agent_llm::{Claude, Fallback};
use agent_mock::{Fault, Mock, Scenario};
use serde_json::json;
use wiremock::{MockServer, ResponseTemplate};

use crate::{
    common::{WAYS, Way, bodies, server},
    runs::Act,
};

/// Turn 0 goes to the second model, since the first one refuses it; the first one is asked again for
/// turn 1, and for what the user says then.
async fn run(way: Way, claude: &Mock, openai: &MockServer, claude_first: bool) {
    let by_claude = Claude::builder().key("k").base_url(claude.url()).max_retries(0);
    let by_claude: Arc<dyn Llm> = Arc::new(by_claude.streaming(way.streaming).build().unwrap());
    let by_openai: Arc<dyn Llm> = Arc::new(way.settings(openai.uri()).build().unwrap());
    let mut models = vec![("claude", by_claude), ("openai", by_openai)];
    if !claude_first {
        models.reverse();
    }
    let (act, calls) = Act::new();
    let agent = Agent::builder("main", Fallback::new(models).unwrap()).tool(act).build().unwrap();
    let mut conversation = agent.start("Go.");
    let end = agent.run(&mut conversation).await.unwrap();
    assert_eq!((end.text(), calls.load(SeqCst)), ("Done.", 2), "{way:?}: {conversation}");
    conversation.say("And now?");
    assert_eq!(agent.run(&mut conversation).await.unwrap().text(), "Nothing.", "{way:?}: {conversation}");
}

#[tokio::test]
async fn openai_answers_while_claude_is_overloaded_and_claude_goes_on() {
    for way in WAYS {
        let calls = [("a", "act", r#"{"say":"1"}"#), ("b", "act", r#"{"say":"2"}"#)];
        let openai = server([way.reply("I look.", &calls)]).await;
        let unused = Reply::text("This is refused.");
        let replies = [unused, Reply::text("Done."), Reply::text("Nothing.")];
        let claude = Mock::start(Scenario::new(replies).fault(0, [Fault::status(529)])).await.unwrap();
        run(way, &claude, &openai, true).await;
        assert_eq!((claude.count(), bodies(&openai).await.len()), (3, 1), "{way:?}");
        // Claude's server has checked the history with the calls of the other.
        let history = claude.requests()[1].body["messages"].to_string();
        assert!(
            ["I look.", r#""tool_use_id":"a""#, r#""tool_use_id":"b""#].iter().all(|it| history.contains(it))
        );
    }
}

#[tokio::test]
async fn claude_answers_while_openai_is_down_and_openai_goes_on() {
    for way in WAYS {
        let down = ResponseTemplate::new(503).set_body_json(json!({"error": {"message": "down"}}));
        let openai = server([down, way.reply("Done.", &[]), way.reply("Nothing.", &[])]).await;
        let act = |say: &str| json!({"say": say});
        let calls = Reply::text("I look.").and_call("act", act("1")).and_call("act", act("2"));
        let claude = Mock::start(Scenario::new([calls])).await.unwrap();
        run(way, &claude, &openai, false).await;
        let bodies = bodies(&openai).await;
        assert_eq!((claude.count(), bodies.len()), (1, 3), "{way:?}");
        let results = bodies[1].to_string();
        assert!(results.contains("I look.") && results.matches("call_id").count() >= 2, "{results}");
    }
}
