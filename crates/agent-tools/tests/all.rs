//! Tools, called by hand and in a run.

#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use agent_core::{
    Agent, Block, Content, Context, Conversation, Json, Outcome, Team, Tool,
    event::EventLog,
    script::{Reply, Script},
};
use agent_tools::{AgentTool, FnTool, Retried, math};
use insta::assert_snapshot;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Calls a tool by hand; the words it answers, an error with `!` before it.
async fn call(tool: &dyn Tool, input: Value) -> String {
    match tool.call(Json::from(input), Context::by_hand("call")).await {
        Outcome::Output(content) => content.to_text(),
        Outcome::Error(content) => format!("! {content}"),
        other => format!("{other:?}"),
    }
}

async fn check_math(name: &str, input: Value, expected: &str) {
    let tools = math::tools();
    let tool = tools.iter().find(|tool| tool.spec().name == name).unwrap();
    assert_eq!(call(tool.as_ref(), input.clone()).await, expected, "{name} {input}");
}

#[tokio::test]
async fn math_gives_numbers_or_says_why_not() {
    check_math("sum_numbers", json!({"numbers": [1, 2.5, -0.5]}), "3").await;
    check_math("sum_numbers", json!({"numbers": [0.1, 0.2]}), "0.30000000000000004").await;
    check_math("sum_numbers", json!({"numbers": []}), "! no numbers were given").await;
    check_math("subtract_numbers", json!({"a": 1, "b": 1}), "0").await;
    check_math("multiply_numbers", json!({"numbers": [-1, 0]}), "0").await;
    check_math("multiply_numbers", json!({"numbers": [12345678, 1000]}), "12345678000").await;
    check_math(
        "multiply_numbers",
        json!({"numbers": [1e200, 1e200]}),
        "! overflow: the product is too large for a 64-bit floating-point number",
    )
    .await;
    check_math("divide_numbers", json!({"a": 7, "b": 2}), "3.5").await;
    check_math("divide_numbers", json!({"a": 7, "b": 0}), "! division by zero: 7 / 0 has no value").await;
    check_math("divide_numbers", json!({"a": 7, "b": -0.0}), "! division by zero: 7 / 0 has no value").await;
    check_math("divide_numbers", json!({"a": 1e-300, "b": 1e300}), "0").await;
    check_math("power", json!({"base": 2, "exponent": 10}), "1024").await;
    check_math("power", json!({"base": 2, "exponent": 100}), "1267650600228229401496703205376").await;
    check_math(
        "power",
        json!({"base": 0, "exponent": -1}),
        "! division by zero: 0 to the power of -1 has no value",
    )
    .await;
    check_math("power", json!({"base": -8, "exponent": 0.5}), "! the power is not a real number").await;
    check_math("square_root", json!({"number": 2.25}), "1.5").await;
    check_math("square_root", json!({"number": -4}), "! the square root of -4 is not a real number").await;
}

#[tokio::test]
async fn fault_22_an_input_that_does_not_fit_is_an_error_that_says_what_and_where() {
    check_math(
        "sum_numbers",
        json!({"numbers": [1, "two"]}),
        r#"! invalid input: at /numbers/1: invalid type: string "two", expected f64"#,
    )
    .await;
    check_math("divide_numbers", json!({"a": 1}), "! invalid input: at the top level: missing field `b`")
        .await;
}

