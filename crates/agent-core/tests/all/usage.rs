//! The usage of runs, and the server's containers.

use std::sync::{Arc, Mutex};

use agent_core::{
    Agent, BoxStream, Conversation, Delta, EventKind, Limits, Llm, LlmError, Request, Response, RunError,
    StopReason, Team, Usage,
    model::{Counts, Fold, LlmErrorKind},
    script::Reply,
};
use futures::StreamExt;
use serde_json::json;

use crate::common::{calls, run, team};

fn searched(times: u64) -> Usage {
    let usage =
        json!({"input_tokens": 10, "output_tokens": 1, "server_tool_use": {"web_search_requests": times}});
    serde_json::from_value(usage).unwrap()
}

#[tokio::test(start_paused = true)]
async fn usage_is_known_by_agent_over_delegations_and_transfers() {
    let to_expert = || calls([("act", json!({"to": "expert"})), ("act", json!({"to": "expert"}))]);
    let (team, _, _) = team([
        ("main", vec![to_expert().usage(searched(1)), calls([("act", json!({"transfer": "next"}))])]),
        ("expert", vec![Reply::text("Yes.").usage(searched(2))]),
        ("next", vec![Reply::text("Done.").usage(searched(3))]),
    ]);
    let conversation = run(&team).await.conversation;
    let by_agent = conversation.usage_by_agent();
    let each: Vec<(&str, Usage)> = by_agent.iter().collect();
    let twice = |mut usage: Usage| {
        usage += usage;
        usage
    };
    assert_eq!(each, [("expert", twice(searched(2))), ("main", searched(1)), ("next", searched(3))]);
    assert_eq!(conversation.usage().server_tool_use.web_search_requests, 8);
    let text = serde_json::to_string(&conversation).unwrap();
    assert_eq!(serde_json::from_str::<Conversation>(&text).unwrap().usage_by_agent(), by_agent);
}

#[tokio::test(start_paused = true)]
async fn a_container_is_named_in_the_next_request_of_the_agent_that_got_it() {
    let ran = calls([("act", json!({}))]).extra("container", json!({"id": "container_1", "expires_at": "…"}));
    let (team, model, _) = team([
        ("main", vec![ran, calls([("act", json!({"transfer": "next"}))])]),
        ("next", vec![Reply::text("Done.")]),
    ]);
    run(&team).await;
    let asked = model.requests();
    let containers: Vec<Option<&str>> = asked.iter().map(|request| request.container.as_deref()).collect();
    assert_eq!(containers, [None, Some("container_1"), None]);
}

/// The start of a reply with these counts.
fn begins(input: u64, output: u64) -> Delta {
    let usage = Counts::from(Usage::new(input, output)).into();
    Delta::Start { id: None, model: None, usage, extra: [].into() }
}

fn again() -> Delta {
    Delta::Restarted { reason: "cut".to_owned() }
}

/// The input and output tokens of all attempts, and of those that broke off.
fn counts(usage: Usage) -> [u64; 4] {
    let Usage { input_tokens, output_tokens, broken_off, .. } = usage;
    [input_tokens, output_tokens, broken_off.input_tokens, broken_off.output_tokens]
}

#[test]
fn field_53_attempts_that_broke_off_are_counted_and_told_apart() {
    let stop = |output| {
        let mut usage = Box::<Counts>::default();
        usage.output_tokens = Some(output);
        Delta::Stop { stop_reason: StopReason::EndTurn, stop_details: None, usage, extra: [].into() }
    };
    let whole = || Delta::complete(Response::text("Hi.").with_usage(Usage::new(10, 7)));
    for (deltas, expected) in [
        (vec![begins(10, 1), stop(7)], [10, 7, 0, 0]),
        (vec![begins(10, 1), again(), begins(10, 1), stop(7)], [20, 8, 10, 1]),
        (
            vec![begins(10, 1), stop(5), again(), begins(10, 1), again(), begins(10, 1), stop(7)],
            [30, 13, 20, 6],
        ),
        (vec![again(), whole()], [10, 7, 0, 0]),
        (vec![begins(10, 1), again(), whole()], [20, 8, 10, 1]),
        (vec![whole(), again(), whole()], [20, 14, 10, 7]),
    ] {
        let mut fold = Fold::default();
        deltas.into_iter().for_each(|delta| fold.push(delta).unwrap());
        let reply = fold.finish().unwrap();
        assert_eq!(counts(reply.usage), expected);
        let written = serde_json::to_string(&reply).unwrap();
        assert_eq!(serde_json::from_str::<Response>(&written).unwrap(), reply, "{written}");
    }
    let mut fold = Fold::default();
    [begins(10, 1), again(), begins(10, 2)].into_iter().for_each(|delta| fold.push(delta).unwrap());
    assert_eq!(counts(fold.finish().unwrap_err().usage()), [20, 3, 20, 3], "it has no end");
}

