//! What is known of the conversations that go through a wrapper.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use agent_core::{Request, Usage};

/// Failures in a row after which no summary is asked for.
pub(crate) const FAILURES: u32 = 3;

/// How many requests are then sent without another try.
pub(crate) const PAUSE: u32 = 10;

/// The most conversations that are remembered. A forgotten one begins anew, which does no harm.
const MOST: usize = 10_000;

/// The memories of all conversations, by the id of the conversation and its agent.
#[derive(Default)]
pub(crate) struct Memories(Mutex<HashMap<(String, String), Memory>>);

#[derive(Clone, Copy)]
struct Memory {
    /// The tokens that the server counted, divided by the estimate.
    factor: f64,
    failures: u32,
    /// How many more requests are sent without a try.
    pause: u32,
}

impl Default for Memory {
    fn default() -> Self {
        Self { factor: 1.0, failures: 0, pause: 0 }
    }
}

impl Memories {
    /// Corrects an estimate by the usage of the last reply.
    pub(crate) fn corrected(&self, request: &Request, estimate: u64) -> u64 {
        (estimate as f64 * self.with(request, |memory| memory.factor)).ceil() as u64
    }

    /// The estimate that becomes this many tokens when it is corrected.
    pub(crate) fn uncorrected(&self, request: &Request, tokens: u64) -> u64 {
        (tokens as f64 / self.with(request, |memory| memory.factor)) as u64
    }

    /// Learns from the usage of a reply what the estimate of its request should have been.
    pub(crate) fn learn(&self, request: &Request, estimate: u64, usage: &Usage) {
        let counted = usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens;
        if counted > 0 && estimate > 0 {
            // A server whose counts are wrong must not make requests endless, or all of them too long.
            let factor = (counted as f64 / estimate as f64).clamp(0.25, 4.0);
            self.with(request, |memory| memory.factor = factor);
        }
    }

    /// Whether a summary may be asked for now. If not, one request less is sent without a try.
    pub(crate) fn may_try(&self, request: &Request) -> bool {
        self.with(request, |memory| {
            let may = memory.pause == 0;
            memory.pause = memory.pause.saturating_sub(1);
            may
        })
    }

    pub(crate) fn succeed(&self, request: &Request) {
        self.with(request, |memory| (memory.failures, memory.pause) = (0, 0));
    }

    /// Records a failure. Returns whether it is the last one before a pause.
    pub(crate) fn fail(&self, request: &Request) -> bool {
        self.with(request, |memory| {
            memory.failures += 1;
            let is_last = memory.failures >= FAILURES;
            if is_last {
                (memory.failures, memory.pause) = (0, PAUSE);
            }
            is_last
        })
    }

    fn with<T>(&self, request: &Request, read: impl FnOnce(&mut Memory) -> T) -> T {
        let mut memories = self.lock();
        if memories.len() >= MOST {
            memories.clear();
        }
        let key = (request.conversation.to_string(), request.agent.to_string());
        read(memories.entry(key).or_default())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), Memory>> {
        self.0.lock().expect("nothing that holds this lock can panic")
    }
}
