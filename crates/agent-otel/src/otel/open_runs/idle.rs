//! Conversations of which nothing is heard any more.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::OpenRuns;
use crate::otel::shared::{Shared, between};

impl OpenRuns {
    /// Ends the spans of conversations of which nothing was heard for long, as of the last event.
    /// On an engine, another process may have gone on with them.
    pub(super) fn close_idle(&mut self, shared: &Shared, at: SystemTime) {
        // It looks at all that is open, so it does so seldom.
        if self.looked_for_idle.is_some_and(|last| between(last, at) < shared.idle_limit / 10) {
            return;
        }
        self.looked_for_idle = Some(at);
        for (id, last) in self.idle(shared.idle_limit, at) {
            self.close(shared, &id, last, Some("unknown"), None);
        }
    }

    /// The conversations of which nothing was heard, nor of what they delegated, with the time of
    /// the last event.
    fn idle(&self, limit: Duration, at: SystemTime) -> Vec<(Arc<str>, SystemTime)> {
        let is_idle = |last| between(last, at) > limit;
        let mut alive: HashSet<&str> = HashSet::new();
        for (id, _) in self.conversations.iter().filter(|(_, one)| !is_idle(one.last)) {
            let mut id = &**id;
            // All above it wait for it.
            while alive.insert(id) {
                let Some((above, _)) = id.rsplit_once('/') else { break };
                id = above;
            }
        }
        let idle = self.conversations.iter().filter(|(id, _)| !alive.contains(&***id));
        idle.map(|(id, one)| (id.clone(), one.last)).collect()
    }
}
