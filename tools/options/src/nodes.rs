//! How many servers a cluster has.

use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Reads a number of servers: 1, or 3 that stand in for each other.
pub fn nodes() -> impl TypedValueParser<Value = usize> {
    PossibleValuesParser::new(["1", "3"]).map(|number| if number == "3" { 3 } else { 1 })
}
