//! A request that has no recording is an error that says what to do, and nothing is sent.

use std::{path::PathBuf, sync::Arc};

use agent_core::script::{Reply, Script};
use agent_llm::{
    Block, Cassette, Fallback, Llm, LlmError, LlmErrorKind, Message, Request, Retry, RetryPolicy, ToolSpec,
    fold,
};
use serde_json::json;
use tempfile::TempDir;

use super::{ask, asking, place, record, says};

/// A request of an agent that has a tool.
fn request() -> Request {
    let mut request = Request::new(vec![Message::user("How is the weather in Oslo?")]);
    request.agent = "planner".into();
    request.system = vec![Block::text("You plan trips. Ask for the weather first. Answer in one sentence.")];
    request.tools = Arc::new([ToolSpec::new("weather", "Tells the weather.", json!({"type": "object"}))]);
    request
}

/// A cassette with this request, and one of another agent.
async fn recorded() -> (TempDir, PathBuf, Cassette) {
    let (folder, path) = place();
    record(&path, [says("Hi.")], &["hi"]).await;
    let cassette = Cassette::record_new(&path, super::Pieces::new([says("Wet.")])).unwrap();
    ask(&cassette, request()).await;
    let cassette = Cassette::replay(&path).unwrap();
    (folder, path, cassette)
}

async fn failure(llm: &impl Llm, request: Request) -> LlmError {
    fold(llm.stream(request), |_| {}).await.unwrap_err()
}

/// The error of a changed request, with `run.jsonl` for the path.
async fn missed(change: impl FnOnce(&mut Request)) -> String {
    let (_folder, path, cassette) = recorded().await;
    let mut request = request();
    change(&mut request);
    failure(&cassette, request).await.to_string().replace(&path.display().to_string(), "run.jsonl")
}

#[tokio::test]
async fn a_miss_names_the_nearest_recording_and_where_it_differs() {
    insta::assert_snapshot!(missed(|request| request.max_tokens = 100).await, @r#"the model was not asked: run.jsonl: no recording of this request by agent "planner". The nearest is on line 2. Differences: max_tokens: recorded 8000, asked 100. To record what is new, set AGENT_CASSETTE=new, or use Cassette::record_new (cassette_miss)"#);
    insta::assert_snapshot!(missed(|request| request.messages.push(Message::user("And in Bergen?"))).await, @r#"the model was not asked: run.jsonl: no recording of this request by agent "planner". The nearest is on line 2. Differences: messages.1: recorded nothing, asked {"role":"user","content":"And in Bergen?"}. To record what is new, set AGENT_CASSETTE=new, or use Cassette::record_new (cassette_miss)"#);
    insta::assert_snapshot!(missed(|request| {
        request.system = vec![Block::text("You plan trips. Ask for the weather first. Answer in two sentences.")];
        request.tools = Arc::new([ToolSpec::new("forecast", "Tells the weather.", json!({"type": "object"}))]);
    }).await, @r#"the model was not asked: run.jsonl: no recording of this request by agent "planner". The nearest is on line 2. Differences: system: recorded "…her first. Answer in one sentence.", asked "…her first. Answer in two sentences."; tools.weather: recorded {"name":"weather","description":"Tells the weather.","input_…, asked nothing; tools.forecast: recorded nothing, asked {"name":"forecast","description":"Tells the weather.","input…. To record what is new, set AGENT_CASSETTE=new, or use Cassette::record_new (cassette_miss)"#);
}

#[tokio::test]
async fn what_was_recorded_less_often_than_it_is_asked_says_so() {
    let (_folder, path, cassette) = recorded().await;
    ask(&cassette, request()).await;
    let said =
        failure(&cassette, request()).await.to_string().replace(&path.display().to_string(), "run.jsonl");
    insta::assert_snapshot!(said, @r#"the model was not asked: run.jsonl: the recording of this request by agent "planner" was replayed already. Record the run again, or allow repeats with Cassette::repeat_last (cassette_miss)"#);
}

#[tokio::test]
async fn an_empty_cassette_has_nothing_near() {
    let (_folder, path) = place();
    record(&path, [], &[]).await;
    let said = failure(&Cassette::replay(&path).unwrap(), asking("hi")).await.to_string();
    insta::assert_snapshot!(said.replace(&path.display().to_string(), "run.jsonl"), @r#"the model was not asked: run.jsonl: no recording of this request by agent "agent", nor of any other. To record what is new, set AGENT_CASSETTE=new, or use Cassette::record_new (cassette_miss)"#);
}

#[tokio::test]
async fn later_misses_name_the_first_and_all_of_them_are_kept() {
    let (_folder, path, cassette) = recorded().await;
    let mut first = request();
    first.max_tokens = 100;
    failure(&cassette, first).await;
    let mut second = request();
    second.messages.push(Message::user("Well?"));
    let said = failure(&cassette.clone(), second).await.to_string();
    insta::assert_snapshot!(said.replace(&path.display().to_string(), "run.jsonl"), @r#"the model was not asked: run.jsonl: no recording of this request by agent "planner". The nearest is on line 2. Differences: messages.1: recorded nothing, asked {"role":"user","content":"Well?"}. To record what is new, set AGENT_CASSETTE=new, or use Cassette::record_new. An earlier request may be the cause: no recording of this request by agent "planner". The nearest is on line 2. Differences: max_tokens: recorded 8000, asked 100 (cassette_miss)"#);
    let misses: Vec<String> = cassette.misses().iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(misses.join("\n"), @r#"
    no recording of this request by agent "planner". The nearest is on line 2. Differences:
      max_tokens: recorded 8000, asked 100
    no recording of this request by agent "planner". The nearest is on line 2. Differences:
      messages.1: recorded nothing, asked {"role":"user","content":"Well?"}
    "#);
    assert_eq!(cassette.unused(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_miss_is_not_retried_and_no_other_model_is_asked() {
    let (_folder, _path, cassette) = recorded().await;
    let error = failure(&Retry::new(cassette.clone(), RetryPolicy::default()), asking("new")).await;
    assert_eq!((error.kind, error.error_type.as_deref()), (LlmErrorKind::NotAsked, Some("cassette_miss")));
    assert_eq!(cassette.misses().len(), 1);
    let other = Script::new([Reply::text("I am here.")]);
    let models: [(&str, Arc<dyn Llm>); 2] =
        [("recorded", Arc::new(cassette)), ("other", Arc::new(other.clone()))];
    let error = failure(&Fallback::new(models).unwrap(), asking("new")).await;
    assert_eq!((error.kind, other.requests().len()), (LlmErrorKind::NotAsked, 0));
}
