//! Checks the tools of a request and the tool choice.

use serde_json::Value;

use crate::{
    json::list,
    openai::{
        errors::{Verdict, invalid_type, invalid_value, must, refuse},
        fields::{
            Field::{self, Any, Bool, List, Object, Text},
            check_fields, required_text,
        },
        rules::Rules,
        tools::{check_function, check_name},
    },
};

const FUNCTION: [(&str, Field); 8] = [
    ("type", Text),
    ("name", Text),
    ("description", Text),
    ("parameters", Any),
    ("strict", Bool),
    ("defer_loading", Bool),
    ("output_schema", Object),
    ("allowed_callers", List),
];

pub(super) fn check(body: &Value, rules: Rules) -> Verdict {
    let tools = list(&body["tools"]);
    for (place, tool) in tools.iter().enumerate() {
        let at = format!("tools[{place}]");
        must(tool.is_object(), || invalid_type(&at, "an object", tool))?;
        match required_text(tool, &at, "type")? {
            "function" => {
                check_fields(tool, &at, &FUNCTION, rules)?;
                check_function(tool, &at, rules)?;
            }
            "custom" => check_name(tool, &at, "name")?,
            // Tools that run on the server have many types.
            _ => {}
        }
    }
    choice(&body["tool_choice"], tools)
}

fn choice(choice: &Value, tools: &[Value]) -> Verdict {
    let words = ["none", "auto", "required"];
    match choice {
        Value::Null => Ok(()),
        Value::String(word) => {
            must(words.contains(&word.as_str()), || invalid_value("tool_choice", choice, &words))?;
            must(word != "required" || !tools.is_empty(), || {
                refuse("tool_choice", "Tool choice 'required' must be specified with 'tools' parameter.")
            })
        }
        Value::Object(_) => match required_text(choice, "tool_choice", "type")? {
            "allowed_tools" => list(&choice["tools"]).iter().try_for_each(|allowed| forced(allowed, tools)),
            _ => forced(choice, tools),
        },
        other => Err(invalid_type("tool_choice", "one of a string or an object", other)),
    }
}

/// Checks that a tool that is named is there. One that runs on the server is named by its type.
fn forced(named: &Value, tools: &[Value]) -> Verdict {
    let kind = named["type"].as_str().unwrap_or_default();
    let name = match kind {
        "function" | "custom" => Some(required_text(named, "tool_choice", "name")?),
        _ => None,
    };
    let is_named = |tool: &&Value| tool["type"] == kind && name.is_none_or(|name| tool["name"] == name);
    must(tools.iter().any(|tool| is_named(&tool)), || {
        let what = name.unwrap_or(kind);
        refuse("tool_choice", format!("Tool choice '{what}' not found in 'tools' parameter."))
    })
}
