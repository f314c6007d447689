//! The spans of a run, with all that is in them.

use agent_core::{Agent, Conversation, Usage, budget::Usd, script::Reply};
use agent_otel::{Names, Traces};
use agent_tools::FnTool;
use serde_json::json;

use crate::common::{Recorder, attributes, by_agent};

/// A run with one call; its spans, each with all attributes.
async fn spans(builder: agent_otel::TracesBuilder) -> String {
    let recorder = Recorder::new(builder);
    let mut usage = Usage::new(10, 20);
    (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) = (300, 4);
    usage.cost = Usd::dollars(0.0025);
    let look = FnTool::new("look", "Looks.", |_: ()| async { "Rain." }).read_only();
    let replies = vec![
        Reply::text("I look.").and_call("look", json!({})).usage(usage),
        Reply::text("It rains.").usage(Usage::new(1, 2)),
    ];
    let agent = Agent::builder("guide", by_agent([("guide", replies)])).tool(look).build().unwrap();
    let mut conversation = Conversation::start("guide", "Weather?").with_id("c1");
    agent.run(&mut conversation).listen(recorder.traces.listener()).await.unwrap();
    recorder.assert_nothing_is_open();
    let spans = recorder.spans();
    assert!(spans.iter().all(|span| span.instrumentation_scope.name() == "agent-otel"));
    let shown =
        spans.iter().map(|span| format!("{} ({:?})\n{}", span.name, span.span_kind, attributes(span)));
    shown.collect::<Vec<_>>().join("\n")
}

#[tokio::test(start_paused = true)]
async fn spans_have_the_names_of_the_newest_conventions() {
    insta::assert_snapshot!(spans(Traces::builder()).await, @r#"
    invoke_agent guide (Internal)
    agent.end = answered
    agent.usage.cost = 0.0025
    gen_ai.agent.name = guide
    gen_ai.conversation.id = c1
    gen_ai.operation.name = invoke_agent
    gen_ai.usage.input_tokens = 315
    gen_ai.usage.output_tokens = 22

    chat claude-test (Client)
    agent.request.attempts = 1
    agent.usage.cost = 0.0025
    gen_ai.agent.name = guide
    gen_ai.conversation.id = c1
    gen_ai.operation.name = chat
    gen_ai.provider.name = anthropic
    gen_ai.request.model = claude-test
    gen_ai.response.finish_reasons = ["tool_use"]
    gen_ai.response.time_to_first_chunk = 0.1
    gen_ai.usage.cache_read.input_tokens = 300
    gen_ai.usage.cache_write.input_tokens = 4
    gen_ai.usage.input_tokens = 314
    gen_ai.usage.output_tokens = 20
    server.address = api.test
    server.port = 8443

    chat claude-test (Client)
    agent.request.attempts = 1
    gen_ai.agent.name = guide
    gen_ai.conversation.id = c1
    gen_ai.operation.name = chat
    gen_ai.provider.name = anthropic
    gen_ai.request.model = claude-test
    gen_ai.response.finish_reasons = ["end_turn"]
    gen_ai.response.time_to_first_chunk = 0.1
    gen_ai.usage.input_tokens = 1
    gen_ai.usage.output_tokens = 2
    server.address = api.test
    server.port = 8443

    execute_tool look (Internal)
    gen_ai.agent.name = guide
    gen_ai.conversation.id = c1
    gen_ai.operation.name = execute_tool
    gen_ai.tool.call.id = call_0_1
    gen_ai.tool.name = look
    gen_ai.tool.type = function
    "#);
}

#[tokio::test(start_paused = true)]
async fn spans_have_the_names_of_version_1_41_if_asked() {
    insta::assert_snapshot!(spans(Traces::builder().names(Names::V1_41)).await, @r#"
    invoke_agent guide (Internal)
    agent.end = answered
    agent.usage.cost = 0.0025
    gen_ai.agent.name = guide
    gen_ai.conversation.id = c1
    gen_ai.operation.name = invoke_agent
    gen_ai.provider.name = anthropic
    gen_ai.usage.cache_creation.input_tokens = 4
    gen_ai.usage.cache_read.input_tokens = 300
    gen_ai.usage.input_tokens = 315
    gen_ai.usage.output_tokens = 22

    chat claude-test (Client)
    agent.request.attempts = 1
    agent.usage.cost = 0.0025
    gen_ai.agent.name = guide
    gen_ai.conversation.id = c1
    gen_ai.operation.name = chat
    gen_ai.provider.name = anthropic
    gen_ai.request.model = claude-test
    gen_ai.response.finish_reasons = ["tool_use"]
    gen_ai.response.time_to_first_chunk = 0.1
    gen_ai.usage.cache_creation.input_tokens = 4
    gen_ai.usage.cache_read.input_tokens = 300
    gen_ai.usage.input_tokens = 314
    gen_ai.usage.output_tokens = 20
    server.address = api.test
    server.port = 8443

    chat claude-test (Client)
    agent.request.attempts = 1
    gen_ai.agent.name = guide
    gen_ai.conversation.id = c1
    gen_ai.operation.name = chat
    gen_ai.provider.name = anthropic
    gen_ai.request.model = claude-test
    gen_ai.response.finish_reasons = ["end_turn"]
    gen_ai.response.time_to_first_chunk = 0.1
    gen_ai.usage.input_tokens = 1
    gen_ai.usage.output_tokens = 2
    server.address = api.test
    server.port = 8443

    execute_tool look (Internal)
    gen_ai.agent.name = guide
    gen_ai.conversation.id = c1
    gen_ai.operation.name = execute_tool
    gen_ai.tool.call.id = call_0_1
    gen_ai.tool.name = look
    gen_ai.tool.type = function
    "#);
}
