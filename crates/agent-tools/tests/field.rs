//! What was tried on these crates, and failed.

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use agent_core::{
    Agent, Block, Content, Context, Conversation, Json, Outcome, Tool,
    script::{Reply, Script},
    tool::Permits,
};
use agent_tools::{AgentTool, Answer, Body, FnTool, NeedsApproval, Retried, math};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::{
    sync::Notify,
    time::{Instant, advance, sleep},
};

#[derive(Deserialize, JsonSchema)]
struct Word {
    word: String,
}

/// An agent that calls its tool so often in one reply, and then says "Done."
fn caller(tool: impl Tool + 'static, times: usize) -> Agent {
    let name = tool.spec().name.clone();
    let calls =
        (0..times).fold(Reply::default(), |reply, at| reply.and_call(&name, json!({"word": at.to_string()})));
    Agent::builder("main", Script::new([calls, Reply::text("Done.")])).tool(tool).build().unwrap()
}

/// The lines of a conversation that are results.
async fn results(agent: &Agent) -> Vec<String> {
    let mut conversation = Conversation::start("main", "Go.");
    agent.run(&mut conversation).await.unwrap();
    let transcript = conversation.to_string();
    transcript.lines().filter_map(|line| line.strip_prefix("  < ")).map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn field_47_a_sync_function_holds_up_no_other_run_and_its_timeout_holds() {
    let (release, released) = mpsc::channel::<()>();
    let (begun, stuck) = (Arc::new(Notify::new()), Mutex::new(released));
    let begin = begun.clone();
    let permits = Permits::new(1);
    let stuck = FnTool::new("stuck", "Returns when it may.", move |Word { word }: Word| {
        begin.notify_one();
        let _ = stuck.lock().unwrap().recv_timeout(Duration::from_secs(10));
        Ok::<_, String>(word)
    });
    let stuck = caller(stuck.timeout(Duration::from_millis(100)).permits(permits.clone()), 1);
    let brief = FnTool::new("brief", "Waits a little.", async |Word { word }: Word| {
        sleep(Duration::from_millis(20)).await;
        Ok::<_, String>(word)
    });
    let brief = caller(brief, 1);

    let start = Instant::now();
    let others = async {
        begun.notified().await;
        // The clock does not move by itself as long as something blocks.
        let (results, ()) = tokio::join!(results(&brief), advance_when_asked(20));
        assert_eq!((results, start.elapsed().as_millis()), (vec!["call_0_0 = 0".to_owned()], 20));
        advance(Duration::from_millis(80)).await;
    };
    let (stuck, ()) = tokio::join!(results(&stuck), others);
    assert_eq!(stuck, ["call_0_0 failed: timed out after 100ms"]);
    assert_eq!(start.elapsed().as_millis(), 100);
    drop(release);
}

/// Moves the clock once the others have set their timers.
async fn advance_when_asked(ms: u64) {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    advance(Duration::from_millis(ms)).await;
}

#[test]
fn field_47_a_sync_call_that_waits_for_its_next_attempt_holds_no_thread() {
    // One thread of the pool: it is free while a call waits for its next attempt, or for anything else.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(1).start_paused(true).build().unwrap();
    let tries = Mutex::new(0);
    let tool = FnTool::new("flaky", "Fails at first.", move |Word { word }: Word| {
        *tries.lock().unwrap() += 1;
        if *tries.lock().unwrap() > 2 { Ok(word) } else { Err("no") }
    });
    let agent = caller(Retried::new(tool.idempotent(), 1).unwrap(), 2);
    runtime.block_on(async {
        let start = Instant::now();
        assert_eq!(results(&agent).await, ["call_0_0 = 0", "call_0_1 = 1"]);
        assert_eq!(start.elapsed().as_millis(), 200, "both wait at the same time");
    });
}

#[tokio::test(start_paused = true)]
async fn field_47_a_sync_function_may_block_on_a_future_of_its_own() {
    let tool = FnTool::new("bridge", "Waits for async code.", |Word { word }: Word| {
        let word = async move { format!("{word}!") };
        Ok::<_, String>(tokio::runtime::Handle::current().block_on(word))
    });
    assert_eq!(results(&caller(tool, 1)).await, ["call_0_0 = 0!"]);
}

#[test]
fn field_47_which_tools_run_on_the_blocking_pool() {
    let sync = || FnTool::new("t", "", |Word { word }: Word| Ok::<_, String>(word));
    let with_context = FnTool::new("t", "", |_: Word, context: Context| Ok::<_, String>(context.key()));
    let slow = || FnTool::new("t", "", async |Word { word }: Word| Ok::<_, String>(word));
    let check = |tool: &dyn Tool, expected: bool| assert_eq!(tool.spec().blocking, expected);
    check(&sync(), true);
    check(&with_context, true);
    check(&sync().instant(), false);
    check(&NeedsApproval::new(sync()), true);
    check(&Retried::new(sync().idempotent(), 1).unwrap(), true);
    check(&NeedsApproval::new(sync().instant()), false);
    check(&slow(), false);
    check(&slow().blocking(), true);
    math::tools().iter().for_each(|tool| check(tool, false));
}

/// Calls a tool by hand; the words it answers, an error with `!` before it.
async fn call(tool: &dyn Tool, input: &str) -> String {
    match tool.call(Json::read(input).unwrap(), Context::by_hand("call")).await {
        Outcome::Output(content) => content.to_text(),
        Outcome::Error(content) => format!("! {}", content.to_text()),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn field_73_whole_numbers_are_exact_and_an_exponent_says_that_a_number_is_rounded() {
    const HALF_OF_ALL: &str = "170141183460469231731687303715884105728"; // 2^127, one more than there is room for
    let tools = math::tools();
    let check = async |name: &str, input: String, expected: &str| {
        let tool = tools.iter().find(|tool| tool.spec().name == name).unwrap();
        assert_eq!(call(tool, &input).await, expected, "{name} {input}");
    };
    for (base, exponent, expected) in [
        ("2", "64", "18446744073709551616"),
        ("2.0", "6.4e1", "18446744073709551616"),
        ("-2", "63", "-9223372036854775808"),
        ("3", "80", "147808829414345923316083210206383297601"),
        ("2", "126", "85070591730234615865843651857942052864"),
        ("2", "127", "1.7014118346046923e38"),
        ("2", "200", "1.6069380442589903e60"),
        ("-1", "9007199254740993", "-1"),
        ("1", "-9007199254740993", "1"),
        ("0", "0", "1"),
        ("10", "-2", "0.01"),
        ("2", "0.5", "1.4142135623730951"),
        ("2", "5000", "! overflow: the power is too large for a 64-bit floating-point number"),
    ] {
        check("power", format!(r#"{{"base":{base},"exponent":{exponent}}}"#), expected).await;
    }
    for (numbers, sum, product) in [
        ("9007199254740993,1", "9007199254740994", "9007199254740993"),
        ("18446744073709551616,1", "18446744073709551617", "18446744073709551616"),
        ("-18446744073709551617,0", "-18446744073709551617", "0"),
        ("1e20,3", "100000000000000000003", "300000000000000000000"),
        ("1.50e1,-0", "15", "0"),
        ("0.5,36893488147419103232", "3.6893488147419103e19", "1.8446744073709552e19"),
        ("0.1,0.2", "0.30000000000000004", "0.020000000000000004"),
        (HALF_OF_ALL, "1.7014118346046923e38", "1.7014118346046923e38"),
        ("4294967296,4294967296,4294967296", "12884901888", "79228162514264337593543950336"),
    ] {
        check("sum_numbers", format!(r#"{{"numbers":[{numbers}]}}"#), sum).await;
        check("multiply_numbers", format!(r#"{{"numbers":[{numbers}]}}"#), product).await;
    }
    for (a, b, difference, quotient) in [
        ("18446744073709551617", "1", "18446744073709551616", "18446744073709551617"),
        ("18446744073709551617", "2", "18446744073709551615", "9.223372036854776e18"),
        ("-36893488147419103232", "-2", "-36893488147419103230", "18446744073709551616"),
        ("7", "-2", "9", "-3.5"),
        ("1", "3", "-2", "0.3333333333333333"),
    ] {
        check("subtract_numbers", format!(r#"{{"a":{a},"b":{b}}}"#), difference).await;
        check("divide_numbers", format!(r#"{{"a":{a},"b":{b}}}"#), quotient).await;
    }
    for (number, expected) in [
        ("18446744073709551616", "4294967296"),
        ("340282366920938463426481119284349108225", "1.8446744073709552e19"),
        ("2", "1.4142135623730951"),
        ("0", "0"),
        ("1e400", "! invalid input: at /number: number out of range"),
        ("true", "! invalid input: at /number: invalid type: boolean `true`, expected f64"),
        ("null", "! invalid input: at /number: invalid type: null, expected f64"),
    ] {
        check("square_root", format!(r#"{{"number":{number}}}"#), expected).await;
    }
}

/// What the model reads of a tool's only call, with this input.
async fn says<K>(function: impl Body<K>, input: &str) -> String {
    call(&FnTool::new("t", "", function), input).await
}

#[derive(Serialize)]
struct Weather {
    degrees: i8,
}

#[tokio::test]
async fn field_67_functions_without_a_result_or_an_input_are_tools() {
    let w = r#"{"word":"Hey"}"#;
    assert_eq!(says(|| "now", "{}").await, "now");
    assert_eq!(says(async || 7, "{}").await, "7");
    assert_eq!(says(|| (), "{}").await, "done");
    assert_eq!(says(|| Ok::<_, String>(()), "{}").await, "done");
    assert_eq!(says(|_: (), context: Context| context.key(), "{}").await, "by-hand/call");
    assert_eq!(says(async |_: (), context: Context| context.key(), "{}").await, "by-hand/call");
    assert_eq!(says(|word: Word| word.word, w).await, "Hey");
    assert_eq!(says(async |word: Word| word.word.len(), w).await, "3");
    assert_eq!(says(|word: Word| word.word.chars().next(), w).await, "H");
    assert_eq!(says(|_: Word| None::<u8>, w).await, "null");
    assert_eq!(says(|word: Word| (word.word, 1.5, true), w).await, r#"["Hey",1.5,true]"#);
    assert_eq!(says(|word: Word| BTreeMap::from([(word.word, [1, 2])]), w).await, r#"{"Hey":[1,2]}"#);
    assert_eq!(says(|| vec![Weather { degrees: -3 }], "{}").await, r#"[{"degrees":-3}]"#);
    assert_eq!(says(|| Ok::<_, String>(Weather { degrees: -3 }), "{}").await, r#"{"degrees":-3}"#);
    assert_eq!(says(|| json!({"a": 1}), "{}").await, r#"{"a":1}"#);
    assert_eq!(says(|| Err::<(), _>(std::io::Error::other("gone")), "{}").await, "! gone");
}

#[tokio::test]
async fn field_67_content_blocks_and_outcomes_are_no_json() {
    let blocks = || vec![Block::text("a"), Block::text("b")];
    let check = async |tool: FnTool, expected: Outcome| {
        assert_eq!(tool.call(json!({}).into(), Context::by_hand("call")).await, expected);
    };
    let expected = || Outcome::output(blocks());
    check(FnTool::new("t", "", blocks), expected()).await;
    check(FnTool::new("t", "", move || Content::Blocks(blocks())), expected()).await;
    check(FnTool::new("t", "", move || Ok::<_, String>(blocks())), expected()).await;
    check(FnTool::new("t", "", move || Ok::<_, String>(Content::Blocks(blocks()))), expected()).await;
    check(FnTool::new("t", "", || Block::text("a")), Outcome::output(vec![Block::text("a")])).await;
    check(FnTool::new("t", "", || Outcome::error("no")), Outcome::error("no")).await;
    check(FnTool::new("t", "", async || Outcome::delegate("b", "do")), Outcome::delegate("b", "do")).await;
    check(FnTool::new("t", "", || Ok::<_, String>(Outcome::error("no"))), Outcome::error("no")).await;
    check(FnTool::new("t", "", || Answer("yes")), Outcome::answer("yes")).await;
    check(FnTool::new("t", "", || Answer(())), Outcome::answer("done")).await;
    check(FnTool::new("t", "", || Answer(vec![1, 2])), Outcome::answer("[1,2]")).await;
    check(FnTool::new("t", "", move || Answer(blocks())), Outcome::answer(blocks())).await;
    check(FnTool::new("t", "", async || Ok::<_, String>(Answer(7))), Outcome::answer("7")).await;
    check(FnTool::new("t", "", || Err::<Answer<u8>, _>("no")), Outcome::error("no")).await;
    let shown = move || Err::<(), _>(Content::Blocks(blocks()));
    check(FnTool::new("t", "", shown), Outcome::error(blocks())).await;
}

#[tokio::test]
async fn field_67_a_tool_without_an_input_takes_any_object_and_null() {
    #[derive(Deserialize, JsonSchema)]
    struct Nothing;
    let empty = r#"{"properties":{},"type":"object"}"#;
    let tools = [
        FnTool::new("t", "", || "now"),
        FnTool::new("t", "", |_: ()| "now"),
        FnTool::new("t", "", |_: Nothing| "now"),
    ];
    for tool in tools {
        assert_eq!(tool.spec().input_schema.text(), empty);
        for input in ["{}", "null", r#"{"unit":"hours"}"#] {
            assert_eq!(call(&tool, input).await, "now");
        }
        let error = call(&tool, r#""now""#).await;
        assert!(error.contains(r#"invalid type: string "now", expected unit"#), "{error}");
    }
    // Also where it is an agent's.
    let expert = AgentTool::with_input("expert", "", |()| "Do what you do.".to_owned());
    assert_eq!(expert.spec().input_schema.text(), empty);
    assert_eq!(call(&expert, "{}").await, format!("{:?}", Outcome::delegate("expert", "Do what you do.")));
    // A model may send no input at all.
    let model = Script::new([Reply::call("t", json!({})), Reply::text("Done.")]);
    let agent = Agent::builder("main", model).tool(FnTool::new("t", "", || "now")).build().unwrap();
    assert_eq!(results(&agent).await, ["call_0_0 = now"]);
}

#[test]
fn field_67_an_input_that_is_no_object_is_an_error_when_the_agent_is_built() {
    #[derive(Deserialize, JsonSchema)]
    enum Direction {
        North,
        South,
    }
    let refused = |tool: FnTool| {
        let agent = Agent::builder("main", Script::new([])).tool(tool).build();
        agent.unwrap_err().to_string()
    };
    let tools = [
        FnTool::new("t", "", |word: String| word),
        FnTool::new("t", "", |to: Direction| matches!(to, Direction::North | Direction::South)),
        FnTool::new("t", "", |number: u32| number),
        FnTool::new("t", "", |all: Vec<String>| all),
    ];
    for tool in tools {
        let error = refused(tool);
        assert!(
            error.contains("a String, a number, a list or an enum is a field: struct Input { word"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn field_67_a_tool_keeps_state() {
    let words = Arc::new(tokio::sync::Mutex::new(Vec::new()));
    let kept = words.clone();
    let tool = FnTool::new("keep", "Keeps a word.", move |Word { word }: Word| {
        let kept = kept.clone();
        async move {
            let mut kept = kept.lock().await;
            kept.push(word);
            kept.len()
        }
    });
    assert_eq!(results(&caller(tool.exclusive(), 3)).await, ["call_0_0 = 1", "call_0_1 = 2", "call_0_2 = 3"]);
    assert_eq!(*words.lock().await, ["0", "1", "2"]);
}
