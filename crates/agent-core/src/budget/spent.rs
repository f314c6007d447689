//! What was spent.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::{BudgetLimit, Usd};

/// What was spent of a budget.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spent {
    /// Requests to models.
    pub requests: u64,
    /// Input tokens, also those read from the prompt cache or written to it.
    pub input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// Money.
    #[serde(rename = "cost_micro_usd")]
    pub cost: Usd,
    /// Tool calls.
    pub calls: u64,
}

impl Spent {
    pub(crate) const ONE_CALL: Self =
        Self { requests: 0, input_tokens: 0, output_tokens: 0, cost: Usd::ZERO, calls: 1 };

    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// What was spent since `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            input_tokens: self.input_tokens.saturating_sub(earlier.input_tokens),
            output_tokens: self.output_tokens.saturating_sub(earlier.output_tokens),
            cost: self.cost.saturating_sub(earlier.cost),
            calls: self.calls.saturating_sub(earlier.calls),
        }
    }

    /// How much of one limit this is.
    pub(crate) fn of(&self, limit: BudgetLimit) -> u64 {
        match limit {
            BudgetLimit::Requests => self.requests,
            BudgetLimit::InputTokens => self.input_tokens,
            BudgetLimit::OutputTokens => self.output_tokens,
            BudgetLimit::Tokens => self.input_tokens.saturating_add(self.output_tokens),
            BudgetLimit::Usd => self.cost.micros(),
            BudgetLimit::Calls => self.calls,
            BudgetLimit::Time => 0,
        }
    }
}

impl AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.cost += other.cost;
        self.calls = self.calls.saturating_add(other.calls);
    }
}
