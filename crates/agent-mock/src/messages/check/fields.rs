//! Checks the fields of a request that do not depend on messages or tools.

use serde_json::Value;

use super::{Rules, Verdict, blocks, cache, must, refuse};

pub(super) fn check(body: &Value, rules: Rules) -> Verdict {
    must(body.is_object(), || "The request body must be a JSON object".to_owned())?;
    match &body["model"] {
        Value::Null => refuse("model: Field required")?,
        Value::String(name) => {
            must(!name.is_empty(), || "model: String should have at least 1 character".to_owned())?
        }
        _ => refuse("model: Input should be a valid string")?,
    }
    max_tokens(&body["max_tokens"], rules)?;
    must(matches!(body["stream"], Value::Null | Value::Bool(_)), || {
        "stream: Input should be a valid boolean".to_owned()
    })?;
    for name in ["temperature", "top_p", "top_k"] {
        must(rules.old || body.get(name).is_none(), || format!("{name}: Extra inputs are not permitted"))?;
    }
    system(&body["system"])?;
    thinking(body)?;
    cache::check(body)
}

fn max_tokens(value: &Value, rules: Rules) -> Verdict {
    match value {
        Value::Null => must(rules.counting, || "max_tokens: Field required".to_owned()),
        // A negative number is an i64, but not a u64.
        value if value.is_u64() => Ok(()),
        value if value.is_i64() => refuse("max_tokens: Input should be greater than or equal to 0"),
        _ => refuse("max_tokens: Input should be a valid integer"),
    }
}

fn system(system: &Value) -> Verdict {
    match system {
        Value::Null | Value::String(_) => Ok(()),
        Value::Array(blocks) => blocks.iter().enumerate().try_for_each(|(index, block)| {
            must(block["type"] == "text", || format!("system.{index}.type: Input should be 'text'"))?;
            blocks::text(block, &format_args!("system.{index}"))
        }),
        _ => refuse("system: Input should be a valid string or a valid list"),
    }
}

fn thinking(body: &Value) -> Verdict {
    let thinking = &body["thinking"];
    if thinking["type"] != "enabled" {
        return Ok(());
    }
    let budget = thinking["budget_tokens"].as_u64();
    let Some(budget) = budget else { return refuse("thinking.enabled.budget_tokens: Field required") };
    must(budget >= 1024, || {
        "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024".to_owned()
    })?;
    must(body["max_tokens"].as_u64().is_none_or(|most| most > budget), || {
        "`max_tokens` must be greater than `thinking.budget_tokens`".to_owned()
    })?;
    let forced = body["tool_choice"]["type"].as_str().is_some_and(|choice| ["any", "tool"].contains(&choice));
    must(!forced, || "Thinking may not be enabled when tool_choice forces tool use.".to_owned())
}
