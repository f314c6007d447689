//! Traces and metrics of runs.

use std::{fmt, sync::Arc, time::Duration};

use agent_core::{
    Event, Llm,
    event::{RunTracer, TraceParents},
};
use opentelemetry::{
    Context, InstrumentationScope,
    metrics::{Meter, MeterProvider},
    trace::{Span, SpanContext, TraceContextExt, Tracer, TracerProvider},
};

use super::{
    asked::Asked,
    listener::Listener,
    metrics::Metrics,
    names::Names,
    open_runs::Place,
    requests::Requests,
    shared::{OnRoot, OpenSpans, ParentOf, Shared, Start},
    trace_parent::{self, InvalidTraceParent},
    watched::Watched,
};

/// Makes OpenTelemetry spans and metrics from the events of runs. Give each run a
/// [`listener`](Self::listener). The crate's page has an example.
///
/// Clones share everything. One `Traces` serves all runs of a program, also in parallel.
#[derive(Clone)]
pub struct Traces(Arc<Shared>);

impl Traces {
    /// Makes traces with the default settings: the newest names, no content, no metrics. The spans
    /// go to this provider, for example `SdkTracerProvider` or
    /// [`global::tracer_provider`](opentelemetry::global::tracer_provider).
    pub fn new<P>(provider: &P) -> Self
    where
        P: TracerProvider,
        P::Tracer: Send + Sync + 'static,
        <P::Tracer as Tracer>::Span: Span + Send + Sync + 'static,
    {
        Self::builder().build(provider)
    }

    /// Starts to make traces with other settings.
    pub fn builder() -> TracesBuilder {
        TracesBuilder::default()
    }

    /// Returns a listener for one run, or for a host that runs many. The conversations that users
    /// began are traces of their own. They have no parent, also if a span is current: for that, use
    /// [`listener_under`](Self::listener_under).
    ///
    /// When the listener is dropped, spans that are still open end with an error, because their run
    /// was dropped or failed. Two runs that go on in parallel in conversations with the same id
    /// need a listener each.
    pub fn listener(&self) -> impl Fn(&Event) + Send + Sync + use<> {
        self.listen(Context::new(), None)
    }

    /// Returns a [`listener`](Self::listener) whose conversations are under the span of `parent`:
    /// that of a request that this program serves, or one that came from another process.
    ///
    /// ```
    /// use opentelemetry::Context;
    /// # let traces = agent_otel::Traces::new(&opentelemetry::trace::noop::NoopTracerProvider::new());
    ///
    /// let listener = traces.listener_under(Context::current());
    /// # let _: Box<dyn Fn(&agent_core::Event) + Send + Sync> = Box::new(listener);
    /// ```
    pub fn listener_under(&self, parent: Context) -> impl Fn(&Event) + Send + Sync + use<> {
        self.listen(parent, None)
    }

    /// Returns a [`listener`](Self::listener) that continues the trace of another process, or of
    /// this program before a crash. `text` is what [`trace_parent`](Self::trace_parent) returned
    /// there. The first spans have that span as their parent and are linked to it.
    ///
    /// # Errors
    ///
    /// If the text is not a W3C `traceparent`.
    pub fn under_trace_parent(
        &self,
        text: &str,
    ) -> Result<impl Fn(&Event) + Send + Sync + use<>, InvalidTraceParent> {
        let parent = trace_parent::read(text)?;
        Ok(self.listen(Context::new().with_remote_span_context(parent.clone()), Some(parent)))
    }

    /// The span of a conversation as a W3C `traceparent`: `00-TRACE-SPAN-01`. Keep it where a later
    /// process finds it, or send it as a header of that name. `None` if no listener has an open
    /// span for this conversation. To learn it as soon as a run begins, use
    /// [`on_root`](TracesBuilder::on_root).
    pub fn trace_parent(&self, conversation: &str) -> Option<String> {
        trace_parent::write(self.context(conversation)?.span().span_context())
    }

    /// Wraps the model of an agent, so that the spans of its turns also have what requests say:
    /// `gen_ai.request.max_tokens`, and what
    /// [`AgentBuilder::extra`](agent_core::AgentBuilder::extra) sets of the temperature, `top_p`,
    /// `top_k` and stop sequences. With [`content`](TracesBuilder::content) they have the system
    /// prompt and the definitions of the tools, too. Events don't have these. Make it the outermost
    /// wrapper. It changes no request.
    pub fn model<L: Llm>(&self, llm: L) -> impl Llm + use<L> {
        Watched { llm, shared: self.0.clone() }
    }

    /// The open span of a conversation, by its id, or of a call, by its key `CONVERSATION/CALL`.
    /// Use it as the parent of spans that a tool makes. If a call delegated to another agent, it is
    /// the span of that agent.
    pub fn context(&self, key: &str) -> Option<Context> {
        self.0.open.context(key)
    }

    fn listen(&self, parent: Context, link: Option<SpanContext>) -> impl Fn(&Event) + Send + Sync + use<> {
        let listener = Listener::new(self.0.clone(), Place { parent, link, parents: None });
        move |event| listener.hear(event)
    }
}

