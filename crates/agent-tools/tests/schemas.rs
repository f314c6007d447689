//! Which types can be the input of a tool.

#![allow(clippy::unwrap_used)]

use agent_core::{Agent, script::Script};
use agent_tools::FnTool;
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is looked at")]
enum Shape {
    Circle { radius: f64 },
    Square { side: f64 },
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema is looked at")]
struct Flattened {
    name: String,
    #[serde(flatten)]
    shape: Shape,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema is looked at")]
struct Wrapped {
    name: Option<String>,
    shape: Shape,
    shapes: Vec<Shape>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema is looked at")]
struct Nested {
    below: Vec<Nested>,
}

#[derive(Deserialize, JsonSchema)]
struct Newtype(#[expect(dead_code, reason = "only its schema is looked at")] Wrapped);

/// Builds an agent with a tool of this input: what is wrong with that, if anything.
fn refused<I: DeserializeOwned + JsonSchema + Send + 'static>() -> Option<String> {
    let tool = FnTool::new("draw", "Draws.", |_: I| Ok::<_, String>("drawn"));
    Agent::builder("artist", Script::new([])).tool(tool).build().err().map(|error| error.to_string())
}

#[test]
fn field_55_an_enum_is_taken_in_a_field_and_refused_where_the_input_is_one() {
    for fine in [refused::<Wrapped>(), refused::<Nested>(), refused::<Newtype>()] {
        assert_eq!(fine, None);
    }
    let flattened = refused::<Flattened>().unwrap();
    assert!(flattened.contains(r#"has "oneOf" at the top"#), "{flattened}");
    assert!(flattened.contains("make the input a struct with a field that holds the enum"), "{flattened}");
    let whole = refused::<Shape>().unwrap();
    assert!(whole.contains("that must be a struct"), "{whole}");
}
