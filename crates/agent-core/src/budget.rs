//! Budgets: what runs may spend. [`Budget`] says how much. A request reserves the most that it may
//! use before it is sent, and gives back the rest when it has ended. So requests that run in
//! parallel can't overshoot a budget together.
//!
//! | where | how long it lasts | where to set it |
//! |---|---|---|
//! | a run | until the user says something again | [`Limits::budget`](crate::Limits::budget) |
//! | a conversation | as long as the conversation | [`Limits::conversation_budget`](crate::Limits::conversation_budget) |
//! | a delegation | one call of an agent as a tool | agent-tools' `AgentTool::budget` |
//! | a process, a tenant | as long as the [`SharedBudget`] | [`Limits::shared_budget`](crate::Limits::shared_budget) |
//!
//! All budgets that apply to a request hold: a delegated agent's own, those of the agents that
//! delegated to it, the run's, the conversation's and the shared ones.

mod account;
mod balance;
mod exceeded;
mod shared;
mod spent;
mod usd;

use std::time::Duration;

pub(crate) use account::{Account, Chain};
pub use balance::{Balance, Shortfall};
pub use exceeded::{BudgetExceeded, BudgetLimit, BudgetScope};
use serde::{Deserialize, Serialize};
pub use shared::SharedBudget;
pub use spent::Spent;
pub use usd::Usd;

/// How much may be spent: requests, tokens, money, tool calls, time. A field that is `None` sets no
/// limit. The module [`budget`](self) says where to set it and how it holds.
///
/// When a request would need more than is left, it is not sent, and the run ends with
/// [`End::Budget`](crate::End::Budget). If a delegated agent runs out, the call that led to it gets
/// an error result with what the agent has done. A tool call that would be too many is not made,
/// and gets an error result.
///
/// ```
/// use agent_core::{Agent, End, Limits, budget::Budget, script::{Reply, Script}};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let agent = Agent::builder("clerk", Script::new([Reply::text("Hello.")])).max_tokens(500).build()?;
/// let limits = Limits::new().budget(Budget::new().requests(20).output_tokens(400));
///
/// let mut conversation = agent.start("Hello?");
/// let end = agent.run(&mut conversation).limits(limits).await?;
/// let End::Budget(exceeded) = end else { panic!("a reply may have 500 tokens") };
/// assert_eq!((exceeded.limit, exceeded.spent, exceeded.needed), (400, 0, 500));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Budget {
    /// The most requests to models. Attempts that a backend makes again after it had begun to reply
    /// count, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// The most input tokens, also those read from the prompt cache or written to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// The most output tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// The most tokens, input and output together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// The most money. Each backend must know its prices ([`Priced`](crate::model::Priced)). If one
    /// does not, the run fails before its first request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd: Option<Usd>,
    /// The most tool calls. A call that waits for a person counts twice: when it asks, and when it is
    /// made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// The most time. When it is over, no request and no call is started, and a reply that still
    /// streams is stopped. A call that runs is not stopped; use
    /// [`ToolSpec::timeout`](crate::ToolSpec::timeout). The time starts again at 0 if another
    /// process continues the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Duration>,
    /// From which percentage of any of the limits on the model reads a note that its budget is
    /// nearly used up, and the listener gets a [`Notice::Budget`](crate::model::Notice::Budget). 0
    /// means never, which is the default.
    #[serde(skip_serializing_if = "is_zero")]
    pub warn_at: u8,
    /// The percentage of each limit that is kept for a last answer. The default is 0. When the rest
    /// is used up, the agent is asked once more, without tools, and may use this part. Delegated
    /// agents can't.
    #[serde(skip_serializing_if = "is_zero")]
    pub kept_for_answer: u8,
}

fn is_zero(number: &u8) -> bool {
    *number == 0
}

impl Budget {
    /// A budget without limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`Budget::requests`].
    pub fn requests(mut self, requests: u64) -> Self {
        self.requests = Some(requests);
        self
    }

    /// Sets [`Budget::input_tokens`].
    pub fn input_tokens(mut self, tokens: u64) -> Self {
        self.input_tokens = Some(tokens);
        self
    }

    /// Sets [`Budget::output_tokens`].
    pub fn output_tokens(mut self, tokens: u64) -> Self {
        self.output_tokens = Some(tokens);
        self
    }

    /// Sets [`Budget::tokens`].
    pub fn tokens(mut self, tokens: u64) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Sets [`Budget::usd`]: `.usd(Usd::dollars(0.05))`.
    pub fn usd(mut self, most: Usd) -> Self {
        self.usd = Some(most);
        self
    }

    /// Sets [`Budget::calls`].
    pub fn calls(mut self, calls: u64) -> Self {
        self.calls = Some(calls);
        self
    }

    /// Sets [`Budget::time`].
    pub fn time(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    /// Sets [`Budget::warn_at`]. More than 100 counts as 100.
    pub fn warn_at(mut self, percent: u8) -> Self {
        self.warn_at = percent.min(100);
        self
    }

    /// Sets [`Budget::kept_for_answer`]. More than 100 counts as 100.
    pub fn keep_for_answer(mut self, percent: u8) -> Self {
        self.kept_for_answer = percent.min(100);
        self
    }

    /// Whether it has any limit.
    pub fn has_limits(&self) -> bool {
        self.time.is_some() || self.amounts().iter().any(|(_, limit)| limit.is_some())
    }

    /// The limits on amounts.
    fn amounts(&self) -> [(BudgetLimit, Option<u64>); 6] {
        [
            (BudgetLimit::Requests, self.requests),
            (BudgetLimit::InputTokens, self.input_tokens),
            (BudgetLimit::OutputTokens, self.output_tokens),
            (BudgetLimit::Tokens, self.tokens),
            (BudgetLimit::Usd, self.usd.map(Usd::micros)),
            (BudgetLimit::Calls, self.calls),
        ]
    }

    /// How much of a limit requests may use that are not for the last answer.
    fn without_last_answer(&self, limit: u64) -> u64 {
        let kept = (u128::from(limit) * u128::from(self.kept_for_answer.min(100))).div_ceil(100);
        limit - u64::try_from(kept).unwrap_or(limit)
    }
}
