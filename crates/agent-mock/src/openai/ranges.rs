//! Checks numbers that must be in a range.

use serde_json::Value;

use super::errors::{Verdict, must, refuse};

/// The fields with numbers, and their smallest and largest value.
const RANGES: [(&str, f64, f64); 6] = [
    ("temperature", 0.0, 2.0),
    ("top_p", 0.0, 1.0),
    ("frequency_penalty", -2.0, 2.0),
    ("presence_penalty", -2.0, 2.0),
    ("top_logprobs", 0.0, 20.0),
    ("n", 1.0, 128.0),
];

/// Checks the numbers of a body.
pub(crate) fn check_ranges(body: &Value) -> Verdict {
    RANGES.iter().try_for_each(|(name, least, most)| check(body, name, *least, Some(*most)))
}

/// Checks that a number of the body is at least this.
pub(crate) fn check_least(body: &Value, name: &str, least: f64) -> Verdict {
    check(body, name, least, None)
}

fn check(body: &Value, name: &str, least: f64, most: Option<f64>) -> Verdict {
    let got = &body[name];
    let Some(number) = got.as_f64() else { return Ok(()) };
    let kind = if got.is_f64() { "decimal" } else { "integer" };
    let message = |side: &str, sign: &str, bound: f64| {
        format!(
            "Invalid '{name}': {kind} {side} value. Expected a value {sign} {bound}, but got {got} instead."
        )
    };
    must(number >= least, || {
        let code = if got.is_f64() { "decimal_below_min_value" } else { "integer_below_min_value" };
        refuse(name, message("below minimum", ">=", least)).with_code(code)
    })?;
    let most = most.unwrap_or(f64::MAX);
    must(number <= most, || {
        let code = if got.is_f64() { "decimal_above_max_value" } else { "integer_above_max_value" };
        refuse(name, message("above maximum", "<=", most)).with_code(code)
    })
}
