//! Which budget is used up.

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

/// Writes one sentence for people and models to read.
impl fmt::Display for BudgetExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scope, of, limit, spent, needed } = self;
        let (limit, spent, needed) = (of.amount(*limit), of.number(*spent), of.number(*needed));
        match of {
            BudgetLimit::Time => write!(f, "{scope} is used up: its {limit} are over"),
            _ => write!(
                f,
                "{scope} is used up: {spent} of {limit} are spent or reserved, and {needed} more may be needed"
            ),
        }
    }
}