/// A model whose replies are given piece by piece: each request yields the next list.
struct Plays(Mutex<Vec<Vec<Result<Delta, LlmError>>>>);

impl Llm for Plays {
    fn stream(&self, _: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        futures::stream::iter(self.0.lock().unwrap().remove(0)).boxed()
    }
}

fn plays(replies: Vec<Vec<Result<Delta, LlmError>>>) -> Arc<dyn Llm> {
    Arc::new(Plays(Mutex::new(replies)))
}

fn broke() -> Result<Delta, LlmError> {
    Err(LlmError::new(LlmErrorKind::Connection, "reset"))
}

#[tokio::test(start_paused = true)]
async fn field_53_a_request_that_fails_for_good_is_counted_in_the_record_and_told() {
    let text = || vec![Ok(Delta::complete(Response::text("Hi.").with_usage(Usage::new(10, 7))))];
    let model = plays(vec![vec![Ok(begins(10, 1)), Ok(again()), Ok(begins(10, 2)), broke()], text()]);
    let team = Team::new([Agent::builder("main", model).build().unwrap()]).unwrap();
    let mut conversation = Conversation::start("main", "Hi.");
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    let listener = move |event: &agent_core::Event| match &event.kind {
        EventKind::TurnFailed { usage, .. } | EventKind::TurnEnded { usage, .. } => {
            tell.lock().unwrap().push(counts(*usage));
        }
        _ => {}
    };
    let error = team.run(&mut conversation).listen(listener.clone()).await.unwrap_err();
    let RunError::Model(failure) = error else { panic!("{error}") };
    assert_eq!(counts(failure.error.usage()), [20, 3, 20, 3]);
    assert_eq!(counts(conversation.usage()), [20, 3, 20, 3]);
    team.run(&mut conversation).listen(listener).await.unwrap();
    assert_eq!(counts(conversation.usage()), [30, 10, 20, 3]);
    assert_eq!(*told.lock().unwrap(), [[20, 3, 20, 3], [10, 7, 0, 0]]);
    let text = serde_json::to_string(&conversation).unwrap();
    assert_eq!(serde_json::from_str::<Conversation>(&text).unwrap(), conversation);
}

#[tokio::test(start_paused = true)]
async fn field_53_failures_that_a_run_goes_on_from_are_counted_by_agent() {
    let call = |input| vec![Ok(Delta::call(0, "a", "act", input)), Ok(Delta::stop(StopReason::ToolUse))];
    let text = || vec![Ok(Delta::complete(Response::text("Hi.")))];
    for input in [json!({"to": "b"}), json!({"transfer": "b"})] {
        let (main, b) = (plays(vec![call(input), text()]), plays(vec![vec![Ok(begins(10, 2)), broke()]]));
        let log = crate::common::Log::default();
        let agents = [("main", main), ("b", b)].map(|(name, model)| {
            Agent::builder(name, model).tool(crate::common::Act::new("act", &log)).build().unwrap()
        });
        let team = Team::new(agents).unwrap().with_limits(Limits::new());
        let conversation = run(&team).await.conversation;
        assert_eq!(counts(conversation.usage_by_agent().of("b")), [10, 2, 10, 2], "{conversation}");
        assert_eq!(conversation.usage_by_agent().of("main"), Usage::default());
    }
}
