//! What traces cost: the CPU time of a turn with one call, without a listener and with several.
//!
//! `cargo bench -p agent-otel`
//!
//! Each reply streams 100 pieces. The spans go to a thread of their own, which drops them.

use std::time::Duration;

use agent_core::{
    Agent, BoxStream, Conversation, Delta, Event, Limits, Llm, LlmError, Request, StopReason, model::Notice,
};
use agent_otel::Traces;
use agent_tools::FnTool;
use futures::stream;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{InMemoryMetricExporter, SdkMeterProvider},
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};
use program::println;
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;

const TURNS: u32 = 100;
const PIECES: usize = 100;
/// How many runs; the fastest counts.
const RUNS: usize = 10;

/// Answers immediately: with text in pieces, and a call in all replies but the last.
struct Instantly;

impl Llm for Instantly {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let is_last = request.messages.len() >= 2 * TURNS as usize - 1;
        let (provider, model) = ("none".into(), "none".into());
        let sent = Delta::Notice(Notice::Sent { provider, model, server: None });
        let id = format!("call_{}", request.messages.len());
        let call = (!is_last).then(|| Delta::call(1, id, "look", json!({})));
        let stop = Delta::stop(if is_last { StopReason::EndTurn } else { StopReason::ToolUse });
        let pieces = (0..PIECES).map(|_| Delta::words(0, "word "));
        let deltas = [sent].into_iter().chain(pieces).chain(call).chain([stop]);
        Box::pin(stream::iter(deltas.map(Ok).collect::<Vec<_>>()))
    }
}

#[derive(Debug)]
struct Nowhere;

impl SpanExporter for Nowhere {
    async fn export(&self, spans: Vec<SpanData>) -> OTelSdkResult {
        drop(spans);
        Ok(())
    }
}

type Listener = Box<dyn Fn(&Event) + Send + Sync>;

/// The time of a turn.
fn measure(listener: impl Fn() -> Option<Listener>) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime of one thread can be made");
    let once = || {
        let look = FnTool::new("look", "Looks.", |_: ()| async { "Rain." });
        let agent = Agent::builder("guide", Instantly).tool(look).build().expect("the agent is right");
        let mut conversation = Conversation::start("guide", "Weather?");
        let mut run = agent.run(&mut conversation).limits(Limits::new().turns(TURNS));
        if let Some(listener) = listener() {
            run = run.listen(listener);
        }
        let start = cpu_time();
        runtime.block_on(run).expect("the model answers");
        cpu_time() - start
    };
    (0..RUNS).map(|_| once()).min().unwrap_or_default() / TURNS
}

/// The time that this thread has computed. Other programs on the machine don't count.
fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("a time is not negative")
}

fn main() {
    let tracer = SdkTracerProvider::builder().with_batch_exporter(Nowhere).build();
    let meter = SdkMeterProvider::builder().with_periodic_exporter(InMemoryMetricExporter::default()).build();
    let traces = Traces::new(&tracer);
    let with_metrics = Traces::builder().metrics(&meter).build(&tracer);
    let with_content = Traces::builder().content(true).build(&tracer);

    println!("a turn with {PIECES} pieces and a call; the fastest of {RUNS} runs of {TURNS} turns\n");
    let none = measure(|| None);
    println!("no listener: {none:.1?}");
    let tell = |what: &str, time: Duration| {
        println!("{what}: {time:.1?}, {:.1?} more", time.saturating_sub(none));
    };
    tell("a listener that does nothing", measure(|| Some(Box::new(|_: &Event| ()))));
    tell("traces", measure(|| Some(Box::new(traces.listener()))));
    tell("traces and metrics", measure(|| Some(Box::new(with_metrics.listener()))));
    tell("traces with content", measure(|| Some(Box::new(with_content.listener()))));
}
