//! Durations as text.

use syn::{LitStr, Result};

/// Reads `"500ms"`, `"5s"`, `"2m"` or `"1h"`. It returns milliseconds.
pub(crate) fn milliseconds(text: &LitStr) -> Result<u64> {
    let value = text.value();
    let digits = value.find(|character: char| !character.is_ascii_digit()).unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    let factor = match unit.trim() {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let milliseconds =
        number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    milliseconds.filter(|milliseconds| *milliseconds > 0).ok_or_else(|| {
        let message = format!(
            "{value:?} is no time limit: write a number and a unit, as in \"500ms\", \"5s\", \"2m\" or \"1h\""
        );
        syn::Error::new(text.span(), message)
    })
}
