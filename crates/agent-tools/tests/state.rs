//! Tools whose calls share something.

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    future::ready,
    sync::{Arc, Mutex},
};

use agent_core::{Agent, Context, Json, Outcome, Tool, script::Script};
use agent_tools::FnTool;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize, JsonSchema)]
struct City {
    name: String,
}

type Visits = Arc<Mutex<BTreeMap<String, u32>>>;

fn visit(visits: &Visits, name: String) -> u32 {
    let mut visits = visits.lock().unwrap();
    let times = visits.entry(name).or_default();
    *times += 1;
    *times
}

async fn asynchronous(visits: Visits, City { name }: City) -> Result<u32, String> {
    ready(()).await;
    if name.is_empty() { Err("no name".into()) } else { Ok(visit(&visits, name)) }
}

async fn with_context(visits: Visits, city: City, context: Context) -> (u32, String) {
    ready(()).await;
    (visit(&visits, city.name), context.key())
}

async fn without_input(visits: Visits) -> usize {
    ready(()).await;
    visits.lock().unwrap().len()
}

async fn check(tool: &FnTool, input: Value, expected: &str) {
    let outcome = tool.call(Json::from(input), Context::by_hand("call")).await;
    let said = match outcome {
        Outcome::Output(content) => content.to_text(),
        Outcome::Error(content) => format!("! {}", content.to_text()),
        other => format!("{other:?}"),
    };
    assert_eq!(said, expected, "{}", tool.spec().name);
}

#[tokio::test]
async fn each_call_of_any_shape_has_a_clone_of_the_state() {
    let (visits, oslo) = (Visits::default(), || json!({"name": "Oslo"}));
    let of = || visits.clone();
    let key = Context::by_hand("call").key();
    for (tool, is_sync, input, expected) in [
        (FnTool::with_state("a", "", of(), asynchronous), false, oslo(), "1".to_owned()),
        (FnTool::with_state("b", "", of(), asynchronous), false, json!({"name": ""}), "! no name".into()),
        (FnTool::with_state("c", "", of(), with_context), false, oslo(), format!(r#"[2,"{key}"]"#)),
        (FnTool::with_state("d", "", of(), without_input), false, json!({}), "1".into()),
        (
            FnTool::with_state("e", "", of(), |visits: Visits, city: City| visit(&visits, city.name)),
            true,
            oslo(),
            "3".into(),
        ),
        (
            FnTool::with_state("f", "", of(), |visits: Visits, city: City, context: Context| {
                (visit(&visits, city.name), context.key())
            }),
            true,
            oslo(),
            format!(r#"[4,"{key}"]"#),
        ),
        (
            FnTool::with_state("g", "", of(), |visits: Visits| visits.lock().unwrap().len()),
            true,
            json!({}),
            "1".into(),
        ),
        (
            FnTool::with_state("h", "", of(), |visits: Visits, city: City| async move {
                asynchronous(visits, city).await
            }),
            false,
            oslo(),
            "5".into(),
        ),
    ] {
        assert_eq!(tool.spec().blocking, is_sync, "{}", tool.spec().name);
        check(&tool, input, &expected).await;
    }
    assert_eq!(visits.lock().unwrap()["Oslo"], 5);
}

#[test]
fn an_agent_takes_tools_of_one_type_and_shared_ones() {
    let tool = |name: &str| FnTool::new(name, "", || "done");
    let shared: Vec<Arc<dyn Tool>> = vec![Arc::new(tool("c")), Arc::new(tool("d").needs_approval())];
    let agent = Agent::builder("a", Script::new([])).tools([tool("a"), tool("b")]).tools(shared);
    let agent = agent.tools(Some(Arc::new(tool("e")))).build().unwrap();
    let names: Vec<&str> = agent.specs().iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
}
