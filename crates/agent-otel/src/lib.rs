//! Traces and metrics of runs for [OpenTelemetry](https://opentelemetry.io). They are made from the
//! events of runs, so they work with every host: in process, on a journal, on Restate.
//!
//! ```
//! # use agent_core::{Agent, Conversation, Team, script::{Reply, Script}};
//! use agent_otel::Traces;
//! use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! # let team = Team::new([Agent::builder("guide", Script::new([Reply::text("It rains.")])).build()?])?;
//! // Programs export to a collector instead: see the crate `opentelemetry-otlp`.
//! let exporter = InMemorySpanExporter::default();
//! let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
//! let traces = Traces::new(&provider);
//!
//! let mut conversation = Conversation::start("guide", "Does it rain?");
//! team.run(&mut conversation).listen(traces.listener()).await?;
//!
//! let spans = exporter.get_finished_spans()?;
//! let names: Vec<&str> = spans.iter().map(|span| span.name.as_ref()).collect();
//! assert_eq!(names, ["chat", "invoke_agent guide"]);
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This crate depends on OpenTelemetry's interface only. Your program brings the SDK and an
//! exporter.
//!
//! # Spans
//!
//! ```text
//! invoke_agent planner          a conversation, from its first turn to its end
//! ├─ chat claude-opus           a turn: one request, with all its attempts
//! ├─ execute_tool scout         a call
//! │  └─ invoke_agent scout      the conversation that the call delegated
//! │     └─ chat claude-haiku
//! └─ chat claude-opus
//! ```
//!
//! The steps of a plan, and a call that goes on in the background, are under the span of the call that
//! began them, since no agent is invoked for them.
//!
//! The parent of a span comes from the ids in the events, and its times from the times of the
//! events. So the spans of equal agents that run in parallel are never mixed up. An agent to which
//! a conversation was transferred has its own `invoke_agent` span under that of the conversation,
//! for as long as it has the conversation. Numbers in an `invoke_agent` span are the agent's own,
//! without those of other agents.
//!
//! Names follow the [conventions for generative
//! AI](https://github.com/open-telemetry/semantic-conventions-genai), version 0.1.0. [`Names`] has
//! other versions. `gen_ai.usage.input_tokens` includes tokens that were read from a cache or
//! written to it. What the conventions don't cover begins with `agent.`:
//!
//! | attribute | of | meaning |
//! |---|---|---|
//! | `agent.end` | agents | how the conversation ended: `answered`, `waiting`, `cut`, `refused`, `turn_limit`, `budget`, `other`; `unknown` if nothing was heard of it any more |
//! | `agent.usage.cost` | agents, turns | the cost in US dollars, if the backend knows its prices |
//! | `agent.request.attempts` | turns | how often the request was sent |
//! | `agent.wait.gate_ms` | turns | how long the request waited for a rate limiter, a free place or a budget |
//! | `agent.wait.retry_ms` | turns | how long it waited for its next attempt |
//! | `agent.wait.permit_ms` | calls | how long the call waited for a permit |
//! | `agent.wait.exclusive_ms` | calls | how long it waited for a call that takes turns with it |
//! | `agent.wait.person_ms` | calls | how long it waited for a person, if the same `Traces` heard the question |
//! | `agent.call.early` | calls | it started while its reply still streamed |
//! | `agent.call.could_start_earlier_ms` | calls | the gain if its tool were `read_only` |
//! | `agent.call.waits_for_person` | calls | it asks a person and has no result yet |
//! | `agent.call.discarded` | calls | it started early for a reply that does not count |
//!
//! Events in spans have the same prefix, for example `agent.wait.retry` and `agent.transferred`. So
//! have two metrics: `agent.wait.duration` and `agent.usage.cost`.
//!
//! A span has an error if the request or the call failed, or if the conversation ended without an
//! answer. `error.type` is then the kind of the error of the model, `tool_error`, the reason why
//! there is no answer, or `dropped` if the run was dropped.
//!
//! # After a crash
//!
//! Events tell what runs now, so a resumed run has spans only for what is done again, not for what
//! the journal or the engine already has. They are in the trace of the first process if the host
//! keeps that: `JournalHost::trace` of agent-journal and `Services::trace` of agent-restate take
//! [`Traces`]. Without such a host, use [`Traces::under_trace_parent`]. The spans that were open
//! when the process died are lost.
//!
//! # Features
//!
//! - `otel` (default): [`Traces`].
//! - `tracing`: `tracing_listener`, a listener for the crate `tracing`. It does not need `otel`.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(feature = "otel")]
mod otel;
#[cfg(any(feature = "otel", feature = "tracing"))]
mod stop_word;
#[cfg(feature = "tracing")]
mod tracing_listener;

#[cfg(feature = "otel")]
pub use otel::{InvalidTraceParent, Names, Traces, TracesBuilder};
#[cfg(feature = "tracing")]
pub use tracing_listener::tracing_listener;

/// The chapter of the guide, so that its programs are compiled and run.
#[cfg(all(doctest, feature = "otel"))]
#[doc = include_str!("../../../docs/guide/23-traces.md")]
mod guide {}
