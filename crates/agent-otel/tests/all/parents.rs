//! Each span is under the right one.

use agent_core::{Agent, Conversation, StopReason, Team, script::Reply};
use agent_tools::{AgentTool, FnTool, PlanTool};
use opentelemetry::{
    Context,
    trace::{Span, TraceContextExt, Tracer, TracerProvider},
};
use serde_json::json;

use crate::common::{Client, Recorder, attribute, by_agent, ms};

/// Three specialists whose tasks, replies and calls are equal, byte by byte.
fn three_equal_specialists() -> Client {
    let task = || json!({"task": "Add one and two."});
    let ask = Reply::call("adder", task()).and_call("adder", task()).and_call("adder", task());
    let add = || Reply::call("add", json!({"a": 1, "b": 2}));
    let answers = [add(), Reply::text("3"), add(), Reply::text("3"), add(), Reply::text("3")];
    by_agent([("main", vec![ask, Reply::text("Three times 3.")]), ("adder", answers.to_vec())])
}

fn team(model: Client) -> Team {
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Terms {
        a: i64,
        b: i64,
    }
    let add = FnTool::new("add", "Adds two numbers.", |Terms { a, b }: Terms| async move {
        tokio::time::sleep(ms(50)).await;
        (a + b).to_string()
    });
    let main = Agent::builder("main", model.clone()).tool(AgentTool::new("adder", "Adds."));
    let adder = Agent::builder("adder", model).tool(add);
    Team::new([main.build().unwrap(), adder.build().unwrap()]).unwrap()
}

