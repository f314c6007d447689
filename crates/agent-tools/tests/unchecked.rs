//! Limits in input schemas that nothing checks: an agent with such a tool can't be built, unless the program says so.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use agent_core::{Agent, BuildError, Context, Json, Outcome, Tool, script::Script};
use agent_tools::{AgentTool, FnTool};
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "it is only read")]
struct Unlimited {
    unsigned: u8,
    signed: i16,
    long: u64,
    float: f64,
    pair: (f64, String),
    set: BTreeSet<String>,
    unit: Unit,
    /// The name of a limit is no limit.
    minimum: Option<u32>,
    #[serde(default = "seven")]
    days: Option<u32>,
}

#[derive(Deserialize, JsonSchema)]
enum Unit {
    Celsius,
    Fahrenheit,
}

fn seven() -> Option<u32> {
    Some(7)
}

macro_rules! limited {
    ($name:ident, $type:ty, $($limit:tt)*) => {
        #[derive(Deserialize, JsonSchema)]
        struct $name {
            #[schemars($($limit)*)]
            #[expect(dead_code, reason = "it is only read")]
            field: $type,
        }
    };
}

limited!(Range, u8, range(min = 1, max = 7));
limited!(Most, u8, range(max = 7));
limited!(Length, String, length(min = 1));
limited!(Items, Vec<u8>, length(max = 2));
limited!(Pattern, String, regex(pattern = "^[A-Z]"));

fn tool<I: DeserializeOwned + JsonSchema + Send + 'static>() -> FnTool {
    FnTool::new("t", "", |_: I| "done")
}

fn build(tool: impl Tool + 'static) -> Result<Agent, BuildError> {
    Agent::builder("main", Script::new([])).tool(tool).build()
}

#[tokio::test]
async fn limits_are_checked_or_a_fault_or_said_to_be_unchecked() {
    build(tool::<Unlimited>()).unwrap();
    for (tool, limit) in [
        (tool::<Range>(), "maximum"),
        (tool::<Most>(), "maximum"),
        (tool::<Length>(), "minLength"),
        (tool::<Items>(), "maxItems"),
        (tool::<Pattern>(), "pattern"),
    ] {
        let place = format!("/properties/field/{limit}");
        let fault = format!(
            "agent \"main\", tool \"t\": its input schema has a limit that nothing checks, {place:?}: enable the feature \
             `validate` of agent-tools, or call `.unchecked_limits()` on the tool if the limit is only a hint for the model"
        );
        let expected = if cfg!(feature = "validate") { None } else { Some(fault) };
        assert_eq!(build(tool).err().map(|error| error.to_string()), expected);
    }
    let unchecked = tool::<Range>().unchecked_limits();
    let outcome = unchecked.call(Json::from(json!({"field": 99})), Context::by_hand("call")).await;
    assert_eq!(outcome, Outcome::output("done"));
    build(unchecked).unwrap();
    let asked = AgentTool::with_input("main", "", |_: Range| "Go.".to_owned()).named("t");
    build(asked.unchecked_limits()).unwrap();
}
