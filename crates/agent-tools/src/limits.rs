//! The limits in a type's schema, such as `range`, `length` and `regex`. A value of the right type
//! can still break them.

use agent_core::Json;
use serde_json::{Map, Value};

/// Rules that a value of the right type can break. Reading the value does not find that.
const LIMITS: [&str; 18] = [
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "if",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "pattern",
    "propertyNames",
];

/// Rules that come from the type, and are then found broken when the value is read; or they are
/// written by hand.
#[cfg(feature = "validate")]
const MAYBE_LIMITS: [&str; 3] = ["allOf", "enum", "uniqueItems"];

/// Fields of a schema that hold values, not schemas.
const VALUES: [&str; 4] = ["const", "default", "enum", "examples"];

/// Fields of a schema whose own fields are named by the user.
const NAMED: [&str; 4] = ["$defs", "definitions", "patternProperties", "properties"];

/// The limits of a type.
#[derive(Clone, Default)]
pub(crate) struct Limits {
    #[cfg(feature = "validate")]
    rules: Option<std::sync::Arc<crate::rules::Rules>>,
    /// Why an agent with the tool can't be built.
    fault: Option<String>,
}

impl Limits {
    /// The limits that this schema says.
    #[cfg(feature = "validate")]
    pub(crate) fn of(schema: &Value) -> Self {
        if find(schema, &|name| LIMITS.contains(&name) || MAYBE_LIMITS.contains(&name)).is_none() {
            return Self::default();
        }
        match crate::rules::Rules::of(schema.clone()) {
            Ok(rules) => Self { rules: Some(rules.into()), fault: None },
            Err(why) => {
                Self { rules: None, fault: Some(format!("its input schema can't be checked: {why}")) }
            }
        }
    }

    /// Nothing checks the limits that this schema says, which is a fault if there are any.
    #[cfg(not(feature = "validate"))]
    pub(crate) fn of(schema: &Value) -> Self {
        let fault = find(schema, &|name| LIMITS.contains(&name)).map(|place| {
            format!(
                "its input schema has a limit that nothing checks, {place:?}: enable the feature `validate` of \
                 agent-tools, or call `.unchecked_limits()` on the tool if the limit is only a hint for the model"
            )
        });
        Self { fault }
    }

    /// See [`ToolSpec::fault`](agent_core::ToolSpec).
    pub(crate) fn fault(&self) -> Option<String> {
        self.fault.clone()
    }

    /// Checks an input of the right type. The error says which limits it breaks.
    pub(crate) fn check(&self, input: &Json) -> Result<(), String> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        self.check_rules(input)
    }

    #[cfg(feature = "validate")]
    fn check_rules(&self, input: &Json) -> Result<(), String> {
        let Some(rules) = &self.rules else { return Ok(()) };
        let input = input.parse().map_err(|error| error.to_string())?;
        rules.check(&input, crate::rules::Which::Limits)
    }

    #[cfg(not(feature = "validate"))]
    fn check_rules(&self, _: &Json) -> Result<(), String> {
        Ok(())
    }
}

/// The place of a limit in a schema, as a JSON pointer. Limits that belong to the type itself
/// (`u8`, a tuple) don't count.
fn find(schema: &Value, is_limit: &dyn Fn(&str) -> bool) -> Option<String> {
    let within = |place: &str, part: &Value| find(part, is_limit).map(|below| format!("/{place}{below}"));
    match schema {
        Value::Array(parts) => {
            parts.iter().enumerate().find_map(|(place, part)| within(&place.to_string(), part))
        }
        Value::Object(parts) => parts.iter().find_map(|(name, part)| match part {
            _ if VALUES.contains(&name.as_str()) && !is_limit(name) => None,
            _ if is_limit(name) && !is_of_type(parts, name) => Some(format!("/{name}")),
            Value::Object(named) if NAMED.contains(&name.as_str()) => {
                let below =
                    |(own, part): (&String, _)| within(own, part).map(|below| format!("/{name}{below}"));
                named.iter().find_map(below)
            }
            part => within(name, part),
        }),
        _ => None,
    }
}

/// Whether a limit only says what the type itself can hold: a `u8`, a tuple.
fn is_of_type(schema: &Map<String, Value>, limit: &str) -> bool {
    let bits = |format: &str| match format {
        "8" => Some((i8::MIN.into(), i8::MAX.into(), u8::MAX.into())),
        "16" => Some((i16::MIN.into(), i16::MAX.into(), u16::MAX.into())),
        "32" => Some((i32::MIN.into(), i32::MAX.into(), u32::MAX.into())),
        _ => None::<(i64, i64, i64)>,
    };
    let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
    let (signed, unsigned) = (format.strip_prefix("int"), format.strip_prefix("uint"));
    let of_type = match limit {
        "minimum" if unsigned.is_some() => Some(0),
        "minimum" => signed.and_then(bits).map(|(least, ..)| least),
        "maximum" => {
            signed.and_then(bits).map(|(_, most, _)| most).or(unsigned.and_then(bits).map(|(.., most)| most))
        }
        "minItems" | "maxItems" => return schema.contains_key("prefixItems"),
        _ => None,
    };
    of_type.is_some_and(|of_type| schema.get(limit) == Some(&Value::from(of_type)))
}
