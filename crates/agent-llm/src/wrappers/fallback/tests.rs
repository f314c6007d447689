//! Chains of models whose replies are written as words.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Mutex,
};

use agent_core::{
    Json, Message, StopReason,
    model::{Counts, fold},
};
use http::HeaderMap;
use serde_json::json;
use tokio::time::{Instant, advance};

use super::*;
use crate::transport::http_error;

/// A backend that yields one of these replies for each request. A reply is a list of words; see
/// [`piece`].
#[derive(Default)]
struct Words {
    replies: Mutex<VecDeque<&'static str>>,
    requests: Mutex<Vec<Request>>,
}

impl Llm for Words {
    fn stream(&self, request: Request) -> BoxStream<'_, Result<Delta, LlmError>> {
        self.requests.lock().unwrap().push(request);
        let reply = self.replies.lock().unwrap().pop_front().expect("no request more than the test has");
        stream::iter(reply.split_whitespace().map(piece)).boxed()
    }
}

fn piece(word: &str) -> Result<Delta, LlmError> {
    let delta = match word {
        "start" => {
            let usage = Counts::new(10, 0).into();
            Delta::Start { id: None, model: Some("server's name".into()), usage, extra: BTreeMap::new() }
        }
        "stop" => Delta::stop(StopReason::EndTurn),
        "call" => Delta::call(1, "a", "f", json!({})),
        "waits" => Delta::Notice(Notice::Wait { wait: Duration::ZERO, reason: "queue".into() }),
        "529" => return Err(answered(529, "busy")),
        "400" => return Err(answered(400, "bad")),
        "429" => {
            let mut full = LlmError::new(LlmErrorKind::RateLimit, "full");
            full.retry_after = Some(Duration::from_secs(300));
            return Err(full);
        }
        "long" => return Err(LlmError::new(LlmErrorKind::PromptTooLong, "long")),
        "lost" => return Err(LlmError::new(LlmErrorKind::Connection, "lost.")),
        text => Delta::words(0, text),
    };
    Ok(delta)
}

fn answered(status: u16, message: &str) -> LlmError {
    let mut error = http_error(status, &HeaderMap::new(), "");
    error.message = message.to_owned();
    error
}

type Replies = &'static [&'static str];

const NAMES: [&str; 3] = ["a", "b", "c"];

fn chain(models: &[Replies]) -> (Fallback, Vec<Arc<Words>>) {
    let words: Vec<Arc<Words>> = models
        .iter()
        .map(|replies| Words { replies: Mutex::new(replies.iter().copied().collect()), ..Words::default() })
        .map(Arc::new)
        .collect();
    let llms = words.iter().map(|words| Arc::clone(words) as Arc<dyn Llm>);
    (Fallback::new(NAMES.into_iter().zip(llms)).unwrap(), words)
}

fn hi() -> Request {
    Request::new(vec![Message::user("hi")])
}

/// What a listener sees of one request.
async fn transcript(llm: &Fallback) -> String {
    let show = |delta| match delta {
        Ok(Delta::Notice(Notice::Retry { attempt, wait: Duration::ZERO, reason })) => {
            format!("{attempt}: {reason}")
        }
        Ok(Delta::Notice(_)) => "notice".to_owned(),
        Ok(Delta::Restarted { reason }) => format!("restarted: {reason}"),
        Ok(Delta::Start { model, .. }) => format!("start of {}", model.unwrap()),
        Ok(Delta::Stop { .. }) => "stop".to_owned(),
        Ok(Delta::Block { .. }) => "call".to_owned(),
        Ok(delta) => delta.text().unwrap().into_owned(),
        Err::<_, LlmError>(error) => format!("error: {error}"),
    };
    llm.stream(hi()).map(show).collect::<Vec<_>>().await.join("\n")
}

/// Makes one request of a new chain. All replies must have been asked for.
async fn check(models: &[Replies], expected: &str) {
    let (fallback, words) = chain(models);
    assert_eq!(transcript(&fallback).await, expected, "{models:?}");
    let left: Vec<usize> = words.iter().map(|words| words.replies.lock().unwrap().len()).collect();
    assert_eq!(left, vec![0; models.len()], "replies that were not asked for, of {models:?}");
}

const BUSY: &str = "the model's server is overloaded: busy (status 529)";

