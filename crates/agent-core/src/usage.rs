//! What a request cost.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Tokens read and written. Adds up over turns and delegations.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Counts")]
pub struct Usage {
    /// Tokens of the prompt that no cache helped with.
    pub input_tokens: u64,
    /// Tokens the model wrote.
    pub output_tokens: u64,
    /// Tokens of the prompt written to the cache.
    pub cache_creation_input_tokens: u64,
    /// Tokens of the prompt read from the cache.
    pub cache_read_input_tokens: u64,
}

impl Usage {
    /// A usage of so many tokens read and written, without a cache.
    pub fn new(input_tokens: u64, output_tokens: u64) -> Self {
        Self { input_tokens, output_tokens, ..Self::default() }
    }

    /// Takes over the counts a stream reports: they are cumulative, and an absent one stays.
    pub fn update(&mut self, counts: &Counts) {
        let set = |old: &mut u64, new: Option<u64>| *old = new.unwrap_or(*old);
        set(&mut self.input_tokens, counts.input_tokens);
        set(&mut self.output_tokens, counts.output_tokens);
        set(&mut self.cache_creation_input_tokens, counts.cache_creation_input_tokens);
        set(&mut self.cache_read_input_tokens, counts.cache_read_input_tokens);
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut self.input_tokens, other.input_tokens);
        add(&mut self.output_tokens, other.output_tokens);
        add(&mut self.cache_creation_input_tokens, other.cache_creation_input_tokens);
        add(&mut self.cache_read_input_tokens, other.cache_read_input_tokens);
    }
}

/// The counts of one stream event, as far as it has them.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// See [`Usage::input_tokens`].
    pub input_tokens: Option<u64>,
    /// See [`Usage::output_tokens`].
    pub output_tokens: Option<u64>,
    /// See [`Usage::cache_creation_input_tokens`].
    pub cache_creation_input_tokens: Option<u64>,
    /// See [`Usage::cache_read_input_tokens`].
    pub cache_read_input_tokens: Option<u64>,
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
        }
    }
}
