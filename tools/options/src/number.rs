//! Whole numbers.

use std::str::FromStr;

/// Reads a whole number, or says that it is none.
pub(crate) fn number<N: FromStr>(text: &str) -> Result<N, &'static str> {
    text.parse().map_err(|_| "it should be a whole number")
}
