//! Makes a check, so that a check which fails never lets anything through.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use agent_core::message::safe_line;
use futures::FutureExt;

use crate::BoxError;

/// A guard and its name.
pub(crate) struct Named<G: ?Sized> {
    pub(crate) name: Arc<str>,
    pub(crate) guard: Arc<G>,
}

impl<G: ?Sized> Clone for Named<G> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), guard: self.guard.clone() }
    }
}

/// Awaits a check. If it fails, panics or takes too long, the error is the words of the refusal.
pub(crate) async fn checked<T>(
    name: &str,
    limit: Option<Duration>,
    check: impl Future<Output = Result<T, BoxError>>,
) -> Result<T, String> {
    // A guard is foreign code. A panic in it must not end the run, and must not allow anything.
    let check = AssertUnwindSafe(check).catch_unwind();
    let ended = match limit {
        None => check.await,
        Some(limit) => match tokio::time::timeout(limit, check).await {
            Ok(ended) => ended,
            Err(_) => return Err(failed(name, &format!("it took longer than {limit:?}"))),
        },
    };
    match ended {
        Ok(Ok(verdict)) => Ok(verdict),
        Ok(Err(error)) => Err(failed(name, &error.to_string())),
        // The panic's own words are in the program's log. They may contain what was checked.
        Err(_) => Err(failed(name, "it panicked")),
    }
}

/// The words of a refusal because a check could not be made.
pub(crate) fn failed(name: &str, why: &str) -> String {
    format!("refused, because the check {name:?} failed: {}", safe_line(why))
}
