//! Calls that ask models themselves: the budgets of their runs pay, and their usage is counted once.

use std::{future::IntoFuture, pin::pin, sync::Arc, time::Duration};

use agent_core::{
    Agent, Block, Context, Conversation, End, Json, Limits, Llm, Message, Outcome, Request, Response,
    StopReason, Tool, ToolSpec, Usage, async_trait,
    budget::Budget,
    conversation::Change,
    model::{Metered, UsageByAgent, fold},
    script::{Reply, Script},
    tool::Done,
};
use futures::{
    FutureExt,
    future::{Either, select},
};
use serde_json::json;

use crate::common::calls;

const WORST: u64 = 1_000;

/// A tool that asks this model so many times.
struct Asks {
    spec: ToolSpec,
    model: Arc<dyn Llm>,
    times: usize,
}

#[async_trait]
impl Tool for Asks {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, _: Json, context: Context) -> Outcome {
        let mut said = String::new();
        for _ in 0..self.times {
            let mut request = context.pay_for(Request::new(vec![Message::user("Well?")]));
            request.max_tokens = WORST as u32;
            match fold(self.model.stream(request), |_| {}).await {
                Ok(reply) => said += &Message::assistant(reply.content).text(),
                Err(error) => return Outcome::error(error.to_string()),
            }
        }
        Outcome::output(said)
    }
}

fn agent(
    model: Script,
    answers: impl Llm + 'static,
    change: impl FnOnce(&mut ToolSpec),
    times: usize,
) -> Agent {
    let mut spec = ToolSpec::new("asks", "Asks.", json!({"type": "object"}));
    change(&mut spec);
    let asks = Asks { spec, model: Arc::new(Metered::new(answers)), times };
    Agent::builder("main", model).max_tokens(WORST as u32).tool(asks).build().unwrap()
}

fn says(text: &str, output: u64) -> Reply {
    Reply::text(text).usage(Usage::new(1, output))
}

/// A call, with an own answer of the model after it.
fn script(count: usize) -> Script {
    Script::new([calls((0..count).map(|_| ("asks", json!({})))).usage(Usage::new(1, 10)), says("Done.", 10)])
}

#[tokio::test(start_paused = true)]
async fn what_a_call_asks_for_is_in_the_usage_of_its_conversation_once() {
    for budget in [Budget::new(), Budget::new().requests(9)] {
        let agent = agent(script(1), Script::by(|_| says("Yes. ", 100)), |_| {}, 2);
        let mut conversation = agent.start("Go.");
        let run = agent.run(&mut conversation).limits(Limits::new().budget(budget));
        assert_eq!(run.await.unwrap().text(), "Done.");
        let usage = conversation.usage_by_agent();
        let row = usage.agent("main").unwrap();
        assert_eq!((row.usage.output_tokens, row.requests, row.calls), (220, 4, 1));
        assert_eq!(row.usage.broken_off.attempts, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_share_one_execution_count_what_it_used_once() {
    let shares = |spec: &mut ToolSpec| (spec.read_only, spec.shared) = (true, true);
    let agent = agent(script(2), Script::by(|_| says("Yes. ", 100)), shares, 1);
    let mut conversation = agent.start("Go.");
    agent.run(&mut conversation).await.unwrap();
    let usage = conversation.usage_by_agent();
    let row = usage.agent("main").unwrap();
    assert_eq!((row.usage.output_tokens, row.requests, row.calls), (120, 3, 2));
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_is_used_up_pays_for_no_request_of_a_call() {
    let answers = Script::by(|_| says("Yes. ", 100));
    let agent = agent(script(1), answers.clone(), |_| {}, 2);
    let mut conversation = agent.start("Go.");
    let limits = Limits::new().budget(Budget::new().requests(2));
    let end = agent.run(&mut conversation).limits(limits).await.unwrap();
    assert!(matches!(end, End::Budget(_)), "{end:?}");
    assert_eq!((answers.requests().len(), conversation.spent().requests), (1, 2));
    let (_, result, is_error) = conversation.messages()[2].tool_results().next().unwrap();
    let expected = "the request is not paid for: the budget of the run is used up: 2 of 2 requests are spent or reserved";
    assert_eq!(result.to_text(), expected);
    assert!(is_error);
}

/// Nobody knows what a request has used that was under way, so it counts with all that it might have
/// used.
#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_counts_the_requests_of_its_calls() {
    let slow = Script::by(|_| says("Yes. ", 100).after(Duration::from_secs(60)));
    let agent = agent(script(1), slow.clone(), |_| {}, 1);
    let mut conversation = agent.start("Go.");
    let is_asked = pin!(async {
        while slow.requests().is_empty() {
            tokio::task::yield_now().await;
        }
    });
    let limits = Limits::new().budget(Budget::new().requests(9));
    let run = agent.run(&mut conversation).limits(limits).into_future();
    assert!(matches!(select(run.boxed(), is_asked).await, Either::Right(_)), "the model takes a minute");
    assert_eq!((conversation.spent().output_tokens, conversation.spent().requests), (10 + WORST, 2));
}

/// The same for a call whose time is over.
#[tokio::test(start_paused = true)]
async fn a_call_that_times_out_counts_the_request_that_was_under_way() {
    let slow = Script::by(|_| says("Yes. ", 100).after(Duration::from_secs(60)));
    let in_time = |spec: &mut ToolSpec| spec.timeout = Some(Duration::from_secs(1));
    let agent = agent(script(1), slow, in_time, 1);
    let mut conversation = agent.start("Go.");
    let limits = Limits::new().budget(Budget::new().requests(9));
    agent.run(&mut conversation).limits(limits).await.unwrap();
    assert_eq!((conversation.spent().output_tokens, conversation.spent().requests), (20 + WORST, 3));
}

#[test]
fn what_calls_have_reserved_when_a_process_ends_counts_as_spent() {
    let mut conversation = Conversation::start("main", "Go.");
    let reply = Response::new(
        vec![Block::tool_use("a", "asks", json!({})), Block::tool_use("b", "asks", json!({}))],
        StopReason::ToolUse,
    );
    let reserved = |output, request: Option<&str>| Change::Reserved {
        agent: "main".to_owned(),
        usage: Usage::new(7, output),
        request: request.map(str::to_owned),
    };
    conversation.apply("run", reserved(100, None)).unwrap();
    conversation.apply("run", Change::Answered(reply)).unwrap();
    for (output, request) in [(10, "a/0"), (20, "a/1"), (1_000, "b/0"), (30, "a/1")] {
        conversation.apply("run", reserved(output, Some(request))).unwrap();
    }
    let text = serde_json::to_string(&conversation).unwrap();
    let read: Conversation = serde_json::from_str(&text).unwrap();
    assert_eq!(read, conversation);
    let spent = |mut conversation: Conversation| {
        for (id, change) in conversation.unsettled() {
            conversation.apply(&id, change).unwrap();
        }
        assert_eq!(conversation.unsettled(), []);
        (conversation.spent().output_tokens, conversation.spent().requests)
    };
    // The reply itself, and three requests.
    assert_eq!(spent(read), (1_040, 4));
    let mut usage = UsageByAgent::default();
    usage.add("main", Usage::new(1, 2));
    let done = Done { outcome: Outcome::output("Yes."), usage };
    conversation.apply("run", Change::Recorded { call: "a".to_owned(), done }).unwrap();
    assert_eq!(spent(conversation), (1_002, 3));
}
