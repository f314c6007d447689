//! The most that a request can use.

use serde::{Deserialize, Serialize};

use crate::{
    Request, Usage,
    model::{CacheCreation, request::meter::MaxCost},
};

/// How many input tokens a request had, and how many were estimated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    pub(super) estimated: u64,
    pub(super) counted: u64,
}

/// The most tokens that a request can use. `before` is an earlier request of the same agent.
pub(super) fn worst_case(request: &Request, before: Option<Measured>) -> Usage {
    let estimated = request.estimated_input_tokens();
    let input = match before {
        // The server has counted its beginning.
        Some(before) if before.estimated <= estimated => before.counted + (estimated - before.estimated),
        _ => estimated,
    };
    Usage::new(input, max_tokens(request))
}

/// Adds the cost. It is most if the server keeps the prompt in its cache for an hour. `None` if the
/// prices are not known.
pub(super) fn with_cost(worst: Usage, max_cost: MaxCost<'_>) -> Option<Usage> {
    let input = worst.input_tokens;
    let cache_creation = CacheCreation { ephemeral_1h_input_tokens: input, ..CacheCreation::default() };
    let in_cache = Usage { input_tokens: 0, cache_creation_input_tokens: input, cache_creation, ..worst };
    let cost = max_cost(&worst)?.max(max_cost(&in_cache)?);
    Some(Usage { cost, ..worst })
}

/// The most tokens of the reply. Other fields of the request may override it.
fn max_tokens(request: &Request) -> u64 {
    let names = ["max_tokens", "max_completion_tokens", "max_output_tokens"];
    let other = names.iter().filter_map(|name| request.extra.get(*name)?.parse::<u64>().ok()).max();
    other.unwrap_or(u64::from(request.max_tokens))
}
