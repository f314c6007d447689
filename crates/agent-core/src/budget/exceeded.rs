//! Which budget has no room for the next request.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Usd;
use crate::safe_line;

/// Which budget can't pay for the next request or call, and by how much.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetExceeded {
    /// Whose budget it is.
    pub scope: BudgetScope,
    /// Which of its limits.
    pub of: BudgetLimit,
    /// The limit, in the unit of [`of`](Self::of).
    pub limit: u64,
    /// How much of it is spent, with what requests under way have reserved.
    pub spent: u64,
    /// How much the next request or call may need.
    pub needed: u64,
}

/// Whose budget it is.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetScope {
    /// The run's: [`Limits::budget`](crate::Limits::budget).
    Run,
    /// The conversation's: [`Limits::conversation_budget`](crate::Limits::conversation_budget).
    Conversation,
    /// That of the call which delegated the conversation with this id.
    Delegation(String),
    /// The [`SharedBudget`](super::SharedBudget) with this name.
    Shared(String),
}

/// A limit of a budget, with its unit.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetLimit {
    /// A number of requests.
    Requests,
    /// A number of tokens.
    InputTokens,
    /// A number of tokens.
    OutputTokens,
    /// A number of tokens.
    Tokens,
    /// Micro-dollars.
    Usd,
    /// A number of tool calls.
    Calls,
    /// Milliseconds.
    Time,
}

/// In micro-dollars.
const CENT: u64 = 10_000;

impl BudgetLimit {
    /// An amount of this limit, with its unit, for people to read.
    pub(crate) fn amount(self, amount: u64) -> String {
        match self {
            Self::Requests => format!("{amount} requests"),
            Self::InputTokens => format!("{amount} input tokens"),
            Self::OutputTokens => format!("{amount} output tokens"),
            Self::Tokens => format!("{amount} tokens"),
            Self::Usd => Usd::from_micros(amount).to_string(),
            Self::Calls => format!("{amount} tool calls"),
            Self::Time => format!("{:?}", std::time::Duration::from_millis(amount)),
        }
    }

    /// Money in whole cents, unless it is less than a cent. Other amounts stay as they are.
    fn rounded_down(self, amount: u64) -> u64 {
        match self {
            Self::Usd if amount >= CENT => amount / CENT * CENT,
            _ => amount,
        }
    }

    fn rounded_up(self, amount: u64) -> u64 {
        match self {
            Self::Usd if amount >= CENT => amount.div_ceil(CENT).saturating_mul(CENT),
            _ => amount,
        }
    }

    /// An amount of this limit, without its unit if that is a word.
    pub(crate) fn number(self, amount: u64) -> String {
        match self {
            Self::Usd | Self::Time => self.amount(amount),
            _ => amount.to_string(),
        }
    }
}

impl fmt::Display for BudgetScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run => f.write_str("the budget of the run"),
            Self::Conversation => f.write_str("the budget of the conversation"),
            Self::Delegation(id) => write!(f, "the budget of the call {:?}", safe_line(id)),
            Self::Shared(name) => write!(f, "the budget {:?}", safe_line(name)),
        }
    }
}

/// Writes one sentence for people and models to read. Money is rounded to cents: down what is left,
/// up what may be needed.
impl fmt::Display for BudgetExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scope, of, limit, spent, needed } = self;
        let (left, all) = (limit.saturating_sub(*spent), of.amount(*limit));
        match of {
            BudgetLimit::Time => write!(f, "{scope} is used up: its {all} are over"),
            _ if left == 0 => {
                write!(f, "{scope} is used up: {} of {all} are spent or reserved", of.number(*spent))
            }
            _ => {
                let next = if *of == BudgetLimit::Calls { "call" } else { "request" };
                let (left, needed) = (of.number(of.rounded_down(left)), of.number(of.rounded_up(*needed)));
                write!(
                    f,
                    "{scope} has no room for the next {next}: {left} of {all} are left, and it may need {needed}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_is_left_and_what_may_be_needed() {
        let check = |of, limit, spent, needed, expected: &str| {
            let exceeded = BudgetExceeded { scope: BudgetScope::Run, of, limit, spent, needed };
            assert_eq!(exceeded.to_string(), format!("the budget of the run {expected}"));
        };
        let (requests, usd) = (BudgetLimit::Requests, BudgetLimit::Usd);
        check(requests, 3, 3, 1, "is used up: 3 of 3 requests are spent or reserved");
        check(requests, 3, 4, 1, "is used up: 4 of 3 requests are spent or reserved");
        let room = "has no room for the next request";
        let tokens = format!("{room}: 200 of 2000 tokens are left, and it may need 1000");
        check(BudgetLimit::Tokens, 2_000, 1_800, 1_000, &tokens);
        let call = "has no room for the next call: 1 of 3 tool calls are left, and it may need 2";
        check(BudgetLimit::Calls, 3, 2, 2, call);
        let cents = format!("{room}: $0.13 of $0.50 are left, and it may need $0.17");
        check(usd, 500_000, 360_001, 160_304, &cents);
        let whole = format!("{room}: $0.14 of $0.50 are left, and it may need $0.16");
        check(usd, 500_000, 360_000, 160_000, &whole);
        // Less than a cent is not rounded: nothing may look like enough.
        let small = format!("{room}: $0.000123 of $0.50 are left, and it may need $0.000304");
        check(usd, 500_000, 499_877, 304, &small);
        check(BudgetLimit::Time, 2_000, 2_000, 0, "is used up: its 2s are over");
    }
}
