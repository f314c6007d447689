//! The names of the Messages API: its variables, its address and its headers.

use crate::transport::{api::Api, rate_limit::ANTHROPIC};

/// The environment variable with the key.
pub(super) const KEY_VARIABLE: &str = "ANTHROPIC_API_KEY";

/// The environment variable with the address, if it is not the default.
pub(super) const BASE_URL_VARIABLE: &str = "ANTHROPIC_BASE_URL";

/// Where messages are made.
pub(super) const MESSAGES: &str = "v1/messages";

/// Where tokens are counted.
pub(super) const COUNT_TOKENS: &str = "v1/messages/count_tokens";

/// Where models are listed.
pub(super) const MODELS: &str = "v1/models";

/// Where batches of messages are made and listed.
pub(super) const BATCHES: &str = "v1/messages/batches";

/// Source: <https://docs.claude.com/en/api/overview>.
pub(super) const API: Api = Api {
    provider: "anthropic",
    key_variable: Some(KEY_VARIABLE),
    base_url: "https://api.anthropic.com",
    key_header: "x-api-key",
    key_scheme: "",
    request_id: "request-id",
    rate_limits: &ANTHROPIC,
};