#[test]
fn what_a_model_reads_of_a_tool() {
    let tools = math::tools();
    let schemas: Vec<String> = tools
        .iter()
        .map(|tool| {
            format!("{}: {} {}", tool.spec().name, tool.spec().description, tool.spec().input_schema.text())
        })
        .collect();
    assert_snapshot!(schemas.join("\n"), @r#"
    sum_numbers: Adds numbers. {"properties":{"numbers":{"description":"The numbers, at least one.","items":{"format":"double","type":"number"},"minItems":1,"type":"array"}},"required":["numbers"],"type":"object"}
    subtract_numbers: Subtracts: a - b. {"properties":{"a":{"description":"The first number.","format":"double","type":"number"},"b":{"description":"The second number.","format":"double","type":"number"}},"required":["a","b"],"type":"object"}
    multiply_numbers: Multiplies numbers. {"properties":{"numbers":{"description":"The numbers, at least one.","items":{"format":"double","type":"number"},"minItems":1,"type":"array"}},"required":["numbers"],"type":"object"}
    divide_numbers: Divides: a / b. {"properties":{"a":{"description":"The first number.","format":"double","type":"number"},"b":{"description":"The second number.","format":"double","type":"number"}},"required":["a","b"],"type":"object"}
    power: Raises base to the power of exponent. {"properties":{"base":{"description":"The base.","format":"double","type":"number"},"exponent":{"description":"The exponent; may be negative or a fraction.","format":"double","type":"number"}},"required":["base","exponent"],"type":"object"}
    square_root: The square root of a number. {"properties":{"number":{"description":"The number; not negative.","format":"double","type":"number"}},"required":["number"],"type":"object"}
    "#);
    assert!(tools.iter().all(|tool| tool.spec().read_only && tool.spec().idempotent));
}

#[derive(Deserialize, JsonSchema)]
struct Word {
    word: String,
}

#[derive(Serialize)]
struct Shout {
    shout: String,
}

fn shout(Word { word }: Word) -> Result<Shout, String> {
    match word.is_empty() {
        true => Err("nothing to shout".to_owned()),
        false => Ok(Shout { shout: word.to_uppercase() }),
    }
}

async fn whisper(Word { word }: Word) -> Result<String, std::io::Error> {
    Ok(word.to_lowercase())
}

#[tokio::test]
async fn functions_and_closures_sync_and_async_with_and_without_context_are_tools() {
    let hey = || json!({"word": "Hey"});
    assert_eq!(call(&FnTool::new("t", "", shout), hey()).await, r#"{"shout":"HEY"}"#);
    assert_eq!(call(&FnTool::new("t", "", shout), json!({"word": ""})).await, "! nothing to shout");
    assert_eq!(call(&FnTool::new("t", "", whisper), hey()).await, "hey");
    let count = FnTool::new("t", "", |word: Word| Ok::<_, String>(word.word.len()));
    assert_eq!(call(&count, hey()).await, "3");
    let keyed = FnTool::new("t", "", |_: Word, context: Context| Ok::<_, String>(context.key()));
    assert_eq!(call(&keyed, hey()).await, "by-hand/call");
    let keyed =
        FnTool::new("t", "", |_: Word, context: Context| async move { Ok::<_, String>(context.key()) });
    assert_eq!(call(&keyed, hey()).await, "by-hand/call");
}

#[tokio::test]
async fn flags_are_in_the_spec_and_a_timeout_counts_for_blocking_functions_too() {
    let stuck = |_: Word, context: Context| {
        while !context.cancelled() {
            std::thread::yield_now();
        }
        Ok::<_, String>("saw it")
    };
    let tool = FnTool::new("stuck", "", stuck).blocking().exclusive().timeout(Duration::from_millis(20));
    assert!(tool.spec().blocking && tool.spec().exclusive && !tool.spec().read_only);
    let model = Script::new([Reply::call("stuck", json!({"word": ""})), Reply::text("Done.")]);
    let agent = Agent::builder("main", model).tool(tool).build().unwrap();
    let mut conversation = Conversation::start("main", "Go.");
    agent.run(&mut conversation).await.unwrap();
    assert!(conversation.to_string().contains("failed: timed out after 20ms"), "{conversation}");
}

#[derive(Deserialize, JsonSchema)]
struct Sum {
    left: f64,
    right: f64,
}

#[tokio::test]
async fn an_agent_is_a_tool_with_a_description_and_an_input_of_its_own() {
    let ask = AgentTool::with_input("adder", "Adds two numbers.", |Sum { left, right }: Sum| {
        format!("What is {left} + {right}?")
    });
    let model = Script::by_agent([
        (
            "boss",
            vec![
                Reply::call("ask_adder", json!({"left": 1, "right": 2}))
                    .and_call("ask_adder", json!({"left": 3, "right": 4}))
                    .and_call("ask_adder", json!({"left": 3})),
                Reply::text("Both done."),
            ],
        ),
        ("adder", vec![Reply::text("Easy.")]),
    ]);
    let boss = Agent::builder("boss", model.clone()).tool(ask.named("ask_adder")).build().unwrap();
    let adder = Agent::builder("adder", model.clone()).tools(math::tools()).build().unwrap();
    let mut conversation = Conversation::start("boss", "Go.");
    Team::new([boss, adder]).unwrap().run(&mut conversation).await.unwrap();
    assert_snapshot!(conversation.to_string(), @r#"
    user: Go.
      > call_0_0 ask_adder {"left":1,"right":2}
      > call_0_1 ask_adder {"left":3,"right":4}
      > call_0_2 ask_adder {"left":3}
      < call_0_0 = Easy.
      < call_0_1 = Easy.
      < call_0_2 failed: invalid input: at the top level: missing field `right`
    boss: Both done.
    "#);
    let told: Vec<String> = model.requests()[1..3].iter().map(|request| request.last_text()).collect();
    assert_eq!(told, ["What is 1 + 2?", "What is 3 + 4?"]);
}

#[test]
fn an_agent_tool_needs_its_agent_in_the_team() {
    let tool: Arc<dyn Tool> = Arc::new(AgentTool::new("expert", "Knows."));
    let boss = Agent::builder("boss", Script::new([])).tools([tool]).build().unwrap();
    assert_snapshot!(Team::new([boss]).unwrap_err(), @r#"agent "boss", tool "expert" leads to agent "expert", which is not in the team (boss): add that agent, or remove the tool"#);
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_may_be_called_twice_is_called_again_when_it_fails() {
    #[derive(Deserialize, JsonSchema)]
    struct Nothing {}
    let flaky = |fails: u32| {
        let calls = std::sync::atomic::AtomicU32::new(0);
        FnTool::new("flaky", "Fails at first.", move |_: Nothing| {
            let call = calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
            if call > fails { Ok("done") } else { Err(format!("no, for the time {call}")) }
        })
    };
    let refused = Retried::new(flaky(0), 2).unwrap_err();
    assert_eq!(
        refused.to_string(),
        r#"calls of "flaky" can't be made again: mark the tool as `read_only` or `idempotent` if a call may be made twice"#
    );
    for (fails, expected) in [
        (0, "0.000 > flaky {}\n0.000 < flaky = done"),
        (
            2,
            "0.000 > flaky {}\n\
             0.000 … flaky: attempt 1 failed, again in 200ms: no, for the time 1\n\
             0.200 … flaky: attempt 2 failed, again in 400ms: no, for the time 2\n\
             0.600 < flaky = done",
        ),
        (
            9,
            "0.000 > flaky {}\n\
             0.000 … flaky: attempt 1 failed, again in 200ms: no, for the time 1\n\
             0.200 … flaky: attempt 2 failed, again in 400ms: no, for the time 2\n\
             0.600 < flaky failed: no, for the time 3",
        ),
    ] {
        let model = Script::new([Reply::call("flaky", json!({})), Reply::text("Done.")]);
        let tool = Retried::new(flaky(fails).idempotent(), 2).unwrap();
        let agent = Agent::builder("main", model).tool(tool).build().unwrap();
        let mut conversation = Conversation::start("main", "Go.");
        let (mut run, mut lines) = (agent.run(&mut conversation), Vec::new());
        while let Some(event) = run.next().await {
            let line = EventLog::new(100).line(&event).filter(|line| line.contains("flaky"));
            lines.extend(line.map(|line| line.trim_start().replace(" s  main:", "")));
        }
        assert_eq!(lines.join("\n"), expected);
    }
}

#[tokio::test]
async fn field_60_a_function_gives_blocks_back() {
    #[derive(Deserialize, JsonSchema)]
    struct Nothing {}

    async fn check(tool: FnTool, expected: Outcome) {
        assert_eq!(tool.call(Json::from(json!({})), Context::by_hand("call")).await, expected);
    }
    let blocks = || Content::from(vec![Block::text("It burns:"), Block::image("image/png", "iVBO")]);
    check(FnTool::new("look", "", move |_: Nothing| Err::<(), _>(blocks())), Outcome::Error(blocks())).await;
    check(FnTool::new("look", "", move |_: Nothing| Ok::<_, Content>(blocks())), Outcome::Output(blocks()))
        .await;
    let passed_on = async move |_: Nothing| Ok::<_, String>(Outcome::delegate("expert", "Well?"));
    check(FnTool::new("ask", "", passed_on), Outcome::delegate("expert", "Well?")).await;
}

#[tokio::test]
async fn field_45_retries_around_a_tool_that_delegates_are_refused_in_words() {
    let error = Retried::new(AgentTool::new("clerk", "Files."), 2).err().unwrap();
    assert_snapshot!(error, @r#"calls of "clerk" can't be made again: they lead to other agents (clerk); retry the tools and the models of those agents instead"#);
    let delegates =
        FnTool::new("ask", "Asks.", |_: Value| Ok::<_, String>(Outcome::delegate("clerk", "File.")));
    let retried = Retried::new(delegates.idempotent(), 2).unwrap();
    assert_snapshot!(call(&retried, json!({})).await, @r#"! not delegated to "clerk": calls of "ask" are made again when they fail, and a delegation is not"#);
}

#[test]
fn field_45_an_agent_as_a_tool_takes_what_holds_for_its_whole_task() {
    let spec = AgentTool::new("clerk", "Files.").timeout(Duration::from_secs(5)).exclusive().spec().clone();
    assert_eq!((spec.timeout, spec.exclusive), (Some(Duration::from_secs(5)), true));
    assert!(AgentTool::new("clerk", "Files.").needs_approval().spec().needs_approval);
}
