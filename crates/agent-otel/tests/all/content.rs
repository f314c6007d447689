//! What was said is in spans only if asked for.

use agent_core::{Agent, Conversation, End, script::Reply};
use agent_otel::{Names, Traces};
use agent_tools::FnTool;
use serde_json::json;

use crate::common::{Recorder, attribute, by_agent};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Wish {
    #[serde(rename = "of")]
    _of: String,
}

/// A run in which everything that is said has the word "secret". Returns what spans have of it.
async fn said(content: bool, names: Names) -> Vec<String> {
    let recorder = Recorder::new(Traces::builder().content(content).names(names));
    let tool = |name: &'static str, fails: bool| {
        let (good, bad) = ("secret result".to_owned(), "secret reason".to_owned());
        FnTool::new(name, "Looks.", move |_: Wish| {
            let result = if fails { Err(bad.clone()) } else { Ok(good.clone()) };
            async move { result }
        })
    };
    let calls = Reply::text("secret thought").and_call("look", json!({"of": "secret"}));
    let calls = calls.and_call("fail", json!({"of": "secret"})).and_call("ask", json!({"of": "secret"}));
    let model = by_agent([("guide", vec![calls, Reply::text("secret answer")])]);
    let ask = tool("ask", false).needs_approval().question(|_| "secret question".to_owned());
    let agent = Agent::builder("guide", model).tool(tool("look", false)).tool(tool("fail", true)).tool(ask);
    let agent = agent.build().unwrap();
    let mut conversation = Conversation::start("guide", "secret wish").with_id("c1");
    let run = async |conversation: &mut Conversation| {
        agent.run(conversation).listen(recorder.traces.listener()).await.unwrap()
    };
    let End::Waiting(waiting) = run(&mut conversation).await else { panic!("a call waits") };
    conversation.deny(&waiting[0].key, "secret no").unwrap();
    run(&mut conversation).await;
    let mut shown = Vec::new();
    for span in recorder.spans() {
        let whole = format!("{span:?}");
        for name in [
            "gen_ai.input.messages",
            "gen_ai.output.messages",
            "gen_ai.tool.call.arguments",
            "gen_ai.tool.call.result",
        ] {
            let value = attribute(&span, name);
            shown.extend((!value.is_empty()).then(|| format!("{}: {name} = {value}", span.name)));
        }
        assert!(content || !whole.contains("secret"), "{whole}");
    }
    shown
}

