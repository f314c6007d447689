//! The metrics of a run.

use agent_core::{Agent, Conversation, LlmError, Usage, budget::Usd, model::LlmErrorKind, script::Reply};
use agent_otel::{Names, Traces};
use agent_tools::FnTool;
use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::{
    InMemoryMetricExporter, PeriodicReader, SdkMeterProvider,
    data::{AggregatedMetrics, Metric, MetricData},
};
use serde_json::json;

use crate::common::{Recorder, by_agent, ms, text};

/// A run of two turns and two calls, of which one fails, and a run that fails: their metrics, a line
/// for each set of attributes.
async fn metrics(names: Names) -> String {
    let exporter = InMemoryMetricExporter::default();
    let provider =
        SdkMeterProvider::builder().with_reader(PeriodicReader::builder(exporter.clone()).build()).build();
    let recorder = Recorder::new(Traces::builder().names(names).metrics(&provider));
    let mut usage = Usage::new(10, 20);
    (usage.cache_read_input_tokens, usage.cost) = (300, Usd::dollars(0.5));
    let calls = Reply::call("look", json!({})).and_call("fail", json!({})).usage(usage);
    let answer = Reply::text("It rains all day.").per_token(ms(10));
    let model =
        by_agent([("guide", vec![calls, answer, Reply::error(LlmError::new(LlmErrorKind::Overloaded, ""))])]);
    let look = FnTool::new("look", "Looks.", |_: ()| async {
        tokio::time::sleep(ms(100)).await;
        "Rain."
    });
    let fail = FnTool::new("fail", "Fails.", |_: ()| async { Err::<String, _>("no".to_owned()) });
    let agent = Agent::builder("guide", model).tool(look).tool(fail).build().unwrap();
    let mut conversation = Conversation::start("guide", "Weather?");
    agent.run(&mut conversation).listen(recorder.traces.listener()).await.unwrap();
    conversation.say("And tomorrow?");
    agent.run(&mut conversation).listen(recorder.traces.listener()).await.unwrap_err();
    provider.force_flush().unwrap();
    let mut lines: Vec<String> = Vec::new();
    for resource in exporter.get_finished_metrics().unwrap() {
        lines.extend(resource.scope_metrics().flat_map(|scope| scope.metrics()).flat_map(shown));
    }
    lines.sort();
    lines.join("\n")
}

