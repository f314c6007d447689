//! Limits in input schemas: of types, and of schemas that were written by hand.

#![allow(clippy::unwrap_used)]
#![cfg(feature = "validate")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use agent_core::{
    Agent, Context, Json, Outcome, Tool, ToolSpec, async_trait,
    script::{Reply, Script},
};
use agent_tools::{AgentTool, FnTool, Validated};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "it is only read")]
struct Trip {
    #[schemars(range(min = 1, max = 7))]
    #[serde(default)]
    days: u8,
    #[schemars(length(min = 2, max = 5), regex(pattern = "^[A-Z]"))]
    #[serde(default, alias = "town", skip_serializing_if = "Option::is_none")]
    city: Option<String>,
    #[schemars(extend("enum" = ["bus", "train"]))]
    #[serde(default)]
    by: Option<String>,
    #[schemars(length(max = 2))]
    #[serde(default)]
    stops: Vec<Stop>,
    #[serde(default)]
    place: Option<Place>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "it is only read")]
struct Stop {
    #[schemars(extend("exclusiveMaximum" = 24))]
    hours: f64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(dead_code, reason = "it is only read")]
enum Place {
    Hotel {
        #[schemars(range(max = 5))]
        stars: u8,
    },
    Tent {
        #[serde(alias = "m2")]
        area: f64,
    },
}