#[tokio::test(start_paused = true)]
async fn nothing_that_was_said_is_in_spans_by_default() {
    assert_eq!(said(false, Names::V0_1).await, [""; 0]);
    assert_eq!(said(false, Names::V1_41).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_was_said_is_there_if_asked_for() {
    insta::assert_snapshot!(said(true, Names::V0_1).await.join("\n"), @r#"
    chat claude-test: gen_ai.input.messages = [{"role":"user","parts":[{"type":"text","content":"secret wish"}]}]
    chat claude-test: gen_ai.output.messages = [{"role":"assistant","parts":[{"type":"text","content":"secret thought"},{"type":"tool_call","id":"call_0_1","name":"look","arguments":{"of":"secret"}},{"type":"tool_call","id":"call_0_2","name":"fail","arguments":{"of":"secret"}},{"type":"tool_call","id":"call_0_3","name":"ask","arguments":{"of":"secret"}}]}]
    chat claude-test: gen_ai.input.messages = []
    chat claude-test: gen_ai.output.messages = [{"role":"assistant","parts":[{"type":"text","content":"secret answer"}]}]
    execute_tool look: gen_ai.tool.call.arguments = {"of":"secret"}
    execute_tool look: gen_ai.tool.call.result = secret result
    execute_tool fail: gen_ai.tool.call.arguments = {"of":"secret"}
    execute_tool fail: gen_ai.tool.call.result = secret reason
    execute_tool ask: gen_ai.tool.call.arguments = {"of":"secret"}
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_turn_has_the_results_that_its_model_reads() {
    let recorder = Recorder::new(Traces::builder().content(true));
    let look = FnTool::new("look", "Looks.", |_: ()| async { "Rain." });
    let replies = vec![Reply::call("look", json!({})).and_call("look", json!({})), Reply::text("It rains.")];
    let agent = Agent::builder("guide", by_agent([("guide", replies)])).tool(look).build().unwrap();
    let mut conversation = Conversation::start("guide", "Weather?");
    agent.run(&mut conversation).listen(recorder.traces.listener()).await.unwrap();
    let read =
        recorder.spans().iter().map(|span| attribute(span, "gen_ai.input.messages")).collect::<Vec<_>>();
    let read: Vec<_> = read.into_iter().filter(|read| !read.is_empty()).collect();
    insta::assert_snapshot!(read.join("\n"), @r#"
    [{"role":"user","parts":[{"type":"text","content":"Weather?"}]}]
    [{"role":"tool","parts":[{"type":"tool_call_response","id":"call_0_0","response":"Rain."},{"type":"tool_call_response","id":"call_0_1","response":"Rain."}]}]
    "#);
}

#[tokio::test(start_paused = true)]
async fn what_a_request_says_is_in_the_span_of_its_turn_where_its_model_is_wrapped() {
    for (content, names) in [(false, Names::V0_1), (true, Names::V0_1), (true, Names::V1_41)] {
        let recorder = Recorder::new(Traces::builder().content(content).names(names));
        let model = recorder.traces.model(by_agent([("guide", vec![Reply::text("Yes.")])]));
        let look = FnTool::new("look", "Looks.", |_: Wish| async { "rain" });
        let agent = Agent::builder("guide", model).base_prompt("").system("secret orders").tool(look);
        let agent = agent.max_tokens(77).extra("temperature", json!(0.5));
        let agent = agent.extra("stop_sequences", json!(["END"])).build().unwrap();
        let run = agent.start("Hi.");
        let mut conversation = run;
        agent.run(&mut conversation).listen(recorder.traces.listener()).await.unwrap();
        let spans = recorder.spans();
        let span = spans.iter().find(|span| span.name.starts_with("chat")).unwrap();
        let of = |name: &str| attribute(span, name);
        assert_eq!(of("gen_ai.request.max_tokens"), "77");
        assert_eq!(of("gen_ai.request.temperature"), "0.5");
        assert_eq!(of("gen_ai.request.stop_sequences"), r#"["END"]"#);
        let (orders, tools) = (of("gen_ai.system_instructions"), of("gen_ai.tool.definitions"));
        if content {
            assert_eq!(orders, r#"[{"type":"text","content":"secret orders"}]"#);
            let tools: serde_json::Value = serde_json::from_str(&tools).unwrap();
            assert_eq!((&tools[0]["type"], &tools[0]["name"]), (&json!("function"), &json!("look")));
            assert_eq!(tools[0]["parameters"]["required"], json!(["of"]));
        } else {
            assert_eq!((orders.as_str(), tools.as_str()), ("", ""));
        }
    }
}

/// The end of a run, a transfer that failed, and a reply that a guard withdrew, each with what was said.
fn told(content: bool) -> String {
    use agent_core::{Delta, Event, EventKind, StopReason, Usage};

    let recorder = Recorder::new(Traces::builder().content(content));
    let ended = |stop_reason| EventKind::TurnEnded {
        stop_reason,
        calls: 0,
        usage: Usage::default(),
        response: None,
        model: None,
        first_piece: None,
    };
    let breaker = "\"fetch\" failed with the same error: secret page";
    let refused = |details: serde_json::Value| EventKind::Ended(End::Refused(Some(details.into())));
    let why = || "the model declined: secret words".into();
    let stories = [
        vec![ended(StopReason::Other(breaker.to_owned())), EventKind::Ended(End::Other(breaker.to_owned()))],
        vec![ended(StopReason::Refusal), refused(json!({"category": "cyber", "explanation": "secret"}))],
        vec![
            ended(StopReason::Refusal),
            refused(json!({"guard": "g", "refused": "input", "explanation": "secret"})),
        ],
        vec![ended(StopReason::Refusal), refused(json!({"secret": 1}))],
        vec![EventKind::Ended(End::Cut(StopReason::Other("secret sentence".to_owned())))],
        vec![EventKind::Delta(Delta::Restarted {
            reason: "the guard wants another reply: secret".to_owned(),
        })],
        vec![EventKind::TransferFailed { from: "desk".into(), why: why() }],
        vec![EventKind::CameBack { from: "desk".into(), why: why() }],
    ];
    for (place, story) in stories.into_iter().enumerate() {
        let (listener, id) = (recorder.traces.listener(), format!("s{place}"));
        let start = EventKind::TurnStarted { messages: Vec::new() };
        for kind in [start].into_iter().chain(story) {
            listener(&Event::new(std::time::Duration::ZERO, &id, 0, "main", kind));
        }
    }
    let shown = |span| format!("{span:?}");
    recorder.spans().into_iter().map(shown).collect()
}

#[test]
fn how_a_run_ended_says_nothing_that_was_said() {
    let (without, with) = (told(false), told(true));
    assert!(!without.contains("secret"), "{without}");
    for kept in ["the model declined (cyber)", "guard \\\"g\\\" refused the input"] {
        assert!(without.contains(kept), "{kept} in {without}");
    }
    assert!(with.matches("secret").count() >= 7, "{with}");
}
