//! The key by which calls are recognised.

use rmcp::model::ExperimentalCapabilities;

/// The field of a call's `_meta` with its idempotency key. Calls of one caller to one tool with the
/// same key are one call: a second one attaches to the first, or gets its result.
///
/// A server that reads it has an experimental capability with this name. Our client sends keys only
/// to such servers: the [key of a call](agent_core::Context::key) names its conversation.
pub const IDEMPOTENCY_KEY: &str = "agent-mcp/idempotency-key";

/// The longest idempotency key, in bytes.
pub(crate) const MAX_KEY: usize = 256;

/// The capabilities of a server that reads idempotency keys.
#[cfg(feature = "server")]
pub(crate) fn capability() -> ExperimentalCapabilities {
    ExperimentalCapabilities::from([(IDEMPOTENCY_KEY.to_owned(), Default::default())])
}

/// Whether a server with these capabilities reads idempotency keys.
#[cfg(feature = "client")]
pub(crate) fn is_read(by: Option<&ExperimentalCapabilities>) -> bool {
    by.is_some_and(|capabilities| capabilities.contains_key(IDEMPOTENCY_KEY))
}