fn shown(metric: &Metric) -> Vec<String> {
    let line = |attributes: Vec<&KeyValue>, value: String| {
        let mut all: Vec<_> =
            attributes.iter().map(|one| format!("{}={}", one.key, text(&one.value))).collect();
        all.sort();
        format!("{} [{}] {value}: {}", metric.name(), metric.unit(), all.join(" "))
    };
    let round = |sum: f64| (sum * 1e6).round() / 1e6;
    match metric.data() {
        AggregatedMetrics::F64(MetricData::Histogram(histogram)) => histogram
            .data_points()
            .map(|point| {
                line(point.attributes().collect(), format!("{} in {}", round(point.sum()), point.count()))
            })
            .collect(),
        AggregatedMetrics::U64(MetricData::Histogram(histogram)) => histogram
            .data_points()
            .map(|point| line(point.attributes().collect(), format!("{} in {}", point.sum(), point.count())))
            .collect(),
        AggregatedMetrics::U64(MetricData::Sum(sum)) => sum
            .data_points()
            .map(|point| line(point.attributes().collect(), format!("{}", point.value())))
            .collect(),
        AggregatedMetrics::F64(MetricData::Sum(sum)) => sum
            .data_points()
            .map(|point| line(point.attributes().collect(), format!("{}", round(point.value()))))
            .collect(),
        other => panic!("not one of ours: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn metrics_have_the_names_of_the_newest_conventions() {
    insta::assert_snapshot!(metrics(Names::V0_1).await, @r#"
    agent.usage.cost [USD] 0.5: gen_ai.operation.name=chat gen_ai.provider.name=anthropic gen_ai.request.model=claude-test server.address=api.test server.port=8443
    gen_ai.client.inference.duration [s] 0.1 in 1: error.type=overloaded gen_ai.operation.name=chat gen_ai.provider.name=anthropic gen_ai.request.model=claude-test server.address=api.test server.port=8443
    gen_ai.client.inference.duration [s] 0.24 in 2: gen_ai.operation.name=chat gen_ai.provider.name=anthropic gen_ai.request.model=claude-test server.address=api.test server.port=8443
    gen_ai.client.inference.operation.input_tokens [{token}] 310 in 2: gen_ai.operation.name=chat gen_ai.provider.name=anthropic gen_ai.request.model=claude-test server.address=api.test server.port=8443
    gen_ai.client.inference.operation.output_tokens [{token}] 20 in 2: gen_ai.operation.name=chat gen_ai.provider.name=anthropic gen_ai.request.model=claude-test server.address=api.test server.port=8443
    gen_ai.client.inference.time_per_output_chunk [s] 0.03 in 4: gen_ai.operation.name=chat gen_ai.provider.name=anthropic gen_ai.request.model=claude-test server.address=api.test server.port=8443
    gen_ai.client.inference.time_to_first_chunk [s] 0.2 in 2: gen_ai.operation.name=chat gen_ai.provider.name=anthropic gen_ai.request.model=claude-test server.address=api.test server.port=8443
    gen_ai.client.inference.usage.cache_read.input_tokens [{token}] 300: gen_ai.operation.name=chat gen_ai.provider.name=anthropic gen_ai.request.model=claude-test gen_ai.token.modality=unknown server.address=api.test server.port=8443
    gen_ai.client.inference.usage.input_tokens [{token}] 310: gen_ai.operation.name=chat gen_ai.provider.name=anthropic gen_ai.request.model=claude-test gen_ai.token.modality=unknown server.address=api.test server.port=8443
    gen_ai.client.inference.usage.output_tokens [{token}] 20: gen_ai.operation.name=chat gen_ai.provider.name=anthropic gen_ai.request.model=claude-test gen_ai.token.modality=unknown server.address=api.test server.port=8443
    gen_ai.execute_tool.duration [s] 0 in 1: error.type=tool_error gen_ai.agent.name=guide gen_ai.tool.name=fail gen_ai.tool.type=function
    gen_ai.execute_tool.duration [s] 0.1 in 1: gen_ai.agent.name=guide gen_ai.tool.name=look gen_ai.tool.type=function
    gen_ai.invoke_agent.duration [s] 0.1 in 1: error.type=overloaded gen_ai.agent.name=guide
    gen_ai.invoke_agent.duration [s] 0.34 in 1: gen_ai.agent.name=guide
    gen_ai.invoke_agent.inference_calls [{inference_call}] 3 in 2: gen_ai.agent.name=guide
    gen_ai.invoke_agent.tool_calls [{tool_call}] 2 in 2: gen_ai.agent.name=guide
    "#);
}

#[tokio::test(start_paused = true)]
async fn metrics_have_the_names_of_version_1_41_if_asked() {
    insta::assert_snapshot!(metrics(Names::V1_41).await, @r#"
    agent.usage.cost [USD] 0.5: gen_ai.operation.name=chat gen_ai.provider.name=anthropic gen_ai.request.model=claude-test server.address=api.test server.port=8443
    gen_ai.client.operation.duration [s] 0.1 in 1: error.type=overloaded gen_ai.operation.name=chat gen_ai.provider.name=anthropic gen_ai.request.model=claude-test server.address=api.test server.port=8443
    gen_ai.client.operation.duration [s] 0.24 in 2: gen_ai.operation.name=chat gen_ai.provider.name=anthropic gen_ai.request.model=claude-test server.address=api.test server.port=8443
    gen_ai.client.operation.time_per_output_chunk [s] 0.03 in 4: gen_ai.operation.name=chat gen_ai.provider.name=anthropic gen_ai.request.model=claude-test server.address=api.test server.port=8443
    gen_ai.client.operation.time_to_first_chunk [s] 0.2 in 2: gen_ai.operation.name=chat gen_ai.provider.name=anthropic gen_ai.request.model=claude-test server.address=api.test server.port=8443
    gen_ai.client.token.usage [{token}] 20 in 2: gen_ai.operation.name=chat gen_ai.provider.name=anthropic gen_ai.request.model=claude-test gen_ai.token.type=output server.address=api.test server.port=8443
    gen_ai.client.token.usage [{token}] 310 in 2: gen_ai.operation.name=chat gen_ai.provider.name=anthropic gen_ai.request.model=claude-test gen_ai.token.type=input server.address=api.test server.port=8443
    "#);
}
