//! Exports the traces and metrics of a run to a collector: three equal specialists in parallel.
//!
//! cargo run -p agent-otel --example export -- http://localhost:4318 [v1_41]
//!
//! It needs no key: a script stands for the models.

use std::time::Duration;

use agent_core::{
    Agent, BoxStream, Conversation, Delta, Llm, LlmError, Request, Team, Usage,
    model::Notice,
    script::{Reply, Script},
};
use agent_otel::{Names, Traces};
use agent_tools::{AgentTool, FnTool};
use futures::{StreamExt, stream};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{metrics::SdkMeterProvider, trace::SdkTracerProvider};
use serde_json::json;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let url = words.next().unwrap_or_else(|| "http://localhost:4318".to_owned());
    let names = if words.next().as_deref() == Some("v1_41") { Names::V1_41 } else { Names::V0_1 };
    // The exporters use threads of their own, but must not be made on one of tokio's.
    let (tracer, meter) = tokio::task::spawn_blocking(move || providers(&url)).await??;
    let traces = Traces::builder().names(names).content(true).transfers(true).metrics(&meter).build(&tracer);

    let mut conversation = Conversation::start("main", "Add one and two, three times.");
    team()?.run(&mut conversation).listen(traces.listener()).await?;

    tokio::task::spawn_blocking(move || (tracer.shutdown(), meter.shutdown())).await?.0?;
    Ok(())
}

fn providers(url: &str) -> anyhow::Result<(SdkTracerProvider, SdkMeterProvider)> {
    let spans = SpanExporter::builder().with_http().with_endpoint(format!("{url}/v1/traces")).build()?;
    let metrics = MetricExporter::builder().with_http().with_endpoint(format!("{url}/v1/metrics")).build()?;
    let tracer = SdkTracerProvider::builder().with_batch_exporter(spans).build();
    let meter = SdkMeterProvider::builder().with_periodic_exporter(metrics).build();
    Ok((tracer, meter))
}

fn team() -> anyhow::Result<Team> {
    let task = || json!({"task": "Add one and two."});
    let ask = Reply::call("adder", task()).and_call("adder", task()).and_call("adder", task());
    let mut usage = Usage::new(10, 20);
    (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) = (300, 40);
    let add = || Reply::call("add", json!({})).after(Duration::from_millis(20));
    let adder = [add(), Reply::text("3"), add(), Reply::text("3"), add(), Reply::text("3")];
    let main = vec![ask.usage(usage), Reply::text("Three times 3.")];
    let model = Client(Script::by_agent([("main", main), ("adder", adder.to_vec())]));
    let add = FnTool::new("add", "Adds.", |_: ()| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        "3"
    });
    let main = Agent::builder("main", model.clone()).tool(AgentTool::new("adder", "Adds."));
    let adder = Agent::builder("adder", model).tool(add);
    Ok(Team::new([main.build()?, adder.build()?])?)
}

/// A script that says what it sends, as clients of servers do.
#[derive(Clone)]
struct Client(Script);

impl Llm for Client {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        let (provider, model) = ("anthropic".to_owned(), "claude-test".to_owned());
        let sent = Notice::Sent { provider, model, server: Some("api.test".to_owned()) };
        Box::pin(stream::iter([Ok(Delta::Notice(sent))]).chain(self.0.stream(request)))
    }
}
