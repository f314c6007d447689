//! Checks the shape of a scenario's JSON. People write it by hand, and serde's errors about a wrong
//! shape are hard to understand.

use agent_core::message::InvalidJson;
use serde_json::Value;

const SCENARIO: &str = r#"a scenario, as in {"replies": [{"content": [{"type": "text", "text": "Hi."}]}]}"#;
const REPLIES: &str = r#"a list of replies, as in [{"content": [{"type": "text", "text": "Hi."}]}]"#;
const REPLY: &str = r#"a reply, as in {"content": [{"type": "text", "text": "Hi."}]}"#;
const CONTENT: &str = r#"a list of content blocks, as in [{"type": "text", "text": "Hi."}]"#;
const AGENTS: &str = r#"a list of agents, as in [{"marker": "You add.", "replies": []}]"#;
const AGENT: &str = r#"an agent, as in {"marker": "You add.", "replies": []}"#;
const FAULTS: &str = r#"a list of faults, as in [{"turn": 0, "attempts": ["hang_up"]}]"#;
const FAULT: &str = r#"the faults of a turn, as in {"turn": 0, "attempts": ["hang_up"]}"#;
const ATTEMPTS: &str = r#"a list of attempts, as in ["hang_up", null]"#;

/// Fails if a list or an object is expected and something else is there. Text that is not JSON
/// passes: the error of the parser says where it breaks off.
pub(super) fn check(scenario: &str) -> Result<(), InvalidJson> {
    let Ok(scenario) = serde_json::from_str::<Value>(scenario) else { return Ok(()) };
    object(&scenario, "", SCENARIO)?;
    for (at, agent) in items(&scenario, "", "agents", AGENTS)? {
        object(agent, &at, AGENT)?;
        replies(agent, &at)?;
    }
    replies(&scenario, "")?;
    for (at, fault) in items(&scenario, "", "faults", FAULTS)? {
        object(fault, &at, FAULT)?;
        items(fault, &at, "attempts", ATTEMPTS)?;
    }
    Ok(())
}

fn replies(of: &Value, at: &str) -> Result<(), InvalidJson> {
    for (at, reply) in items(of, at, "replies", REPLIES)? {
        object(reply, &at, REPLY)?;
        items(reply, &at, "content", CONTENT)?;
    }
    Ok(())
}

/// The items of a field that is a list, each with its JSON pointer. None if the field is absent.
fn items<'a>(
    of: &'a Value,
    at: &str,
    field: &str,
    expected: &str,
) -> Result<Vec<(String, &'a Value)>, InvalidJson> {
    let at = format!("{at}/{field}");
    match of.get(field) {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => {
            Ok(list.iter().enumerate().map(|(place, item)| (format!("{at}/{place}"), item)).collect())
        }
        Some(other) => Err(wrong(other, &at, expected)),
    }
}

fn object(value: &Value, at: &str, expected: &str) -> Result<(), InvalidJson> {
    if value.is_object() { Ok(()) } else { Err(wrong(value, at, expected)) }
}

fn wrong(value: &Value, at: &str, expected: &str) -> InvalidJson {
    let got = match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::String(_) => "a string".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        other => other.to_string(),
    };
    InvalidJson { pointer: at.to_owned(), message: format!("expected {expected}, got {got}") }
}
