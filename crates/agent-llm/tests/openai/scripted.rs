//! The client against a server that checks each request as OpenAI does and follows a script.

use agent_core::{Agent, Block, Json, StopReason, ToolSpec, Usage, script::Reply};
use agent_llm::{Llm, OpenAi, fold};
use agent_mock::{Fault, Mock, Scenario};
use serde_json::json;

use crate::{
    common::{WAYS, Way, ask, hi, text},
    runs::Act,
};

fn thinking() -> Block {
    let json = r#"{"type":"thinking","thinking":"First, think.","signature":"c2ln"}"#;
    Block::from_json(Json::read(json).unwrap()).unwrap()
}

/// Calls two tools, then one, and then answers.
fn replies() -> Vec<Reply> {
    let call = |say: &str| json!({"say": say});
    vec![
        Reply::default()
            .and_block(thinking())
            .and_text("So.")
            .and_call("act", call("1"))
            .and_call("act", call("2")),
        Reply::call("act", call("3")),
        Reply::text("All done.").usage(Usage::new(3, 4)),
    ]
}

async fn start(scenario: Scenario) -> (Mock, String) {
    let server = Mock::start(scenario).await.unwrap();
    let url = format!("{}/v1", server.url());
    (server, url)
}

/// Runs an agent with a tool, and returns the turns of the requests and what was said last.
async fn run(openai: OpenAi, server: &Mock) -> (Vec<usize>, String) {
    let (act, _) = Act::new();
    let agent = Agent::builder("main", openai).system("You are the lead.").tool(act).build().unwrap();
    let mut conversation = agent.start("Go.");
    let end = agent.run(&mut conversation).await.unwrap();
    (server.requests().iter().map(|request| request.turn).collect(), end.text().to_owned())
}

#[tokio::test]
async fn requests_of_whole_runs_are_accepted_whatever_the_api() {
    for way in WAYS {
        for store in [false, true] {
            let (server, url) = start(Scenario::by_agent([("the lead", replies())])).await;
            let openai = way.settings(url.clone()).store(store).build().unwrap();
            assert_eq!(
                run(openai, &server).await,
                (vec![0, 1, 2], "All done.".to_owned()),
                "{way:?} {store}"
            );
            let (server, url) = start(Scenario::new(replies())).await;
            let settings = OpenAi::compatible(url).model("m").streaming(way.streaming).store(store);
            let settings = if way.is_chat { settings.chat() } else { settings.responses() };
            let run = run(settings.build().unwrap(), &server).await;
            assert_eq!(run, (vec![0, 1, 2], "All done.".to_owned()), "{way:?} {store}, compatible");
        }
    }
}

#[tokio::test]
async fn a_reply_is_read_as_the_script_has_it() {
    for way in WAYS {
        let mut usage = Usage::new(3, 9);
        usage.cache_read_input_tokens = 6;
        let reply =
            Reply::default().and_block(thinking()).and_text("one two").and_call("f", json!({"x": [1, 2]}));
        let (server, url) = start(Scenario::new([reply.usage(usage)])).await;
        let reply = ask(way.settings(url)).await.unwrap();
        assert_eq!(text(&reply), "one two", "{way:?}");
        assert_eq!((reply.stop_reason, reply.usage), (StopReason::ToolUse, usage), "{way:?}");
        let call = reply.content.iter().find_map(Block::as_tool_use).unwrap();
        assert_eq!((&*call.id, call.input.text()), ("call_0_2", r#"{"x":[1,2]}"#));
        assert_eq!(server.requests()[0].last_text(), "hi");
        let thought = format!("{:?}", reply.content);
        assert!(thought.contains("First, think."), "{way:?} {thought}");
    }
}

#[tokio::test]
async fn a_tool_that_takes_no_input_is_accepted() {
    for way in WAYS {
        let (_server, url) = start(Scenario::default()).await;
        let mut request = hi();
        request.tools = [ToolSpec::new("now", "", json!({"type": "object"}))].into();
        let openai = way.settings(url).build().unwrap();
        let reply = fold(openai.stream(request), |_| {}).await.unwrap();
        assert_eq!(reply.content.iter().find_map(Block::as_tool_use).unwrap().name, "now", "{way:?}");
    }
}

/// What comes of a reply with this stop reason.
async fn ended(way: Way, reply: Reply) -> StopReason {
    let (_server, url) = start(Scenario::new([reply])).await;
    ask(way.settings(url)).await.unwrap().stop_reason
}

#[tokio::test]
async fn stop_reasons_come_through() {
    for way in WAYS {
        let text = || Reply::text("one");
        for reason in [StopReason::EndTurn, StopReason::MaxTokens, StopReason::Refusal] {
            assert_eq!(ended(way, text().stop(reason.clone())).await, reason, "{way:?}");
        }
        assert_eq!(
            ended(way, Reply::default().stop(StopReason::Refusal)).await,
            StopReason::Refusal,
            "{way:?}"
        );
        assert_eq!(ended(way, Reply::call("f", json!({}))).await, StopReason::ToolUse, "{way:?}");
    }
}

#[tokio::test]
async fn faults_are_seen_and_the_next_attempt_goes_well() {
    for way in WAYS {
        for fault in [Fault::status(503), Fault::status(429), Fault::hang_up(), Fault::cut(40)] {
            let (server, url) = start(Scenario::new([Reply::text("fine")]).fault(0, [fault.clone()])).await;
            assert!(ask(way.settings(url.clone())).await.unwrap_err().is_retryable(), "{way:?} {fault:?}");
            assert_eq!(text(&ask(way.settings(url)).await.unwrap()), "fine", "{way:?} {fault:?}");
            assert_eq!(server.count(), 2);
        }
    }
    for way in WAYS.into_iter().filter(|way| way.streaming) {
        let fault = Fault::error_event(60, "server_error", "Oh.");
        let (_server, url) = start(Scenario::new([Reply::text("fine")]).fault(0, [fault])).await;
        let error = ask(way.settings(url)).await.unwrap_err();
        assert!(error.is_retryable() && error.message.contains("Oh."), "{way:?} {error:?}");
    }
}
