//! A notice before a reply.

use std::future::ready;

use agent_core::{BoxStream, Delta, LlmError, model::Notice};
use futures::{StreamExt, stream};

/// The reply, after a notice that says what was left out of the request.
pub(crate) fn with_notice(
    part: String,
    reply: BoxStream<'_, Result<Delta, LlmError>>,
) -> BoxStream<'_, Result<Delta, LlmError>> {
    stream::once(ready(Ok(Delta::Notice(Notice::Omitted { parts: vec![part] })))).chain(reply).boxed()
}
