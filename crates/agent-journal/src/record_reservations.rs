//! Writes what a request may use before it is sent.

use std::sync::Arc;

use agent_core::{LlmError, conversation::Change, model::LlmErrorKind};
use futures::future::BoxFuture;

use crate::{
    Entry,
    ledger::{Completed, Ledger},
};

/// Returns the function that a host calls before each request that a budget pays for. If the process
/// ends before the reply is on the disk, the request still counts.
pub(crate) fn record_reservations(
    ledger: &Arc<Ledger>,
) -> impl Fn(Arc<str>, Change) -> BoxFuture<'static, Result<(), LlmError>> + Send + Sync + 'static {
    let ledger = ledger.clone();
    move |id, change| {
        let written = ledger.append(&id, &[Entry::Change(change)], &id, Completed::Nothing);
        Box::pin(async move {
            written.await.map_err(|error| LlmError::new(LlmErrorKind::NotAsked, error.to_string()))
        })
    }
}
