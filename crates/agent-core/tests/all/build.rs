//! Agents and teams that can't be built, and runs that can't start.

use agent_core::{Agent, BuildError, Conversation, RunError, Team, ToolSpec, script::Script};
use serde_json::json;

use crate::common::{Act, Log};

fn build(name: &str, specs: Vec<ToolSpec>) -> Result<Agent, BuildError> {
    let builder = Agent::builder(name, Script::new([]));
    specs
        .into_iter()
        .fold(builder, |builder, new| builder.tool(Act::new("", &Log::default()).spec(|spec| *spec = new)))
        .build()
}

fn spec(name: &str) -> ToolSpec {
    ToolSpec::new(name, "", json!({"type": "object"}))
}

fn check(result: Result<impl std::fmt::Debug, BuildError>, expected: &str) {
    assert_eq!(result.unwrap_err().to_string(), expected);
}

#[test]
fn fault_12_two_tools_of_one_name_are_refused_naming_both_sides() {
    check(
        build("calculator", vec![spec("add"), spec("sub"), spec("add")]),
        r#"agent "calculator" has two tools named "add": rename one, or leave it out"#,
    );
}

#[test]
fn names_that_the_api_refuses_are_refused() {
    check(
        build("calculator", vec![spec("add numbers")]),
        r#"agent "calculator": "add numbers" can't be the name of a tool: use 1 to 128 of the characters a-z, A-Z, 0-9, _ and -"#,
    );
    check(
        build("the calculator", vec![]),
        r#""the calculator" can't be the name of an agent: use 1 to 128 of the characters a-z, A-Z, 0-9, _ and -"#,
    );
    assert!(build("a", vec![spec(&"x".repeat(128))]).is_ok());
    assert!(build("a", vec![spec(&"x".repeat(129))]).is_err());
    assert!(build("a", vec![spec("")]).is_err());
}