/// What a tool answers by hand, an error with `!` before it.
async fn call(tool: &dyn Tool, input: Value) -> String {
    match tool.call(Json::from(input), Context::by_hand("call")).await {
        Outcome::Output(content) => content.to_text(),
        Outcome::Error(content) => format!("! {}", content.to_text()),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn field_50_limits_of_a_type_are_checked_before_the_call() {
    let made = Arc::new(AtomicUsize::new(0));
    let count = made.clone();
    let tool = FnTool::new("book", "Books.", move |_: Trip| {
        count.fetch_add(1, Ordering::SeqCst);
        "booked"
    });
    let asked = AgentTool::with_input("clerk", "Books.", |_: Trip| "Book.".to_owned());
    let mut fine = 0;
    for (input, expected) in [
        (json!({"days": 7}), Ok(())),
        (json!({"days": 99}), Err("at /days: must be <=7, but got 99")),
        (json!({"days": 0}), Err("at /days: must be >=1, but got 0")),
        (json!({"city": "Oslo"}), Ok(())),
        (json!({"city": null}), Ok(())),
        (
            json!({"city": "Ö"}),
            Err(r"at /city: length must be >=2, but got 1; at /city: 'Ö' does not match pattern '^[A-Z]'"),
        ),
        (json!({"by": "train"}), Ok(())),
        (json!({"by": "rocket"}), Err("at /by: value must be one of 'bus', 'train'")),
        (json!({"stops": [{"hours": 1}, {"hours": 24}]}), Err("at /stops/1/hours: must be < 24 but got 24")),
        (
            json!({"days": 8, "stops": [{"hours": 1}, {"hours": 2}, {"hours": 3}]}),
            Err("at /days: must be <=7, but got 8; at /stops: maximum 2 items required, but got 3 items"),
        ),
        (json!({"place": {"kind": "hotel", "stars": 5}}), Ok(())),
        // What the type takes, though its schema does not show it.
        (json!({"town": "Oslo", "place": {"kind": "tent", "m2": 3}}), Ok(())),
        (json!({"days": "two"}), Err(r#"at /days: invalid type: string "two", expected u8"#)),
    ] {
        let (said, told) = (call(&tool, input.clone()).await, call(&asked, input.clone()).await);
        match expected {
            Ok(()) => {
                fine += 1;
                assert_eq!(said, "booked", "{input}");
                assert_eq!(told, format!("{:?}", Outcome::delegate("clerk", "Book.")), "{input}");
            }
            Err(why) => {
                assert_eq!(said, format!("! invalid input: {why}"), "{input}");
                assert_eq!(told, said, "{input}");
            }
        }
    }
    let stars = call(&tool, json!({"place": {"kind": "hotel", "stars": 9}})).await;
    assert!(stars.contains("at /place/stars: must be <=5, but got 9"), "{stars}");
    assert_eq!(made.load(Ordering::SeqCst), fine);

    // In a run, the model reads it.
    let model = Script::new([Reply::call("book", json!({"days": 99})), Reply::text("Done.")]);
    let agent = Agent::builder("main", model).tool(tool).build().unwrap();
    let mut conversation = agent.start("Go.");
    agent.run(&mut conversation).await.unwrap();
    let transcript = conversation.to_string();
    assert!(transcript.contains("failed: invalid input: at /days: must be <=7, but got 99"), "{transcript}");
}

/// A tool whose schema was written by hand.
struct Raw(ToolSpec);

#[async_trait]
impl Tool for Raw {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, _: Json, _: Context) -> Outcome {
        Outcome::output("called")
    }
}

fn raw(schema: Value) -> Raw {
    Raw(ToolSpec::new("raw", "", schema))
}

#[tokio::test]
async fn field_50_a_raw_schema_is_checked_whole() {
    let schema = json!({
        "type": "object",
        "properties": {
            "unit": {"enum": ["c", "f"]},
            "a/b": {"$ref": "#/$defs/small"},
            "any": {"anyOf": [{"type": "string", "maxLength": 2}, {"type": "integer"}]},
        },
        "required": ["unit"],
        "additionalProperties": false,
        "$defs": {"small": {"type": "integer", "multipleOf": 5}},
    });
    let tool = Validated::new(raw(schema)).unwrap();
    for (input, expected) in [
        (json!({"unit": "c", "a/b": 10, "any": 1}), "called"),
        (json!({"unit": "k"}), "! invalid input: at /unit: value must be one of 'c', 'f'"),
        (json!({}), "! invalid input: at the top level: missing properties 'unit'"),
        (
            json!({"unit": "c", "x": 1}),
            "! invalid input: at the top level: additionalProperties 'x' not allowed",
        ),
        (json!({"unit": "c", "a/b": 7}), "! invalid input: at /a~1b: 7 is not multipleOf 5"),
        (
            json!({"unit": "c", "any": "long"}),
            "! invalid input: at /any: fits none of the alternatives: at /any: length must be <=2, but got 4, or \
             at /any: want integer, but got string",
        ),
        (json!([]), "! invalid input: at the top level: want object, but got array"),
    ] {
        assert_eq!(call(&tool, input.clone()).await, expected, "{input}");
    }
}

#[tokio::test]
async fn field_50_what_is_said_of_an_input_is_bounded() {
    let items = json!({"type": "object", "properties": {"all": {"items": {"maximum": 1}}}});
    let said = call(&Validated::new(raw(items)).unwrap(), json!({"all": vec![2; 10_000]})).await;
    assert!(said.len() < 2_200 && said.ends_with("more"), "{said}");
}

#[test]
fn field_50_a_schema_that_can_t_be_checked_is_an_error_when_it_is_built() {
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "it is only read")]
    struct Wrong {
        #[schemars(regex(pattern = "("))]
        word: String,
    }
    let build = |tool: FnTool| Agent::builder("main", Script::new([])).tool(tool).build();
    let error = build(FnTool::new("t", "", |_: Wrong| "x")).unwrap_err().to_string();
    let expected = r#"agent "main", tool "t": its input schema can't be checked: at /properties/word/pattern: '(' is not valid regex: "#;
    assert!(error.starts_with(expected), "{error}");
    for elsewhere in ["https://example.com/schema.json", "file:///etc/passwd", "other.json", "#/$defs/none"] {
        let schema = json!({"type": "object", "properties": {"a": {"$ref": elsewhere}}});
        let error = Validated::new(raw(schema)).unwrap_err().to_string();
        assert!(error.starts_with(r#"inputs of "raw" can't be checked by its schema: "#), "{error}");
        assert!(
            error.ends_with("a schema can refer only to its own parts") || elsewhere.starts_with('#'),
            "{error}"
        );
    }
}

#[tokio::test]
async fn field_50_nobody_is_asked_about_an_input_that_breaks_a_rule() {
    let tool = FnTool::new("book", "Books.", |_: Trip| "booked").needs_approval();
    let tool = Validated::new(tool).unwrap();
    assert!(tool.spec().needs_approval);
    assert_eq!(call(&tool, json!({"days": 99})).await, "! invalid input: at /days: must be <=7, but got 99");
    assert!(call(&tool, json!({"days": 7})).await.starts_with("Wait"));
}
