//! Arithmetic on 64-bit floating-point numbers (IEEE 754). A result that is no finite number is an
//! error in words for the model; whole results print without a decimal point.

use std::sync::Arc;

use agent_core::Tool;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::FnTool;

/// All tools of this module.
pub fn tools() -> Vec<Arc<dyn Tool>> {
    let all =
        [sum_numbers(), subtract_numbers(), multiply_numbers(), divide_numbers(), power(), square_root()];
    all.into_iter().map(|tool| Arc::new(tool) as Arc<dyn Tool>).collect()
}

#[derive(Deserialize, JsonSchema)]
struct Numbers {
    /// The numbers, at least one.
    #[schemars(length(min = 1))]
    numbers: Vec<f64>,
}

#[derive(Deserialize, JsonSchema)]
struct Two {
    /// The first number.
    a: f64,
    /// The second number.
    b: f64,
}

#[derive(Deserialize, JsonSchema)]
struct Power {
    /// The base.
    base: f64,
    /// The exponent; may be negative or a fraction.
    exponent: f64,
}

#[derive(Deserialize, JsonSchema)]
struct One {
    /// The number; not negative.
    number: f64,
}

/// `sum_numbers {numbers}`: their sum.
pub fn sum_numbers() -> FnTool {
    pure("sum_numbers", "Adds numbers.", |Numbers { numbers }: Numbers| {
        some(&numbers)?;
        finite(numbers.iter().sum(), "the sum")
    })
}

/// `subtract_numbers {a, b}`: a - b.
pub fn subtract_numbers() -> FnTool {
    pure("subtract_numbers", "Subtracts: a - b.", |Two { a, b }: Two| finite(a - b, "the difference"))
}

/// `multiply_numbers {numbers}`: their product.
pub fn multiply_numbers() -> FnTool {
    pure("multiply_numbers", "Multiplies numbers.", |Numbers { numbers }: Numbers| {
        some(&numbers)?;
        finite(numbers.iter().product(), "the product")
    })
}

/// `divide_numbers {a, b}`: a / b.
pub fn divide_numbers() -> FnTool {
    pure("divide_numbers", "Divides: a / b.", |Two { a, b }: Two| match b == 0.0 {
        true => Err(format!("division by zero: {} / 0 has no value", show(a))),
        false => finite(a / b, "the quotient"),
    })
}

/// `power {base, exponent}`: base to the power of exponent.
pub fn power() -> FnTool {
    pure("power", "Raises base to the power of exponent.", |Power { base, exponent }: Power| {
        match base == 0.0 && exponent < 0.0 {
            true => Err(format!("division by zero: 0 to the power of {} has no value", show(exponent))),
            false => finite(base.powf(exponent), "the power"),
        }
    })
}

/// `square_root {number}`: its square root.
pub fn square_root() -> FnTool {
    pure("square_root", "The square root of a number.", |One { number }: One| match number < 0.0 {
        true => Err(format!("the square root of {} is not a real number", show(number))),
        false => finite(number.sqrt(), "the root"),
    })
}

fn pure<I, F>(name: &str, description: &str, compute: F) -> FnTool
where
    I: serde::de::DeserializeOwned + JsonSchema + Send + 'static,
    F: Fn(I) -> Result<String, String> + Send + Sync + 'static,
{
    FnTool::new(name, description, compute).read_only().idempotent()
}

fn some(numbers: &[f64]) -> Result<(), String> {
    if numbers.is_empty() { Err("no numbers were given".to_owned()) } else { Ok(()) }
}

fn finite(result: f64, what: &str) -> Result<String, String> {
    match result {
        _ if result.is_nan() => Err(format!("{what} is not a real number")),
        _ if result.is_infinite() => {
            Err(format!("overflow: {what} is too large for a 64-bit floating-point number"))
        }
        _ => Ok(show(result)),
    }
}

/// Whole numbers without ".0", very large and very small ones with an exponent.
fn show(number: f64) -> String {
    let size = number.abs();
    match number {
        0.0 => "0".to_owned(), // Also for -0.
        _ if !(1e-6..1e21).contains(&size) => format!("{number:e}"),
        _ => number.to_string(),
    }
}
