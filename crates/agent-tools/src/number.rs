//! The numbers of [`math`](crate::math). Whole numbers are exact as long as they fit 128 bits.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, value::RawValue};

/// A number, as it was written or computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    /// A whole number, exact.
    Whole(i128),
    /// Any other number, rounded to 64 bits.
    Real(f64),
}

use Number::{Real, Whole};

/// From here on, a 64-bit floating-point number can't be every whole number.
const EXACT: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;

impl Number {
    /// Reads JSON text. A whole number may be written with a point or an exponent: `1.0`, `1e3`.
    fn read(text: &str) -> Option<Self> {
        let whole = || {
            let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
            let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
            let after = after.trim_end_matches('0');
            let digits: i128 = format!("{before}{after}").parse().ok()?;
            let zeros = exponent.parse::<i64>().ok()?.checked_sub(after.len().try_into().ok()?)?;
            match digits {
                0 => Some(0),
                _ => digits.checked_mul(10_i128.checked_pow(zeros.try_into().ok()?)?),
            }
        };
        whole().map(Whole).or_else(|| text.parse().ok().map(Real))
    }

    pub(crate) fn real(self) -> f64 {
        match self {
            Whole(number) => number as f64,
            Real(number) => number,
        }
    }

    pub(crate) fn is_zero(self) -> bool {
        self.real() == 0.0
    }

    /// What both make: exactly if they are whole and it is too, otherwise by floating point.
    pub(crate) fn with(
        self,
        other: Self,
        exact: impl Fn(i128, i128) -> Option<i128>,
        real: impl Fn(f64, f64) -> f64,
    ) -> Self {
        match (self, other) {
            (Whole(a), Whole(b)) => exact(a, b).map(Whole),
            _ => None,
        }
        .unwrap_or_else(|| Real(real(self.real(), other.real())))
    }

    /// What all make, in the same way.
    pub(crate) fn of_all(
        numbers: &[Self],
        exact: impl Fn(i128, i128) -> Option<i128>,
        real: impl Fn(&mut dyn Iterator<Item = f64>) -> f64,
    ) -> Self {
        let mut whole = numbers.iter().map(|number| match number {
            Whole(number) => Some(*number),
            Real(_) => None,
        });
        let first = whole.next().flatten();
        match first.and_then(|first| whole.try_fold(first, |so_far, next| exact(so_far, next?))) {
            Some(exact) => Whole(exact),
            None => Real(real(&mut numbers.iter().map(|number| number.real()))),
        }
    }
}

/// Whole numbers digit by digit, others as short as they can be told apart. An exponent says that a
/// number is rounded, very small, or too large for its digits to be known.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Whole(number) => number.fmt(f),
            Real(0.0) => f.write_str("0"), // Also for -0.
            Real(number) if !(1e-6..EXACT).contains(&number.abs()) => write!(f, "{number:e}"),
            Real(number) => number.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        let unexpected = match text.as_bytes().first() {
            Some(b'-' | b'0'..=b'9') => match Self::read(text) {
                Some(number) if number.real().is_finite() => return Ok(number),
                _ => return Err(de::Error::custom("number out of range")),
            },
            _ => serde_json::from_str::<Value>(text).map_err(de::Error::custom)?,
        };
        let unexpected = match &unexpected {
            Value::String(text) => de::Unexpected::Str(text),
            Value::Bool(bool) => de::Unexpected::Bool(*bool),
            Value::Array(_) => de::Unexpected::Seq,
            Value::Object(_) => de::Unexpected::Map,
            _ => de::Unexpected::Other("null"),
        };
        Err(de::Error::invalid_type(unexpected, &"f64"))
    }
}