#[test]
fn field_55_an_input_schema_that_the_api_refuses_is_refused_with_the_way_out() {
    let wrong = |schema: serde_json::Value, why: &str| {
        let expected = format!(r#"agent "a", tool "add": the input schema {why}"#);
        check(build("a", vec![ToolSpec::new("add", "", schema)]), &expected);
    };
    let no_object = r#"must be a JSON object with "type": "object"; if it is made from a type, that must be a struct, in which a String, a number, a list or an enum is a field: struct Input { word: String }"#;
    for schema in [
        json!({"type": "array"}),
        json!({"type": "strng"}),
        json!({"type": ["object"]}),
        json!({}),
        json!(true),
        json!({"oneOf": [{"type": "object"}]}),
        json!({"$ref": "#/$defs/A", "$defs": {"A": {"type": "object"}}}),
    ] {
        wrong(schema, no_object);
    }
    for composed in ["oneOf", "anyOf", "allOf"] {
        wrong(
            json!({"type": "object", composed: [{"type": "object"}]}),
            &format!(
                "has {composed:?} at the top, where the API takes no oneOf, anyOf or allOf; usually it comes from an enum \
                 that is flattened, or is the input itself: make the input a struct with a field that holds the enum"
            ),
        );
    }
    let keys = "the API takes names of 1 to 64 of the characters a-z, A-Z, 0-9, _, . and -: rename it";
    wrong(json!({"type": "object", "properties": {"a b": {}}}), &format!(r#"has a property "a b"; {keys}"#));
    let draft = "is no JSON Schema of draft 2020-12";
    wrong(
        json!({"type": "object", "properties": {"a/b~": {}, "a": {"items": {"type": "strng"}}}}),
        &format!(r#"has a property "a/b~"; {keys}"#),
    );
    let types = "where one of these must be, or a list of them: array, boolean, integer, null, number, object, string";
    wrong(
        json!({"type": "object", "properties": {"a": {"items": {"type": "strng"}}}}),
        &format!(r#"{draft}: "strng" stands at "/properties/a/items/type", {types}"#),
    );
    wrong(
        json!({"type": "object", "$defs": {"a/b": {"anyOf": [true, {"type": ["null", "null"]}]}}}),
        &format!(r#"{draft}: ["null","null"] stands at "/$defs/a~1b/anyOf/1/type", {types}"#),
    );
    wrong(
        json!({"type": "object", "properties": {"a": "string"}}),
        &format!(
            r#"{draft}: "string" stands at "/properties/a", where a schema must be an object or a boolean"#
        ),
    );
    wrong(
        json!({"type": "object", "properties": {"a": {"oneOf": []}}}),
        &format!(r#"{draft}: [] stands at "/properties/a/oneOf", where a list of schemas must be"#),
    );
    wrong(
        json!({"type": "object", "properties": []}),
        &format!(r#"{draft}: [] stands at "/properties", where an object of schemas must be"#),
    );
    let fine = json!({
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "any": {"oneOf": [{"type": ["string", "null"]}, true, {"enum": [1, {"type": "strng"}]}]},
        },
        "additionalProperties": false,
    });
    assert!(build("a", vec![ToolSpec::new("add", "", fine)]).is_ok());
}

#[test]
fn field_69_calls_with_effects_are_not_shared() {
    let shared = |change: fn(&mut ToolSpec)| {
        let mut spec = spec("buy");
        spec.shared = true;
        change(&mut spec);
        build("a", vec![spec])
    };
    check(
        shared(|_| ()),
        r#"agent "a", tool "buy" is `shared`, but may have effects: mark it as `read_only` or `idempotent`, or remove `shared`"#,
    );
    assert!(shared(|spec| spec.read_only = true).is_ok());
    assert!(shared(|spec| spec.idempotent = true).is_ok());
}

fn leading_to(target: &str) -> ToolSpec {
    let mut spec = spec("ask_expert");
    spec.targets = vec![target.to_owned()];
    spec
}

#[test]
fn a_target_that_is_in_no_team_is_refused_naming_both_sides() {
    let boss = build("boss", vec![leading_to("expert")]).unwrap();
    let clerk = build("clerk", vec![]).unwrap();
    check(
        Team::new([boss.clone(), clerk]),
        r#"agent "boss", tool "ask_expert" leads to agent "expert", which is not in the team (boss, clerk): add that agent, or remove the tool"#,
    );
    assert!(Team::new([boss, build("expert", vec![]).unwrap()]).is_ok());
}

#[tokio::test]
async fn field_66_an_agent_that_sends_work_to_others_is_told_to_run_in_a_team_that_has_both() {
    let boss = build("boss", vec![leading_to("expert")]).unwrap();
    let error = boss.run(&mut boss.start("Hi.")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"agent "boss" can't run alone: its tool "ask_expert" leads to agent "expert"; run it in a `Team` that has both"#
    );
    // An agent may send work to itself.
    assert!(Team::new([build("expert", vec![leading_to("expert")]).unwrap()]).is_ok());
}

#[test]
fn two_agents_of_one_name_are_refused() {
    let agent = build("clerk", vec![]).unwrap();
    check(
        Team::new([agent.clone(), agent]),
        r#"the team has two agents named "clerk": rename one, or leave it out"#,
    );
}

#[tokio::test]
async fn an_agent_that_needs_others_does_not_run_alone() {
    let boss = build("boss", vec![leading_to("expert")]).unwrap();
    let error = boss.run(&mut Conversation::start("boss", "Go.")).await.unwrap_err();
    assert!(matches!(error, RunError::Team(BuildError::RunsAlone { .. })), "{error}");
}

#[tokio::test]
async fn a_conversation_with_an_agent_that_is_not_there_does_not_run() {
    let clerk = build("clerk", vec![]).unwrap();
    let error = clerk.run(&mut Conversation::start("clark", "Go.")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"agent "clark" has the conversation, but is not in the team (clerk): run the conversation with a `Team` that has the agent"#
    );
}
