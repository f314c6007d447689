//! A request that has no recording.

use std::{fmt, path::Path};

use agent_core::{LlmError, model::LlmErrorKind};

use super::difference::RequestDifference;

/// A request that a [`Cassette`](crate::Cassette) has no recording of. Its `Display` has a line for
/// each difference.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CassetteMiss {
    /// The name of the agent that asked.
    pub agent: String,
    /// How often exactly this request was recorded. If it is not 0, all of these recordings have
    /// been replayed.
    pub recorded: usize,
    /// The line of the recording that is nearest to the request, from 1. `None` if there are no
    /// recordings, or if exactly this request was recorded.
    pub nearest: Option<usize>,
    /// Where the request differs from that recording.
    pub differences: Vec<RequestDifference>,
}

/// How many differences are shown.
const SHOWN: usize = 5;

/// The type of the error that a miss is.
const ERROR_TYPE: &str = "cassette_miss";

impl fmt::Display for CassetteMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said("\n  "))
    }
}

impl CassetteMiss {
    /// The error for the caller. It is not retried, and no other model is asked instead. The first
    /// miss of a run is often the cause of the others.
    pub(super) fn error(&self, path: &Path, first: Option<&Self>) -> LlmError {
        let todo = match self.recorded {
            0 => "To record what is new, set AGENT_CASSETTE=new, or use Cassette::record_new",
            _ => "Record the run again, or allow repeats with Cassette::repeat_last",
        };
        let mut message = format!("{}: {}. {todo}", path.display(), self.said(" "));
        if let Some(first) = first {
            message.push_str(&format!(". An earlier request may be the cause: {}", first.said(" ")));
        }
        let mut error = LlmError::new(LlmErrorKind::NotAsked, message);
        error.error_type = Some(ERROR_TYPE.to_owned());
        error
    }

    fn said(&self, between: &str) -> String {
        let Self { agent, recorded, nearest, differences } = self;
        match (recorded, nearest) {
            (0, None) => format!("no recording of this request by agent {agent:?}, nor of any other"),
            (0, Some(line)) => {
                let shown = differences.iter().take(SHOWN).map(ToString::to_string);
                let more = differences.len().saturating_sub(SHOWN);
                let more = (more > 0).then(|| format!("{more} more"));
                let shown: Vec<String> = shown.chain(more).collect();
                let shown = shown.join(&format!(";{between}"));
                format!(
                    "no recording of this request by agent {agent:?}. The nearest is on line {line}. \
                     Differences:{between}{shown}"
                )
            }
            (1, _) => format!("the recording of this request by agent {agent:?} was replayed already"),
            (recorded, _) => {
                format!("all {recorded} recordings of this request by agent {agent:?} were replayed already")
            }
        }
    }
}
