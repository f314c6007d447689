//! Checks the tools of a request and the tool choice.

use serde_json::Value;

use crate::{
    json::list,
    openai::{
        errors::{Verdict, empty_array, invalid_type, invalid_value, missing, must, refuse},
        fields::{
            Field::{self, Bool, Object, Text},
            check_fields, required_text,
        },
        rules::Rules,
        tools::{check_function, check_name},
    },
};

/// The most tools of a request.
const MOST: usize = 128;

const FUNCTION: [(&str, Field); 4] =
    [("name", Text), ("description", Text), ("parameters", Field::Any), ("strict", Bool)];
const CUSTOM: [(&str, Field); 3] = [("name", Text), ("description", Text), ("format", Object)];

pub(super) fn check(body: &Value, rules: Rules) -> Verdict {
    let tools = list(&body["tools"]);
    must(body["tools"].is_null() || !tools.is_empty(), || empty_array("tools"))?;
    must(tools.len() <= MOST, || {
        let message = format!(
            "Invalid 'tools': array too long. Expected an array with maximum length {MOST}, but got an array \
             with length {} instead.",
            tools.len()
        );
        refuse("tools", message).with_code("array_above_max_length")
    })?;
    for (place, tool) in tools.iter().enumerate() {
        one(tool, &format!("tools[{place}]"), rules)?;
    }
    for name in ["tool_choice", "parallel_tool_calls"] {
        must(body[name].is_null() || !tools.is_empty(), || {
            refuse(
                name,
                format!("Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified."),
            )
        })?;
    }
    choice(&body["tool_choice"], tools)
}

fn one(tool: &Value, at: &str, rules: Rules) -> Verdict {
    must(tool.is_object(), || invalid_type(at, "an object", tool))?;
    let kind = required_text(tool, at, "type")?;
    let at = format!("{at}.{kind}");
    let known: &[(&str, Field)] = match kind {
        "function" => &FUNCTION,
        "custom" => &CUSTOM,
        // Other servers have tools of their own.
        _ if rules.compatible => return Ok(()),
        _ => {
            let param = at.replace(&format!(".{kind}"), ".type");
            return Err(invalid_value(&param, &tool["type"], &["function", "custom"]));
        }
    };
    let definition = &tool[kind];
    must(!definition.is_null(), || missing(&at))?;
    must(definition.is_object(), || invalid_type(&at, "an object", definition))?;
    check_fields(definition, &at, known, rules)?;
    if kind == "function" {
        check_function(definition, &at, rules)
    } else {
        check_name(definition, &at, "name")
    }
}

fn choice(choice: &Value, tools: &[Value]) -> Verdict {
    let words = ["none", "auto", "required"];
    match choice {
        Value::Null => Ok(()),
        Value::String(word) => {
            must(words.contains(&word.as_str()), || invalid_value("tool_choice", choice, &words))
        }
        Value::Object(_) => match required_text(choice, "tool_choice", "type")? {
            "allowed_tools" => {
                let allowed = &choice["allowed_tools"];
                must(allowed.is_object(), || missing("tool_choice.allowed_tools"))?;
                list(&allowed["tools"]).iter().try_for_each(|allowed| forced(allowed, tools))
            }
            "function" | "custom" => forced(choice, tools),
            _ => {
                let known = ["function", "allowed_tools", "custom"];
                Err(invalid_value("tool_choice.type", &choice["type"], &known))
            }
        },
        other => Err(invalid_type("tool_choice", "one of a string or an object", other)),
    }
}

/// Checks that a tool that is named is there.
fn forced(named: &Value, tools: &[Value]) -> Verdict {
    let kind = named["type"].as_str().unwrap_or("function");
    let (at, named) = (format!("tool_choice.{kind}"), &named[kind]);
    must(!named.is_null(), || missing(&at))?;
    let name = required_text(named, &at, "name")?;
    must(tools.iter().any(|tool| tool[kind]["name"] == name), || {
        let message = format!(
            "Invalid value for 'tool_choice': no {kind} named '{name}' was specified in the 'tools' parameter."
        );
        refuse("tool_choice", message)
    })
}
