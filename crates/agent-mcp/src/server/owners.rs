//! Whose sessions those of HTTP clients are.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::{Extensions, HeaderMap};
use lru::LruCache;

use super::Caller;

/// The header with the id of a session.
const SESSION: &str = "mcp-session-id";

/// The callers that have opened the sessions. Only the one that has opened a session may use it:
/// what is sent in it belongs to that caller. Clones share them.
#[derive(Clone)]
pub(crate) struct Owners(Arc<Mutex<LruCache<String, Option<Caller>>>>);

impl Owners {
    /// As many as there may be sessions. Those that have ended make room for new ones.
    pub(crate) fn new(sessions: usize) -> Self {
        let most = NonZeroUsize::new(sessions).unwrap_or(NonZeroUsize::MIN);
        Self(Arc::new(Mutex::new(LruCache::new(most))))
    }

    /// Whether a request is in somebody else's session, or in one that nobody has opened here.
    pub(crate) fn refuse(&self, headers: &HeaderMap, extensions: &Extensions) -> bool {
        let Some(session) = session(headers) else { return false };
        let mut owners = self.owners();
        !owners.get(session).is_some_and(|owner| owner.as_ref() == extensions.get())
    }

    /// Remembers who has opened the session that a response names.
    pub(crate) fn remember(&self, response: &HeaderMap, caller: Option<Caller>) {
        if let Some(session) = session(response) {
            let mut owners = self.owners();
            if !owners.contains(session) {
                owners.put(session.to_owned(), caller);
            }
        }
    }

    fn owners(&self) -> MutexGuard<'_, LruCache<String, Option<Caller>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn session(headers: &HeaderMap) -> Option<&str> {
    headers.get(SESSION).and_then(|id| id.to_str().ok())
}
