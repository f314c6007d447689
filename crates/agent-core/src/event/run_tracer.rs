//! Traces that go on in other processes.

use std::sync::Arc;

use super::Event;

/// Makes a trace of runs from their events. The `Traces` of agent-otel is one. A host that keeps
/// sessions keeps for each run where its spans belong, too, so that the trace goes on when another
/// process continues the run.
pub trait RunTracer {
    /// Makes a listener for the runs of a host. When the first span of a user's conversation
    /// begins, the listener asks `parents` whether the run has a trace already. If not, it begins a
    /// trace, and gives it to `parents`.
    fn trace(&self, parents: Arc<dyn TraceParents>) -> Box<dyn Fn(&Event) + Send + Sync>;
}

/// What a host knows of the traces of its runs. A trace is known by the text of a W3C
/// `traceparent`, which names the first span of the run: `00-TRACE-SPAN-01`. A host does not look
/// into it.
pub trait TraceParents: Send + Sync {
    /// The text for the run to which this conversation belongs, whatever process has kept it. The
    /// conversation may be delegated. `None` if the run has none yet.
    fn find(&self, conversation: &str) -> Option<String>;

    /// Keeps the text for this run. `conversation` is the user's own.
    fn keep(&self, conversation: &str, text: &str);

    /// Whether this process drives the conversation. If not, it only makes calls of it, and needs
    /// no span for the conversation.
    fn drives(&self, _conversation: &str) -> bool {
        true
    }
}
