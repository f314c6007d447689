//! How a host carries out its runs.

use agent_core::{Cancel, Event, Outcome, conversation::Call, event::RunTracer, host::Mode};

use super::JournalHost;
use crate::event_recorder::EventRecorder;

impl JournalHost {
    /// Sets whether the calls of a reply run in parallel or one after the other. The default is
    /// [`Mode::Concurrent`].
    pub fn mode(self, mode: Mode) -> Self {
        Self { local: self.local.mode(mode), ..self }
    }

    /// Sets whether the text so far of a reply is kept if the run is cancelled while the reply
    /// streams, as in [`Run::keep_partial_reply`](agent_core::Run::keep_partial_reply). The default
    /// is `false`. If you drop the run instead, nothing of the reply is kept.
    pub fn keep_partial_reply(self, keep: bool) -> Self {
        Self { local: self.local.keep_partial_reply(keep), ..self }
    }

    /// Calls `listener` for every event, when it happens. To read the same events one by one, use
    /// [`run`](Self::run). Events of earlier processes are not repeated.
    pub fn listen(self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self { local: self.local.listen(listener), ..self }
    }

    /// Keeps the events of the runs of this host in the journal, so that any process can follow
    /// them: see [`Journal::kept_events`](crate::Journal::kept_events), and
    /// [`Sessions`](agent_core::sessions::Sessions), which a journal implements. By default no
    /// events are kept.
    ///
    /// No run waits until its events are written. They are written together with other entries of
    /// the journal, or 100 ms later. Pieces of a reply that are written together are one event. So
    /// after a crash the last events may be missing. The conversation misses nothing.
    pub fn keep_events(mut self) -> Self {
        let (listener, recorder) = EventRecorder::new(&self.ledger);
        self.recorders.push(recorder);
        self.listen(listener)
    }

    /// Makes a trace of the runs of this host, for example with the `Traces` of agent-otel. The
    /// journal keeps which trace a run belongs to until the run ends. So if another process
    /// continues the run, after a crash or when a person has decided, its spans are in the same
    /// trace. The next run of the session has a trace of its own.
    pub fn trace(self, tracer: &impl RunTracer) -> Self {
        let listener = tracer.trace(self.ledger.trace.clone());
        self.listen(listener)
    }

    /// Lets `cancel` stop the runs of this host. A cancelled call counts as finished, with an error
    /// result. The next run of this host is not stopped. To stop now and continue later, drop the
    /// run instead.
    pub fn cancelled_by(self, cancel: &Cancel) -> Self {
        Self { local: self.local.cancelled_by(cancel), ..self }
    }

    /// Gives a value to the tools of the runs of this host, as
    /// [`Run::with`](agent_core::Run::with) does in process. Call it before the first run. The
    /// value is not saved: a host that continues the session in another process must be given it
    /// again. If a tool [needs](agent_core::ToolSpec::needs) a value that is missing, a run fails
    /// before it asks a model.
    pub fn with<T: Send + Sync + 'static>(self, value: T) -> Self {
        Self { local: self.local.with(value), ..self }
    }

    /// Sets what happens to a call that started before a crash and whose outcome is unknown.
    /// `outcome` returns the outcome to record, or `None` to make the call again with the same key.
    /// By default the model reads "outcome unknown: …". With [`Outcome::Wait`], a person decides.
    ///
    /// `outcome` is only asked about calls of tools that are neither
    /// [idempotent](agent_core::ToolSpec::idempotent) nor read-only. All other calls are made
    /// again.
    pub fn on_unknown(self, outcome: impl Fn(&Call) -> Option<Outcome> + Send + Sync + 'static) -> Self {
        Self { unknown: Box::new(outcome), ..self }
    }
}
