//! Spans and metrics of OpenTelemetry.

mod asked;
mod call;
mod content;
mod conversation;
mod failure;
mod invocation;
mod listener;
mod metrics;
mod names;
mod open_runs;
mod reply;
mod request_wait;
mod requests;
mod shared;
mod trace_parent;
mod traces;
mod turn;
mod watched;

pub use names::Names;
pub use trace_parent::InvalidTraceParent;
pub use traces::{Traces, TracesBuilder};
