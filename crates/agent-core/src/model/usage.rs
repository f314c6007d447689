//! The tokens that requests use.

mod by_agent;
mod count;

use std::{fmt, ops::AddAssign};

use serde::{Deserialize, Serialize};

use crate::{Json, Spent, Usd, message::fields::Fields};

pub use by_agent::{AgentUsage, UsageByAgent};
use count::{count, or_none};

/// Tokens that requests used, and counts of the API's own tools. `+=` adds two usages.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Counts")]
pub struct Usage {
    /// Tokens of the prompt that were neither read from the prompt cache nor written to it.
    pub input_tokens: u64,
    /// Tokens the model wrote.
    pub output_tokens: u64,
    /// Tokens of the prompt written to the prompt cache.
    pub cache_creation_input_tokens: u64,
    /// Tokens of the prompt read from the prompt cache.
    pub cache_read_input_tokens: u64,
    /// The tokens written to the prompt cache, by how long the cache keeps them, as far as the
    /// server says.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_creation: CacheCreation,
    /// Requests made by tools that ran on the API's servers.
    #[serde(skip_serializing_if = "is_zero")]
    pub server_tool_use: ServerToolUse,
    /// How much of the counts above went to attempts that broke off and were made again or failed.
    /// These tokens are paid for, but gave no reply. Only what the server had reported until then
    /// is known: usually all input, but not all output. A reply that was cancelled, or stopped
    /// because its call timed out, is not in any count, unless the partial reply was
    /// [kept](crate::Run::keep_partial_reply). Only its event
    /// [`TurnFailed`](crate::EventKind::TurnFailed) has its usage.
    #[serde(skip_serializing_if = "is_zero")]
    pub broken_off: BrokenOff,
    /// What the requests cost, if the backend knows its prices ([`Priced`](crate::model::Priced)).
    /// If not, it is zero.
    #[serde(rename = "cost_micro_usd", skip_serializing_if = "is_zero")]
    pub cost: Usd,
}

/// Tokens of attempts that broke off; see [`Usage::broken_off`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BrokenOff {
    /// See [`Usage::input_tokens`].
    #[serde(deserialize_with = "or_none")]
    pub input_tokens: u64,
    /// See [`Usage::output_tokens`].
    #[serde(deserialize_with = "or_none")]
    pub output_tokens: u64,
    /// See [`Usage::cache_creation_input_tokens`].
    #[serde(deserialize_with = "or_none")]
    pub cache_creation_input_tokens: u64,
    /// See [`Usage::cache_read_input_tokens`].
    #[serde(deserialize_with = "or_none")]
    pub cache_read_input_tokens: u64,
    /// How many attempts broke off and were made again.
    #[serde(deserialize_with = "or_none", skip_serializing_if = "is_zero")]
    pub attempts: u64,
}

/// Tokens written to the prompt cache, by how long the cache keeps them. A longer time costs more.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CacheCreation {
    /// Tokens written to the prompt cache for five minutes.
    #[serde(deserialize_with = "or_none")]
    pub ephemeral_5m_input_tokens: u64,
    /// Tokens written to the prompt cache for an hour.
    #[serde(deserialize_with = "or_none")]
    pub ephemeral_1h_input_tokens: u64,
}

/// Requests made by tools that ran on the API's servers. Each of them is paid for.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerToolUse {
    /// Web searches.
    #[serde(deserialize_with = "or_none")]
    pub web_search_requests: u64,
    /// Web pages fetched.
    #[serde(deserialize_with = "or_none")]
    pub web_fetch_requests: u64,
}

impl Usage {
    /// Makes a usage of input and output tokens. The counts of the prompt cache are 0.
    pub fn new(input_tokens: u64, output_tokens: u64) -> Self {
        Self { input_tokens, output_tokens, ..Self::default() }
    }

