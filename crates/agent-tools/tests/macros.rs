//! Tools made by `#[tool]`, as a program outside uses them.

#![cfg(feature = "macros")]
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use agent_core::{Context, Outcome, Tool, tool::Need};
use agent_tools::tool;
use insta::assert_snapshot;
use serde_json::{Value, json};

/// Adds two numbers.
///
/// Both may be negative.
#[tool(read_only, shared)]
fn add(
    /// The first.
    a: i64,
    /// The second.
    #[schemars(range(max = 9))]
    #[serde(default)]
    b: i64,
) -> i64 {
    a + b
}

/// Throws a coin.
#[tool]
fn coin() -> &'static str {
    "heads"
}

#[tool(name = "find-it", description = "Finds something.", timeout = "2m", needs_approval)]
async fn find(what: Vec<String>, limit: Option<u8>) -> Result<String, String> {
    match what.as_slice() {
        [] => Err("nothing to find".to_owned()),
        some => Ok(format!("{} of {limit:?}", some.len())),
    }
}

#[derive(Clone)]
struct Counter(Arc<AtomicU32>);

/// Counts.
#[tool(exclusive)]
fn count(#[state] counter: Counter, by: u32, context: Context, #[state] unit: &'static str) -> String {
    let sum = counter.0.fetch_add(by, Ordering::Relaxed) + by;
    format!("{sum} {unit} in {}", context.call_id())
}

/// Its type has the name of something that the macro makes.
#[tool]
async fn r#match(input: Input) -> String {
    input.text
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Input {
    text: String,
}

#[derive(Clone)]
struct User(&'static str);

struct Stock(BTreeMap<&'static str, u32>);

/// Orders a thing. It takes a value of each kind.
#[tool]
async fn order(#[run] stock: &Stock, thing: String, #[state] unit: String, #[run] buyer: User) -> String {
    let left = stock.0.get(&*thing);
    format!("{}: {left:?} {unit} of {thing} are left", buyer.0)
}

/// Who asks. It takes the context, too, and may fail.
#[tool(read_only)]
fn who(context: Context, #[run] user: &User) -> Result<String, String> {
    match user.0 {
        "" => Err("nobody".to_owned()),
        name => Ok(format!("{name} in {}", context.call_id())),
    }
}

macro_rules! tool_that_reads {
    ($name:ident, $value:ty) => {
        /// Its code comes from a macro.
        #[tool]
        async fn $name(#[run] value: &$value, #[run] own: $value, times: usize) -> String {
            format!("{value}{own}").repeat(times)
        }
    };
}

tool_that_reads!(letters, char);

#[tokio::test]
async fn a_tool_with_values_of_the_run_can_come_from_a_macro() {
    let context = Context::by_hand("call").with('a');
    assert_eq!(letters_tool().call(json!({"times": 2}).into(), context).await, Outcome::output("aaaa"));
}

#[tokio::test]
async fn a_value_of_the_run_is_an_argument() {
    let context = || Context::by_hand("call").with(Stock([("wool", 3)].into())).with(User("Ada"));
    let outcome = order_tool("kg".to_owned()).call(json!({"thing": "wool"}).into(), context()).await;
    assert_eq!(outcome, Outcome::output("Ada: Some(3) kg of wool are left"));
    assert_eq!(who_tool().call(json!({}).into(), context()).await, Outcome::output("Ada in call"));
    let nobody = context().with(User(""));
    assert_eq!(who_tool().call(json!({}).into(), nobody).await, Outcome::error("nobody"));
    assert_eq!(order_tool(String::new()).spec().needs, [Need::of::<Stock>(), Need::of::<User>()]);
    assert!(who_tool().spec().blocking && coin_tool().spec().needs.is_empty());
    assert_snapshot!(order_tool(String::new()).spec().input_schema.text(), @r#"{"properties":{"thing":{"type":"string"}},"required":["thing"],"type":"object"}"#);
}

#[tokio::test]
async fn a_value_that_is_missing_is_an_error_that_names_its_type() {
    let missing = |value| {
        format!(
            r#"error: agent "nobody", tool "by-hand" needs a value of type {value}, but none was given: give it with `.with(value)`"#
        )
    };
    check(who_tool(), json!({}), &missing("macros::User")).await;
    check(order_tool(String::new()), json!({"thing": "wool"}), &missing("macros::Stock")).await;
}

/// What a tool returns for an input.
async fn check(tool: impl Tool, input: Value, expected: &str) {
    let outcome = tool.call(input.into(), Context::by_hand("call")).await;
    let text = match outcome {
        Outcome::Output(content) => content.to_text(),
        Outcome::Error(content) => format!("error: {}", content.to_text()),
        other => format!("{other:?}"),
    };
    assert_eq!(text, expected);
}

#[tokio::test]
async fn a_tool_calls_its_function() {
    check(add_tool(), json!({"a": 1, "b": 2}), "3").await;
    check(add_tool(), json!({"a": 1}), "1").await;
    check(coin_tool(), json!({}), "heads").await;
    check(match_tool(), json!({"input": {"text": "yes"}}), "yes").await;
    let counter = Counter(Arc::default());
    check(count_tool(counter.clone(), "sheep"), json!({"by": 2}), "2 sheep in call").await;
    check(count_tool(counter, "sheep"), json!({"by": 3}), "5 sheep in call").await;
}

#[tokio::test]
async fn an_input_that_does_not_fit_is_an_error_for_the_model() {
    check(
        add_tool(),
        json!({"a": "one"}),
        "error: invalid input: at /a: invalid type: string \"one\", expected i64",
    )
    .await;
    check(add_tool(), json!({"a": 1, "b": 99}), "error: invalid input: at /b: must be <=9, but got 99").await;
}

#[tokio::test]
async fn the_function_stays_callable() {
    assert_eq!((add(1, 2), coin()), (3, "heads"));
    assert_eq!(find(vec!["a".to_owned()], None).await.unwrap(), "1 of None");
    assert_eq!(r#match(Input { text: "no".to_owned() }).await, "no");
}

#[test]
fn the_model_reads_comments_and_schema() {
    let shown = |spec: &agent_core::ToolSpec| {
        format!("{}: {}\n{}", spec.name, spec.description, spec.input_schema.text())
    };
    assert_snapshot!(shown(add_tool().spec()), @r#"
    add: Adds two numbers.

    Both may be negative.
    {"properties":{"a":{"description":"The first.","format":"int64","type":"integer"},"b":{"default":0,"description":"The second.","format":"int64","maximum":9,"type":"integer"}},"required":["a"],"type":"object"}
    "#);
    assert_snapshot!(shown(find_tool().spec()), @r#"
    find-it: Finds something.
    {"properties":{"limit":{"format":"uint8","maximum":255,"minimum":0,"type":["integer","null"]},"what":{"items":{"type":"string"},"type":"array"}},"required":["what"],"type":"object"}
    "#);
    assert_snapshot!(shown(match_tool().spec()), @r#"
    match: Its type has the name of something that the macro makes.
    {"properties":{"input":{"properties":{"text":{"type":"string"}},"required":["text"],"type":"object"}},"required":["input"],"type":"object"}
    "#);
}

#[test]
fn options_are_flags_of_the_tool() {
    let add = add_tool();
    assert!(add.spec().read_only && add.spec().shared && add.spec().blocking);
    let find = find_tool();
    assert!(find.spec().needs_approval && !find.spec().blocking);
    assert_eq!(find.spec().timeout, Some(Duration::from_secs(120)));
    assert!(count_tool(Counter(Arc::default()), "").spec().exclusive);
}