#[tokio::test(start_paused = true)]
async fn fault_98_equal_specialists_in_parallel_each_have_their_own_spans() {
    let recorder = Recorder::default();
    let mut conversation = Conversation::start("main", "Add.");
    let run = team(three_equal_specialists()).run(&mut conversation).listen(recorder.traces.listener());
    assert_eq!(run.await.unwrap().text(), "Three times 3.");
    insta::assert_snapshot!(recorder.tree(&["gen_ai.conversation.id", "gen_ai.tool.call.id"]), @r#"
    invoke_agent main 0-450 id=run
      chat claude-test 0-100 id=run
      execute_tool adder 100-350 id=run id=call_0_0
        invoke_agent adder 100-350 id=run/call_0_0
          chat claude-test 100-200 id=run/call_0_0
          execute_tool add 200-250 id=run/call_0_0 id=call_0_0
          chat claude-test 250-350 id=run/call_0_0
      execute_tool adder 100-350 id=run id=call_0_1
        invoke_agent adder 100-350 id=run/call_0_1
          chat claude-test 100-200 id=run/call_0_1
          execute_tool add 200-250 id=run/call_0_1 id=call_0_0
          chat claude-test 250-350 id=run/call_0_1
      execute_tool adder 100-350 id=run id=call_0_2
        invoke_agent adder 100-350 id=run/call_0_2
          chat claude-test 100-200 id=run/call_0_2
          execute_tool add 200-250 id=run/call_0_2 id=call_0_0
          chat claude-test 250-350 id=run/call_0_2
      chat claude-test 350-450 id=run
    "#);
    recorder.assert_nothing_is_open();
}

#[tokio::test(start_paused = true)]
async fn runs_in_parallel_have_a_trace_each_also_with_one_id() {
    let recorder = Recorder::default();
    let run = || async {
        let mut conversation = Conversation::start("main", "Add.");
        let team = team(three_equal_specialists());
        team.run(&mut conversation).listen(recorder.traces.listener()).await.unwrap()
    };
    futures::future::join3(run(), run(), run()).await;
    let spans = recorder.spans();
    let roots: Vec<_> = spans.iter().filter(|span| span.name == "invoke_agent main").collect();
    assert_eq!(roots.len(), 3);
    for root in roots {
        let trace = root.span_context.trace_id();
        let in_trace = spans.iter().filter(|span| span.span_context.trace_id() == trace).count();
        assert_eq!(in_trace, 1 + 2 + 3 + 3 * (1 + 2 + 1), "all spans of this run, and no other");
    }
    recorder.assert_nothing_is_open();
}

#[tokio::test(start_paused = true)]
async fn a_run_is_under_the_span_that_is_given_and_never_under_the_current_one() {
    let recorder = Recorder::default();
    let tracer = recorder.provider.tracer("test");
    let request = Context::new().with_span(tracer.start("request"));
    let other = Context::new().with_span(tracer.start("other"));
    let current = other.clone().attach();
    for listener in [
        Box::new(recorder.traces.listener_under(request.clone())) as Box<dyn Fn(&_) + Send + Sync>,
        Box::new(recorder.traces.listener()),
    ] {
        let model = by_agent([("main", vec![Reply::text("Hi.")])]);
        let team = Team::new([Agent::builder("main", model).build().unwrap()]).unwrap();
        team.run(&mut Conversation::start("main", "Hi.")).listen(listener).await.unwrap();
    }
    drop(current);
    let spans = recorder.spans();
    let roots: Vec<_> = spans.iter().filter(|span| span.name == "invoke_agent main").collect();
    let parents: Vec<_> = roots.iter().map(|root| root.parent_span_id).collect();
    let none = opentelemetry::trace::SpanId::INVALID;
    assert_eq!(parents, [request.span().span_context().span_id(), none]);
}

#[tokio::test(start_paused = true)]
async fn a_tool_puts_its_own_spans_under_its_call() {
    let recorder = Recorder::default();
    let (traces, tracer) = (recorder.traces.clone(), recorder.provider.tracer("tool"));
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Nothing {}
    let look = FnTool::new("look", "Looks.", move |_: Nothing, context: agent_core::Context| {
        let parent = traces.context(&context.key()).unwrap();
        tracer.start_with_context("SELECT", &parent).end();
        async { "Rain." }
    });
    let model = by_agent([("main", vec![Reply::call("look", json!({})), Reply::text("It rains.")])]);
    let agent = Agent::builder("main", model).tool(look).build().unwrap();
    let mut conversation = Conversation::start("main", "Weather?");
    agent.run(&mut conversation).listen(recorder.traces.listener()).await.unwrap();
    let spans = recorder.spans();
    let select = spans.iter().find(|span| span.name == "SELECT").unwrap();
    let call = spans.iter().find(|span| span.span_context.span_id() == select.parent_span_id).unwrap();
    assert_eq!(
        (call.name.as_ref(), attribute(call, "gen_ai.tool.name").as_str()),
        ("execute_tool look", "look")
    );
}

#[tokio::test(start_paused = true)]
async fn the_steps_of_a_plan_are_under_the_call_that_made_it() {
    let plan = json!({"steps": [
        {"id": "a", "tool": "look", "input": {}},
        {"id": "b", "tool": "look", "input": {}, "after": ["a"]},
        {"id": "each", "tool": "look", "for_each": [1, 2], "input": {}, "after": ["a"]}
    ]});
    let recorder = Recorder::default();
    let look = FnTool::new("look", "Looks.", |_: ()| async {
        tokio::time::sleep(ms(50)).await;
        "Rain."
    });
    let replies = vec![Reply::call("plan", plan), Reply::text("Rain.")];
    let agent = Agent::builder("guide", by_agent([("guide", replies)])).tool(look).tool(PlanTool::new());
    let agent = agent.build().unwrap();
    let mut conversation = agent.start("Go.");
    agent.run(&mut conversation).listen(recorder.traces.listener()).await.unwrap();
    recorder.assert_nothing_is_open();
    insta::assert_snapshot!(recorder.tree(&["gen_ai.conversation.id", "gen_ai.tool.call.id"]), @"
    invoke_agent guide 0-300 id=run
      chat claude-test 0-100 id=run
      execute_tool plan 100-200 id=run id=call_0_0
        execute_tool look 100-150 id=run/call_0_0 id=a
        execute_tool look 150-200 id=run/call_0_0 id=b
        execute_tool look 150-200 id=run/call_0_0 id=each
          execute_tool look 150-200 id=run/call_0_0/each id=0
          execute_tool look 150-200 id=run/call_0_0/each id=1
      chat claude-test 200-300 id=run
    ");
}

#[tokio::test(start_paused = true)]
async fn steps_that_start_while_their_plan_streams_are_under_its_call() {
    let plan = json!({"steps": [
        {"id": "a", "tool": "look", "input": {}},
        {"id": "b", "tool": "look", "input": {}, "after": ["a"]},
        {"id": "c", "tool": "look", "input": {}}
    ]});
    let make = |reply: Reply| async move {
        let recorder = Recorder::default();
        let look = FnTool::new("look", "Looks.", |_: ()| async {
            tokio::time::sleep(ms(50)).await;
            "Rain."
        });
        let replies = vec![reply.per_token(ms(10)), Reply::text("Rain.")];
        let agent = Agent::builder("guide", by_agent([("guide", replies)])).tool(look.read_only());
        let agent = agent.tool(PlanTool::new()).build().unwrap();
        let mut conversation = agent.start("Go.");
        let _ = agent.run(&mut conversation).listen(recorder.traces.listener()).await;
        recorder.assert_nothing_is_open();
        recorder.tree(&["gen_ai.conversation.id", "gen_ai.tool.call.id", "agent.call.early", "error.type"])
    };
    insta::assert_snapshot!(make(Reply::call("plan", plan.clone())).await, @r#"
    invoke_agent guide 0-340 id=run
      chat claude-test 0-190 id=run
      execute_tool plan 130-240 id=run id=call_0_0 early=true
        execute_tool look 130-180 id=run/call_0_0 id=a
        execute_tool look 180-230 id=run/call_0_0 id=b
        execute_tool look 190-240 id=run/call_0_0 id=c
      chat claude-test 240-340 id=run
    "#);
    // The plan was cut.
    insta::assert_snapshot!(make(Reply::call("plan", plan).stop(StopReason::MaxTokens)).await, @r#"
    invoke_agent guide 0-190 id=run type=max_tokens ERROR max_tokens: the reply was cut: max_tokens
      chat claude-test 0-190 id=run
      execute_tool plan 130-190 id=run id=call_0_0 early=true type=tool_error ERROR tool_error: 
        execute_tool look 130-180 id=run/call_0_0 id=a
        execute_tool look 180-190 id=run/call_0_0 id=b type=tool_error ERROR tool_error:
    "#);
}
