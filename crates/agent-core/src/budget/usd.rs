//! Money, in whole millionths of a dollar.

use std::{
    fmt,
    ops::{Add, AddAssign},
};

use serde::{Deserialize, Serialize};

/// An amount of money in US dollars, as a whole number of micro-dollars (millionths). So sums are
/// exact. In JSON it is that number.
///
/// ```
/// use agent_core::budget::Usd;
///
/// let price = Usd::dollars(0.0305);
/// assert_eq!(price, Usd::from_micros(30_500));
/// assert_eq!(price.to_string(), "$0.0305");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Usd(u64);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Makes an amount of this many millionths of a dollar.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Makes an amount of this many dollars, rounded to the next micro-dollar. A negative number,
    /// and what is not a number, counts as 0.
    pub fn dollars(dollars: f64) -> Self {
        // The conversion of a float saturates.
        Self((dollars * 1e6).round() as u64)
    }

    /// The amount in millionths of a dollar.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// This amount less another; zero if the other is larger.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// Writes the amount with at least two digits after the point: `$0.50`, `$0.0305`.
impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, parts) = (self.0 / 1_000_000, format!("{:06}", self.0 % 1_000_000));
        let (cents, rest) = parts.split_at(2);
        write!(f, "${whole}.{cents}{}", rest.trim_end_matches('0'))
    }
}

impl Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_whole_micro_dollars() {
        let check = |dollars: f64, micros: u64, shown: &str| {
            let amount = Usd::dollars(dollars);
            assert_eq!((amount.micros(), amount.to_string().as_str()), (micros, shown), "{dollars}");
        };
        check(0.0, 0, "$0.00");
        check(0.05, 50_000, "$0.05");
        check(0.000_001, 1, "$0.000001");
        check(12.5, 12_500_000, "$12.50");
        check(0.1 + 0.2, 300_000, "$0.30");
        check(-1.0, 0, "$0.00");
        check(f64::NAN, 0, "$0.00");
        check(f64::INFINITY, u64::MAX, "$18446744073709.551615");
    }
}