/// Hosts that keep sessions use this, so that a run is one trace whatever processes carry it out:
/// `JournalHost::trace` of agent-journal and `Services::trace` of agent-restate.
impl RunTracer for Traces {
    fn trace(&self, parents: Arc<dyn TraceParents>) -> Box<dyn Fn(&Event) + Send + Sync> {
        let place = Place { parents: Some(parents), ..Place::default() };
        let listener = Listener::new(self.0.clone(), place);
        Box::new(move |event| listener.hear(event))
    }
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traces").field("open", &self.0.open.len()).finish_non_exhaustive()
    }
}

/// The settings of [`Traces`].
#[derive(Default)]
#[must_use = "a builder does nothing until it is built"]
pub struct TracesBuilder {
    names: Names,
    content: bool,
    transfers: bool,
    meter: Option<Meter>,
    on_root: Option<Box<OnRoot>>,
    parent_of: Option<Box<ParentOf>>,
    idle_limit: Option<Duration>,
}

/// See [`TracesBuilder::idle_limit`].
const IDLE_LIMIT: Duration = Duration::from_secs(3_600);

impl TracesBuilder {
    /// Sets the version of the conventions. Your backend says which one it reads.
    pub fn names(mut self, names: Names) -> Self {
        self.names = names;
        self
    }

    /// Sets whether spans have what was said: messages, the inputs and results of calls, the
    /// questions for people. Off by default, because traces are often kept longer and seen by more
    /// people than conversations. Data of pictures and documents is never in a span.
    pub fn content(mut self, content: bool) -> Self {
        self.content = content;
        self
    }

    /// Sets whether calls that lead to another agent have the attributes `gen_ai.transfer.mode` and
    /// `gen_ai.transfer.target.*`. Off by default, because they are only proposed for the
    /// conventions.
    pub fn transfers(mut self, transfers: bool) -> Self {
        self.transfers = transfers;
        self
    }

    /// Records metrics, too, with a meter of this provider.
    pub fn metrics(mut self, provider: &impl MeterProvider) -> Self {
        self.meter = Some(provider.meter_with_scope(scope(self.names)));
        self
    }

    /// Calls a function when the span of a user's conversation starts, with the conversation's id
    /// and its [`trace_parent`](Traces::trace_parent). A program that may crash can keep it from
    /// here, before anything is lost. The function delays the run, so it should be fast.
    pub fn on_root(mut self, function: impl Fn(&str, &str) + Send + Sync + 'static) -> Self {
        self.on_root = Some(Box::new(function));
        self
    }

    /// Sets a function that finds the `traceparent` under which a conversation belongs, by its id.
    /// It is for a [`listener`](Traces::listener) that hears the runs of many sessions, as on
    /// Restate: each can then continue a trace of its own. It is asked when a conversation begins
    /// or goes on in this process, and no conversation above it is open here. The id of a delegated
    /// conversation begins with that of its session: `SESSION/CALL`. `None` begins a new trace. If
    /// the text is not a `traceparent`, the span has an event that says so. The function delays the
    /// run, so it should be fast.
    pub fn parent_of(mut self, find: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.parent_of = Some(Box::new(find));
        self
    }

    /// Sets how long nothing may be heard of a conversation until its spans end. Their end is then
    /// the last event, and `agent.end` is `unknown`. The default is an hour. This is for listeners
    /// that hear many runs, of which other processes continue some, as on Restate. Without a limit,
    /// they would keep those runs in memory.
    pub fn idle_limit(mut self, limit: Duration) -> Self {
        self.idle_limit = Some(limit);
        self
    }

    /// Makes the traces. The spans go to this provider; see [`Traces::new`].
    pub fn build<P>(self, provider: &P) -> Traces
    where
        P: TracerProvider,
        P::Tracer: Send + Sync + 'static,
        <P::Tracer as Tracer>::Span: Span + Send + Sync + 'static,
    {
        let tracer = provider.tracer_with_scope(scope(self.names));
        let start: Box<Start> =
            Box::new(move |span, parent| parent.with_span(tracer.build_with_context(span, parent)));
        let names = self.names.vocabulary();
        Traces(Arc::new(Shared {
            start,
            names,
            content: self.content,
            transfers: self.transfers,
            metrics: self.meter.map(|meter| Metrics::new(&meter, names)),
            on_root: self.on_root,
            parent_of: self.parent_of,
            idle_limit: self.idle_limit.unwrap_or(IDLE_LIMIT),
            open: OpenSpans::default(),
            asked: Asked::default(),
            requests: Requests::default(),
        }))
    }
}

impl fmt::Debug for TracesBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { names, content, transfers, .. } = self;
        f.debug_struct("TracesBuilder")
            .field("names", names)
            .field("content", content)
            .field("transfers", transfers)
            .finish_non_exhaustive()
    }
}

/// What the spans and metrics say about who made them.
fn scope(names: Names) -> InstrumentationScope {
    let scope = InstrumentationScope::builder("agent-otel").with_version(env!("CARGO_PKG_VERSION"));
    match names.vocabulary().schema_url {
        Some(url) => scope.with_schema_url(url).build(),
        None => scope.build(),
    }
}