    /// Replaces the counts by those of a stream event, which are totals so far. Counts that the
    /// event does not have stay.
    pub fn update(&mut self, counts: &Counts) {
        fn set<T>(old: &mut T, new: Option<T>) {
            if let Some(new) = new {
                *old = new;
            }
        }
        set(&mut self.input_tokens, counts.input_tokens);
        set(&mut self.output_tokens, counts.output_tokens);
        set(&mut self.cache_creation_input_tokens, counts.cache_creation_input_tokens);
        set(&mut self.cache_read_input_tokens, counts.cache_read_input_tokens);
        set(&mut self.cache_creation, counts.cache_creation);
        set(&mut self.server_tool_use, counts.server_tool_use);
        set(&mut self.broken_off, counts.broken_off);
        set(&mut self.cost, counts.cost);
    }

    /// Returns this usage with all of its tokens counted as [`broken_off`](Self::broken_off).
    pub fn of_broken_off(mut self) -> Self {
        self.broken_off = BrokenOff {
            input_tokens: self.input_tokens,
            output_tokens: self.output_tokens,
            cache_creation_input_tokens: self.cache_creation_input_tokens,
            cache_read_input_tokens: self.cache_read_input_tokens,
            attempts: self.broken_off.attempts,
        };
        self
    }

    /// Returns the fields of the API's usage JSON that this struct does not have, for example the
    /// service tier or counts of other server tools. `None` if there are no such fields.
    pub fn details(usage: &Json) -> Option<Json> {
        const BROKEN_OFF: &[&str] = &[
            "input_tokens",
            "output_tokens",
            "cache_creation_input_tokens",
            "cache_read_input_tokens",
            "attempts",
        ];
        const COUNTED: [(&str, &[&str]); 8] = [
            ("input_tokens", &[]),
            ("output_tokens", &[]),
            ("cache_creation_input_tokens", &[]),
            ("cache_read_input_tokens", &[]),
            ("cache_creation", &["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"]),
            ("server_tool_use", &["web_search_requests", "web_fetch_requests"]),
            ("broken_off", BROKEN_OFF),
            ("cost_micro_usd", &[]),
        ];
        let fields = Fields::of(usage.text()).ok()?;
        let mut details = Fields::default();
        for (name, value) in fields.iter() {
            match COUNTED.iter().find(|(counted, _)| *counted == name) {
                None if value.get() == "null" => {}
                None => details.set_raw(name, value),
                Some((_, [])) => {}
                Some((_, parts)) => {
                    let mut others = Fields::of(value.get()).unwrap_or_default();
                    others.retain(|part, value| !parts.contains(&part) && value.get() != "null");
                    if !others.is_empty() {
                        details.set(name, &others);
                    }
                }
            }
        }
        (!details.is_empty()).then(|| details.json())
    }

    /// All tokens of the prompts, also those that were read from the prompt cache or written to it.
    pub fn all_input_tokens(&self) -> u64 {
        let cached = self.cache_read_input_tokens.saturating_add(self.cache_creation_input_tokens);
        self.input_tokens.saturating_add(cached)
    }

    /// What one request with this usage spends of a budget.
    pub fn of_one_request(&self) -> Spent {
        let (input_tokens, output_tokens) = (self.all_input_tokens(), self.output_tokens);
        Spent { requests: 1, input_tokens, output_tokens, cost: self.cost, calls: 0 }
    }

    fn counts(&mut self) -> [&mut u64; 13] {
        [
            &mut self.input_tokens,
            &mut self.output_tokens,
            &mut self.cache_creation_input_tokens,
            &mut self.cache_read_input_tokens,
            &mut self.cache_creation.ephemeral_5m_input_tokens,
            &mut self.cache_creation.ephemeral_1h_input_tokens,
            &mut self.server_tool_use.web_search_requests,
            &mut self.server_tool_use.web_fetch_requests,
            &mut self.broken_off.input_tokens,
            &mut self.broken_off.output_tokens,
            &mut self.broken_off.cache_creation_input_tokens,
            &mut self.broken_off.cache_read_input_tokens,
            &mut self.broken_off.attempts,
        ]
    }
}

