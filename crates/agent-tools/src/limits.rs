//! The limits in a type's schema: what its JSON can't say by its shape, like `range`, `length` and `regex`.

use serde_json::Value;

/// What can be broken by a value of the right shape.
#[cfg(feature = "validate")]
const LIMITS: [&str; 21] = [
    "allOf",
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "enum",
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
    "uniqueItems",
];

/// The limits of a type, if there are any.
pub(crate) struct Limits {
    #[cfg(feature = "validate")]
    rules: Option<crate::rules::Rules>,
}

#[cfg(not(feature = "validate"))]
impl Limits {
    /// They are shown to the model, and nobody checks them.
    pub(crate) fn of(_: &Value) -> Result<Self, String> {
        Ok(Self {})
    }

    pub(crate) fn check(&self, _: &agent_core::Json) -> Result<(), String> {
        Ok(())
    }
}

#[cfg(feature = "validate")]
impl Limits {
    /// What is wrong with them, if they are none that can be checked.
    pub(crate) fn of(schema: &Value) -> Result<Self, String> {
        let rules = any(schema).then(|| crate::rules::Rules::of(schema.clone())).transpose()?;
        Ok(Self { rules })
    }

    /// Which of them an input of the right shape breaks.
    pub(crate) fn check(&self, input: &agent_core::Json) -> Result<(), String> {
        let Some(rules) = &self.rules else { return Ok(()) };
        let input = input.parse().map_err(|error| error.to_string())?;
        rules.check(&input, crate::rules::Which::Limits)
    }
}

/// Whether there are any limits but those that each type of whole numbers has.
#[cfg(feature = "validate")]
fn any(schema: &Value) -> bool {
    match schema {
        Value::Array(parts) => parts.iter().any(any),
        Value::Object(parts) => {
            let format = parts.get("format").and_then(Value::as_str).unwrap_or_default();
            let unsigned = format.starts_with("uint") && parts.get("minimum") == Some(&Value::from(0));
            let is_limit = |name: &str| LIMITS.contains(&name) && !(unsigned && name == "minimum");
            parts.iter().any(|(name, part)| is_limit(name) || any(part))
        }
        _ => false,
    }
}
