//! Exports the traces and metrics of a run to a collector: three equal specialists in parallel.
//!
//! cargo run -p agent-otel --example export -- http://localhost:4318 [v1_41]
//!
//! It needs no key: a script stands for the models.

mod team;

use agent_core::Conversation;
use agent_otel::{Names, Traces};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{metrics::SdkMeterProvider, trace::SdkTracerProvider};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let url = words.next().unwrap_or_else(|| "http://localhost:4318".to_owned());
    let names = if words.next().as_deref() == Some("v1_41") { Names::V1_41 } else { Names::V0_1 };
    // The exporters use threads of their own, but must not be made on one of tokio's.
    let (tracer, meter) = tokio::task::spawn_blocking(move || providers(&url)).await??;
    let traces = Traces::builder().names(names).content(true).transfers(true).metrics(&meter).build(&tracer);

    let mut conversation = Conversation::start("main", "Add one and two, three times.");
    team::team()?.run(&mut conversation).listen(traces.listener()).await?;

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
