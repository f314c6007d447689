//! What all listeners of one [`Traces`](super::Traces) share.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use opentelemetry::{
    Context,
    trace::{SpanBuilder, TraceContextExt},
};

use super::{asked::Asked, metrics::Metrics, names::Vocabulary, requests::Requests};

/// Starts a span under a parent. It hides the type of the tracer.
pub(super) type Start = dyn Fn(SpanBuilder, &Context) -> Context + Send + Sync;

/// Called with the id of a conversation and its `traceparent`.
pub(super) type OnRoot = dyn Fn(&str, &str) + Send + Sync;

/// Called with the id of a conversation; returns the `traceparent` of its parent.
pub(super) type ParentOf = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The settings, and the spans that are open.
pub(super) struct Shared {
    pub(super) start: Box<Start>,
    pub(super) names: &'static Vocabulary,
    pub(super) content: bool,
    pub(super) transfers: bool,
    pub(super) metrics: Option<Metrics>,
    pub(super) on_root: Option<Box<OnRoot>>,
    pub(super) parent_of: Option<Box<ParentOf>>,
    pub(super) idle_limit: Duration,
    /// The spans of conversations and calls that are open, by their keys.
    pub(super) open: OpenSpans,
    pub(super) asked: Asked,
    pub(super) requests: Requests,
}

impl Shared {
    pub(super) fn start(&self, span: SpanBuilder, parent: &Context) -> Context {
        (self.start)(span, parent)
    }
}

/// Open spans, by the id of the conversation or the key of the call.
#[derive(Default)]
pub(super) struct OpenSpans(Mutex<HashMap<String, Context>>);

impl OpenSpans {
    pub(super) fn add(&self, key: String, context: &Context) {
        self.lock().insert(key, context.clone());
    }

    /// Forgets a span. Another run with the same key may have replaced it; that one stays.
    pub(super) fn remove(&self, key: &str, context: &Context) {
        let mut open = self.lock();
        let id = |context: &Context| context.span().span_context().span_id();
        if open.get(key).is_some_and(|found| id(found) == id(context)) {
            open.remove(key);
        }
    }

    pub(super) fn context(&self, key: &str) -> Option<Context> {
        self.lock().get(key).cloned()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Context>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time between two events. Events of parallel tasks can arrive in another order.
pub(super) fn between(from: SystemTime, to: SystemTime) -> Duration {
    to.duration_since(from).unwrap_or_default()
}

/// A duration as an attribute in milliseconds.
pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// A count as an attribute.
pub(super) fn count(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}
