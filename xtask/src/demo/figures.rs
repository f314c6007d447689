//! The demo's figures, for programs.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// What `--json` prints: one object on one line.
#[derive(Serialize)]
pub(super) struct Figures {
    pub(super) scenarios: Vec<Scenario>,
}

/// The figures of one scenario, in milliseconds.
#[derive(Serialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub(super) enum Scenario {
    /// One agent's calls in one reply.
    ParallelCalls {
        /// How many calls.
        calls: usize,
        /// The whole run.
        #[serde(rename = "total_ms", serialize_with = "ms")]
        total: Duration,
    },
    /// An orchestrator with specialists.
    AgentsAsTools {
        /// From the orchestrator's first call starting to its last call ending, one after the other.
        #[serde(rename = "sequential_ms", serialize_with = "ms")]
        sequential: Duration,
        /// The same, all in parallel.
        #[serde(rename = "concurrent_ms", serialize_with = "ms")]
        concurrent: Duration,
        /// The largest sum of latencies scripted for one specialist; with a real model there is none.
        #[serde(rename = "longest_chain_ms", serialize_with = "maybe_ms")]
        longest_chain: Option<Duration>,
        /// The whole run, one after the other.
        #[serde(rename = "sequential_total_ms", serialize_with = "ms")]
        sequential_total: Duration,
        /// The whole run, all in parallel.
        #[serde(rename = "concurrent_total_ms", serialize_with = "ms")]
        concurrent_total: Duration,
    },
    /// A handoff that works out, and one that does not.
    Handoffs {
        /// Who had the conversation in the end, when it worked out and when it did not.
        answered_by: [String; 2],
        /// Both runs.
        #[serde(rename = "total_ms", serialize_with = "ms")]
        total: Duration,
    },
    /// Many conversations in parallel.
    ManyConversations {
        /// How many.
        conversations: usize,
        /// All of them.
        #[serde(rename = "total_ms", serialize_with = "ms")]
        total: Duration,
    },
}

fn ms<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let ms = duration.as_secs_f64() * 1000.0;
    serializer.serialize_f64((ms * 10.0).round() / 10.0)
}

fn maybe_ms<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => ms(duration, serializer),
        None => serializer.serialize_none(),
    }
}