#[tokio::test(start_paused = true)]
async fn the_next_model_is_asked_when_one_fails() {
    let b = format!("1: a failed: {BUSY}; b is asked instead\nhi\nstop");
    check(&[&["529"], &["hi stop"]], &b).await;
    let lost = "2: b failed: no connection to the model's server: lost.; c is asked instead";
    let b_and_c = format!("1: a failed: {BUSY}; b is asked instead\n{lost}\nhi\nstop");
    check(&[&["529"], &["lost"], &["hi stop"]], &b_and_c).await;
    // What a model said about its request is passed on.
    check(&[&["waits 529"], &["hi stop"]], &format!("notice\n{b}")).await;
    // A reply of nothing is one that broke off.
    let broke_off = "the reply broke off: it ended without a stop reason";
    let b = format!("1: a failed: {broke_off}; b is asked instead\nhi\nstop");
    check(&[&[""], &["hi stop"]], &b).await;
}

#[tokio::test(start_paused = true)]
async fn no_other_model_is_asked_after_a_reply() {
    check(&[&["hi stop"], &[]], "hi\nstop").await;
    check(&[&["start stop"], &[]], "start of server's name\nstop").await;
}

#[tokio::test(start_paused = true)]
async fn an_error_in_mid_stream_is_passed_on() {
    check(&[&["half 529"], &[]], &format!("half\nerror: {BUSY}")).await;
    check(&[&["call 529"], &[]], &format!("call\nerror: {BUSY}")).await;
    check(&[&["half"], &[]], "half\nerror: the reply broke off: it ended without a stop reason").await;
    let in_b = format!("1: a failed: {BUSY}; b is asked instead\nhalf\nerror: {BUSY}");
    check(&[&["529"], &["half 529"], &[]], &in_b).await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_had_only_begun_is_withdrawn_and_its_tokens_count() {
    let failed = format!("start of server's name\n1: a failed: {BUSY}; b is asked instead");
    let again = format!("{failed}\nrestarted: {BUSY}\nstart of server's name\nhi\nstop");
    check(&[&["start 529"], &["start hi stop"]], &again).await;
    let (fallback, _) = chain(&[&["start 529"], &["start hi stop"]]);
    let usage = fold(fallback.stream(hi()), |_| {}).await.unwrap().usage;
    assert_eq!((usage.input_tokens, usage.broken_off.input_tokens), (20, 10));
}

#[tokio::test(start_paused = true)]
async fn an_error_that_does_not_count_is_passed_on() {
    let bad = "the model's server refused the request: bad (status 400)";
    check(&[&["400"], &[]], &format!("error: {bad}")).await;
    check(&[&["long"], &[]], "error: the request is too long: long").await;
    let (fallback, _) = chain(&[&["long", "529"], &["hi stop"]]);
    let fallback = fallback.on([LlmErrorKind::PromptTooLong]);
    let long = "1: a failed: the request is too long: long; b is asked instead";
    assert_eq!(transcript(&fallback).await, format!("{long}\nhi\nstop"));
    assert_eq!(transcript(&fallback).await, format!("error: {BUSY}"));
}

#[tokio::test(start_paused = true)]
async fn the_last_error_has_the_error_of_each_model() {
    check(&[&["529"]], &format!("error: {BUSY}")).await;
    let failed = format!("1: a failed: {BUSY}; b is asked instead");
    let lost = "no connection to the model's server: lost";
    let both = format!("{failed}\nerror: {lost}; 2 models were tried: a: {BUSY}; b: {lost}.");
    check(&[&["529"], &["lost"]], &both).await;
    let bad = "the model's server refused the request: bad";
    let refused =
        format!("{failed}\nerror: {bad}; 2 models were tried: a: {BUSY}; b: {bad} (status 400) (status 400)");
    check(&[&["529"], &["400"], &[]], &refused).await;
}

#[tokio::test(start_paused = true)]
async fn a_model_named_in_the_request_is_asked_of_the_first_only() {
    let (fallback, words) = chain(&[&["529"], &["hi stop"]]);
    let mut request = hi();
    request.extra = [("model", "claude-opus-5-5"), ("speed", "fast")]
        .map(|(name, value)| (name.to_owned(), Json::from(json!(value))))
        .into();
    fold(fallback.stream(request), |_| {}).await.unwrap();
    let sent = |model: &Words| {
        let requests = model.requests.lock().unwrap();
        requests[0].extra.keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!((sent(&words[0]).as_str(), sent(&words[1]).as_str()), ("model speed", "speed"));
}

#[test]
fn a_chain_that_cant_be_used_is_an_error_when_it_is_built() {
    let model = |name| (name, Arc::new(Words::default()) as Arc<dyn Llm>);
    assert_eq!(Fallback::new::<&str>([]).unwrap_err(), ModelsError::NoModels);
    let twice = ModelsError::DuplicateName { name: "a".into() };
    assert_eq!(Fallback::new(["a", "b", "a"].map(model)).unwrap_err(), twice);
}

/// Makes requests at these seconds, and says which model was asked last in each.
async fn check_circuit(fallback: &Fallback, seconds: &[u64], expected: &[&str]) {
    let begun = Instant::now();
    let mut asked = Vec::new();
    for second in seconds {
        advance(Duration::from_secs(*second) - begun.elapsed()).await;
        asked.push(transcript(fallback).await.replace('\n', " | "));
    }
    assert_eq!(asked, expected);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_fails_again_and_again_rests_and_is_tried_again() {
    let (fallback, _) = chain(&[
        &["529", "529", "529", "ok stop", "529"],
        &["1 stop", "2 stop", "3 stop", "4 stop", "5 stop"],
    ]);
    let fallback = fallback.circuit(2, Duration::from_secs(10));
    let failed = |text| format!("1: a failed: {BUSY}; b is asked instead | {text} | stop");
    let rests = |text| format!("1: a rests after failures in a row; b is asked | {text} | stop");
    let expected = [failed("1"), failed("2"), rests("3"), failed("4"), "ok | stop".to_owned(), failed("5")];
    // From second 1 it rests to 11, fails then, and rests to 21.
    check_circuit(&fallback, &[0, 1, 10, 11, 21, 22], &expected.each_ref().map(String::as_str)).await;
}

#[tokio::test(start_paused = true)]
async fn one_request_tries_a_model_after_its_rest() {
    let (fallback, words) = chain(&[&["529", "ok stop"], &["1 stop", "2 stop"]]);
    let fallback = fallback.circuit(1, Duration::from_secs(10));
    transcript(&fallback).await;
    advance(Duration::from_secs(10)).await;
    let mut first = fallback.stream(hi());
    first.next().await.unwrap().unwrap();
    // While it has no end yet, another request goes to the next model.
    assert!(transcript(&fallback).await.ends_with("2\nstop"));
    assert_eq!(words[0].requests.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn if_all_models_rest_the_first_is_tried() {
    let (fallback, _) = chain(&[&["529", "lost", "ok stop"], &["529"]]);
    let fallback = fallback.circuit(1, Duration::MAX);
    let both = format!("{BUSY}; 2 models were tried: a: {BUSY}; b: {BUSY}").replacen(" (status 529)", "", 1);
    let both = format!("1: a failed: {BUSY}; b is asked instead | error: {both} (status 529)");
    let lost = "no connection to the model's server: lost";
    let a = format!("error: {lost}; 1 model was tried: a: {lost}.; b rests after failures in a row");
    check_circuit(&fallback, &[0, 1, 2], &[&both, &a, "ok | stop"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_model_rests_for_as_long_as_its_server_asks_to_wait() {
    let (fallback, _) = chain(&[&["429", "ok stop"], &["1 stop", "2 stop"]]);
    let fallback = fallback.circuit(1, Duration::from_secs(10));
    let full = "1: a failed: too many requests: full; b is asked instead | 1 | stop";
    let rests = "1: a rests after failures in a row; b is asked | 2 | stop";
    check_circuit(&fallback, &[0, 299, 300], &[full, rests, "ok | stop"]).await;
}

#[tokio::test(start_paused = true)]
async fn with_a_limit_of_0_failures_no_model_rests() {
    let (fallback, _) = chain(&[&["529"; 4], &["hi stop"; 4]]);
    let fallback = fallback.circuit(0, Duration::from_secs(10));
    let failed = format!("1: a failed: {BUSY}; b is asked instead | hi | stop");
    check_circuit(&fallback, &[0, 1, 2, 3], &[failed.as_str(); 4]).await;
}
