//! Tools for arithmetic: `.tools(math::tools())` gives an agent all of them.
//!
//! Whole numbers are exact up to 38 digits (`i128`): `2^64` is 18446744073709551616. All other
//! numbers are 64-bit floating-point numbers (IEEE 754), so a result that is printed with an
//! exponent (`1.6e60`) is rounded. If a result is not a finite number, the call gets an error
//! result, which the model reads.

use std::sync::Arc;

use agent_core::Tool;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    FnTool,
    number::Number::{self, Real, Whole},
};

/// All tools of this module.
pub fn tools() -> Vec<Arc<dyn Tool>> {
    let all =
        [sum_numbers(), subtract_numbers(), multiply_numbers(), divide_numbers(), power(), square_root()];
    all.into_iter().map(|tool| Arc::new(tool) as Arc<dyn Tool>).collect()
}

#[derive(Deserialize, JsonSchema)]
struct Numbers {
    /// The numbers, at least one.
    #[schemars(with = "Vec<f64>", length(min = 1))]
    numbers: Vec<Number>,
}

#[derive(Deserialize, JsonSchema)]
struct Two {
    /// The first number.
    #[schemars(with = "f64")]
    a: Number,
    /// The second number.
    #[schemars(with = "f64")]
    b: Number,
}

#[derive(Deserialize, JsonSchema)]
struct Power {
    /// The base.
    #[schemars(with = "f64")]
    base: Number,
    /// The exponent; may be negative or a fraction.
    #[schemars(with = "f64")]
    exponent: Number,
}

#[derive(Deserialize, JsonSchema)]
struct One {
    /// The number; not negative.
    #[schemars(with = "f64")]
    number: Number,
}

/// The tool `sum_numbers {numbers}`: their sum.
pub fn sum_numbers() -> FnTool {
    pure("sum_numbers", "Adds numbers.", |Numbers { numbers }: Numbers| {
        some(&numbers)?;
        finite(Number::of_all(&numbers, i128::checked_add, |all| all.sum()), "the sum")
    })
}

/// The tool `subtract_numbers {a, b}`: a - b.
pub fn subtract_numbers() -> FnTool {
    pure("subtract_numbers", "Subtracts: a - b.", |Two { a, b }: Two| {
        finite(a.with(b, i128::checked_sub, |a, b| a - b), "the difference")
    })
}

/// The tool `multiply_numbers {numbers}`: their product. No numbers are an error for the model.
pub fn multiply_numbers() -> FnTool {
    pure("multiply_numbers", "Multiplies numbers.", |Numbers { numbers }: Numbers| {
        some(&numbers)?;
        finite(Number::of_all(&numbers, i128::checked_mul, |all| all.product()), "the product")
    })
}

/// The tool `divide_numbers {a, b}`: a / b.
pub fn divide_numbers() -> FnTool {
    let exact = |a: i128, b: i128| a.checked_div(b).filter(|_| a.checked_rem(b) == Some(0));
    pure("divide_numbers", "Divides: a / b.", move |Two { a, b }: Two| match b.is_zero() {
        true => Err(format!("division by zero: {a} / 0 has no value")),
        false => finite(a.with(b, exact, |a, b| a / b), "the quotient"),
    })
}

/// The tool `power {base, exponent}`: base to the power of exponent.
pub fn power() -> FnTool {
    pure("power", "Raises base to the power of exponent.", |Power { base, exponent }: Power| {
        match base.is_zero() && exponent.real() < 0.0 {
            true => Err(format!("division by zero: 0 to the power of {exponent} has no value")),
            false => finite(base.with(exponent, whole_power, f64::powf), "the power"),
        }
    })
}

/// The tool `square_root {number}`: its square root.
pub fn square_root() -> FnTool {
    pure("square_root", "The square root of a number.", |One { number }: One| match number.real() < 0.0 {
        true => Err(format!("the square root of {number} is not a real number")),
        false => finite(root(number), "the root"),
    })
}

/// A power that is a whole number.
fn whole_power(base: i128, exponent: i128) -> Option<i128> {
    match base {
        1 => Some(1),
        -1 => Some(if exponent % 2 == 0 { 1 } else { -1 }),
        _ => base.checked_pow(exponent.try_into().ok()?),
    }
}

fn root(number: Number) -> Number {
    match number {
        Whole(square) if square.isqrt().pow(2) == square => Whole(square.isqrt()),
        number => Real(number.real().sqrt()),
    }
}

fn pure<I, F>(name: &str, description: &str, compute: F) -> FnTool
where
    I: serde::de::DeserializeOwned + JsonSchema + Send + 'static,
    F: Fn(I) -> Result<String, String> + Send + Sync + 'static,
{
    let tool = FnTool::new(name, description, compute);
    // The functions say themselves what is wrong, with the feature `validate` and without it.
    tool.unchecked_limits().instant().read_only().shared().idempotent()
}

fn some(numbers: &[Number]) -> Result<(), String> {
    if numbers.is_empty() { Err("no numbers were given".to_owned()) } else { Ok(()) }
}

fn finite(result: Number, what: &str) -> Result<String, String> {
    match result.real() {
        real if real.is_nan() => Err(format!("{what} is not a real number")),
        real if real.is_infinite() => {
            Err(format!("overflow: {what} is too large for a 64-bit floating-point number"))
        }
        _ => Ok(result.to_string()),
    }
}