/// Writes the usage for people to read: `1200 input tokens (900 read from a cache), 56 output
/// tokens, $0.0123`.
impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (read, written) = (self.cache_read_input_tokens, self.cache_creation_input_tokens);
        let input = self.all_input_tokens();
        let cached: Vec<String> = [(read, "read from a cache"), (written, "written to a cache")]
            .iter()
            .filter(|(tokens, _)| *tokens > 0)
            .map(|(tokens, what)| format!("{tokens} {what}"))
            .collect();
        write!(f, "{input} input tokens")?;
        if !cached.is_empty() {
            write!(f, " ({})", cached.join(", "))?;
        }
        write!(f, ", {} output tokens", self.output_tokens)?;
        if self.cost > Usd::ZERO {
            write!(f, ", {}", self.cost)?;
        }
        Ok(())
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, mut other: Self) {
        for (sum, more) in self.counts().into_iter().zip(other.counts()) {
            *sum = sum.saturating_add(*more);
        }
        self.cost += other.cost;
    }
}

fn is_zero<T: Default + PartialEq>(counts: &T) -> bool {
    *counts == T::default()
}

/// The token counts of one stream event. A count that the event does not have is `None`.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// See [`Usage::input_tokens`].
    #[serde(deserialize_with = "count")]
    pub input_tokens: Option<u64>,
    /// See [`Usage::output_tokens`].
    #[serde(deserialize_with = "count")]
    pub output_tokens: Option<u64>,
    /// See [`Usage::cache_creation_input_tokens`].
    #[serde(deserialize_with = "count")]
    pub cache_creation_input_tokens: Option<u64>,
    /// See [`Usage::cache_read_input_tokens`].
    #[serde(deserialize_with = "count")]
    pub cache_read_input_tokens: Option<u64>,
    /// See [`Usage::cache_creation`].
    pub cache_creation: Option<CacheCreation>,
    /// See [`Usage::server_tool_use`].
    pub server_tool_use: Option<ServerToolUse>,
    /// See [`Usage::broken_off`].
    pub broken_off: Option<BrokenOff>,
    /// See [`Usage::cost`].
    #[serde(rename = "cost_micro_usd", skip_serializing_if = "Option::is_none")]
    pub cost: Option<Usd>,
}

impl Counts {
    /// Makes counts of input and output tokens, which every API gives. Set the other counts as
    /// fields.
    pub fn new(input_tokens: u64, output_tokens: u64) -> Self {
        Self { input_tokens: Some(input_tokens), output_tokens: Some(output_tokens), ..Self::default() }
    }
}

impl From<Counts> for Usage {
    fn from(counts: Counts) -> Self {
        let mut usage = Self::default();
        usage.update(&counts);
        usage
    }
}

impl From<Usage> for Counts {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: Some(usage.input_tokens),
            output_tokens: Some(usage.output_tokens),
            cache_creation_input_tokens: Some(usage.cache_creation_input_tokens),
            cache_read_input_tokens: Some(usage.cache_read_input_tokens),
            cache_creation: Some(usage.cache_creation).filter(|counts| !is_zero(counts)),
            server_tool_use: Some(usage.server_tool_use).filter(|counts| !is_zero(counts)),
            broken_off: Some(usage.broken_off).filter(|counts| !is_zero(counts)),
            cost: Some(usage.cost).filter(|cost| !is_zero(cost)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_printed_for_people() {
        let usage = Usage { cache_read_input_tokens: 900, ..Usage::new(300, 56) };
        assert_eq!(Usage::new(3, 4).to_string(), "3 input tokens, 4 output tokens");
        assert_eq!(usage.to_string(), "1200 input tokens (900 read from a cache), 56 output tokens");
        let usage = Usage { cost: Usd::dollars(0.0123), ..Usage::new(3, 4) };
        assert_eq!(usage.to_string(), "3 input tokens, 4 output tokens, $0.0123");
    }
}
