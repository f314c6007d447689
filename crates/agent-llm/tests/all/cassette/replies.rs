//! What is replayed is what was recorded.

use std::{collections::BTreeMap, time::Duration};

use agent_llm::{
    Block, Cassette, Counts, Delta, Json, Llm, LlmError, LlmErrorKind, Notice, Piece, Response, Retry,
    RetryPolicy, SharedText, StopReason,
};
use futures::StreamExt;
use proptest::prelude::*;
use serde_json::json;
use tokio::time::Instant;

use super::{Pieces, Yielded, ask, asking, place, read, record, says, texts};

fn piece(index: usize, piece: Piece) -> Delta {
    Delta::Piece { index, piece }
}

fn block(index: usize, json: &str) -> Delta {
    Delta::Block { index, block: Block::from_json(Json::read(json).unwrap()).unwrap() }
}

fn failure() -> LlmError {
    let mut error = LlmError::new(LlmErrorKind::Overloaded, "busy");
    error.status = Some(529);
    error.retry_after = Some(Duration::from_millis(1_500));
    error
}

/// A reply with every kind of delta.
fn everything() -> Vec<Delta> {
    let mut usage = Counts::new(3, 1);
    usage.cache_read_input_tokens = Some(900);
    let extra: BTreeMap<String, Json> =
        [("container".to_owned(), Json::read(r#"{"id": "c_1"}"#).unwrap())].into();
    let (id, model) = (Some("msg_1".into()), Some("claude-haiku-5-5".into()));
    let wait = Duration::from_micros(1_500_250);
    vec![
        Delta::Notice(Notice::Wait { wait, reason: "the gate".to_owned() }),
        Delta::Start { id, model, usage: usage.into(), extra: extra.clone() },
        Delta::words(0, "half"),
        Delta::Restarted { reason: "cut".to_owned() },
        Delta::Notice(Notice::Retry { attempt: 1, wait, reason: "cut".to_owned() }),
        Delta::Notice(Notice::Omitted { parts: vec!["messages.0".to_owned()] }),
        block(0, r#"{"type":"thinking","thinking":"","signature":""}"#),
        piece(0, Piece::Thinking("first, ".to_owned())),
        piece(0, Piece::Thinking(String::new())),
        piece(0, Piece::Signature("c2ln".to_owned())),
        Delta::BlockEnd { index: 0 },
        block(1, r#"{"type":"text", "text":"" ,"z":12345678901234567890123}"#),
        piece(1, Piece::Text("It is ".to_owned())),
        piece(1, Piece::Text("\u{1f327}\n\"wet\".".to_owned())),
        piece(1, Piece::Citation(Json::read(r#"{"cited_text": "wet", "n": 1.0}"#).unwrap())),
        block(2, r#"{"type":"tool_use","id":"toolu_1","name":"f","input":{}}"#),
        piece(2, Piece::Input(r#"{"city":"#.to_owned())),
        piece(1, Piece::Text(" in between ".to_owned())),
        piece(2, Piece::Input(r#" "Oslo"}"#.to_owned())),
        piece(2, Piece::Other(json!({"type": "new_delta"}).into())),
        Delta::BlockEnd { index: 2 },
        Delta::Stop { stop_reason: StopReason::ToolUse, stop_details: None, usage: usage.into(), extra },
        Delta::stop(StopReason::open()),
    ]
}

/// Records what a backend yields, and replays it.
async fn check(yielded: Yielded) {
    let (_folder, path) = place();
    let heard = record(&path, [yielded.clone()], &["hi"]).await;
    assert_eq!(heard[0], yielded, "the caller gets what the backend yields");
    assert_eq!(ask(&Cassette::replay(&path).unwrap(), asking("hi")).await, yielded, "{}", read(&path));
}

#[tokio::test]
async fn a_reply_is_replayed_as_it_came() {
    let whole = Response::text("Hello!").with_usage(agent_llm::Usage::new(3, 4));
    check(says("Hello!")).await;
    check(everything().into_iter().map(Ok).collect()).await;
    check(vec![Ok(Delta::complete(whole))]).await;
    check(vec![Err(failure())]).await;
    check(vec![Ok(Delta::words(0, "half a")), Err(failure())]).await;
    check(vec![Ok(Delta::words(0, "broken off"))]).await;
    check(vec![]).await;
}

#[tokio::test]
async fn line_breaks_between_the_parts_of_json_become_spaces() {
    let (_folder, path) = place();
    record(&path, [vec![Ok(block(0, "{\"type\":\"holo\",\r\n\"z\":\n1}"))]], &["hi"]).await;
    let replayed = ask(&Cassette::replay(&path).unwrap(), asking("hi")).await;
    assert_eq!(replayed, [Ok(block(0, "{\"type\":\"holo\",  \"z\": 1}"))]);
    assert_eq!(read(&path).lines().count(), 1);
}

#[tokio::test]
async fn a_recording_is_a_line_that_people_can_read() {
    let (_folder, path) = place();
    record(&path, [everything().into_iter().map(Ok).collect(), vec![Err(failure())]], &["hi", "you"]).await;
    insta::assert_snapshot!(read(&path));
}

#[tokio::test]
async fn equal_requests_are_answered_in_the_order_of_their_recordings() {
    let (_folder, path) = place();
    record(&path, [says("1"), says("other"), says("2")], &["hi", "you", "hi"]).await;
    let cassette = Cassette::replay(&path).unwrap();
    assert_eq!(texts(&cassette, &["hi", "hi", "hi", "you"]).await, ["1", "2", "NotAsked", "other"]);
    assert_eq!(texts(&Cassette::replay(&path).unwrap(), &["hi"]).await, ["1"], "opened again");
    let repeating = Cassette::replay(&path).unwrap().repeat_last();
    assert_eq!(texts(&repeating, &["hi", "hi", "hi", "hi"]).await, ["1", "2", "2", "2"]);
    assert_eq!(texts(&repeating.clone(), &["hi", "you", "never"]).await, ["2", "other", "NotAsked"]);
    assert_eq!(repeating.unused(), [0; 0]);
}

#[tokio::test]
async fn what_is_new_is_asked_and_added_and_the_rest_replayed() {
    let (_folder, path) = place();
    record(&path, [says("1")], &["hi"]).await;
    let cassette = Cassette::record_new(&path, Pieces::new([says("new"), says("2")])).unwrap();
    assert_eq!(texts(&cassette, &["hi", "you", "hi"]).await, ["1", "new", "2"]);
    let cassette = Cassette::replay(&path).unwrap();
    assert_eq!(texts(&cassette, &["hi", "hi", "you"]).await, ["1", "2", "new"]);
}

#[tokio::test]
async fn a_reply_that_is_dropped_before_its_end_is_not_recorded() {
    let (_folder, path) = place();
    let cassette = Cassette::record(&path, Pieces::new([says("1"), says("2")])).unwrap();
    let mut reply = cassette.stream(asking("hi"));
    reply.next().await.unwrap().unwrap();
    reply.next().await.unwrap().unwrap();
    drop(reply);
    assert_eq!(read(&path), "");
    // One that is never read is not even asked for.
    drop(cassette.stream(asking("hi")));
    assert_eq!(texts(&cassette, &["hi"]).await, ["2"]);
    assert_eq!(read(&path).lines().count(), 1);
}

#[tokio::test(start_paused = true)]
async fn retries_outside_of_a_cassette_are_replayed_attempt_by_attempt() {
    let (_folder, path) = place();
    let policy = RetryPolicy::default().jitter(0.0);
    let cassette = Cassette::record(&path, Pieces::new([vec![Err(failure())], says("Hello!")])).unwrap();
    let began = Instant::now();
    let recorded = ask(&Retry::new(cassette, policy.clone()), asking("hi")).await;
    let took = began.elapsed();
    let replayed = ask(&Retry::new(Cassette::replay(&path).unwrap(), policy), asking("hi")).await;
    assert_eq!(replayed, recorded);
    assert_eq!((began.elapsed(), replayed.len()), (took * 2, 3));
}

#[tokio::test(start_paused = true)]
async fn retries_inside_of_a_cassette_are_replayed_without_their_waits() {
    let (_folder, path) = place();
    let retry = Retry::new(Pieces::new([vec![Err(failure())], says("Hello!")]), RetryPolicy::default());
    let recorded = ask(&Cassette::record(&path, retry).unwrap(), asking("hi")).await;
    let began = Instant::now();
    assert_eq!(ask(&Cassette::replay(&path).unwrap(), asking("hi")).await, recorded);
    assert_eq!((began.elapsed(), recorded.len()), (Duration::ZERO, 3));
}

fn any_text() -> impl Strategy<Value = String> {
    proptest::string::string_regex("(?s).{0,12}").unwrap()
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        any_text().prop_map(|text| json!(text)),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        Just(json!(null)),
    ];
    let value = leaf.prop_recursive(3, 12, 3, |inner| {
        let fields = proptest::collection::btree_map(any_text(), inner.clone(), 0..3);
        prop_oneof![
            proptest::collection::vec(inner, 0..3).prop_map(|items| json!(items)),
            fields.prop_map(|fields| json!(fields)),
        ]
    });
    value.prop_map(Json::from)
}

fn any_delta() -> impl Strategy<Value = Delta> {
    let index = 0_usize..3;
    let counts = proptest::option::of(any::<u64>()).prop_map(|tokens| {
        let mut counts = Counts::default();
        counts.output_tokens = tokens;
        counts
    });
    let extra = proptest::collection::btree_map(any_text(), any_json(), 0..2).boxed();
    let stop = prop_oneof![Just(StopReason::EndTurn), Just(StopReason::ToolUse), Just(StopReason::open())];
    let named = proptest::option::of(any_text());
    prop_oneof![
        4 => (index.clone(), any_text()).prop_map(|(index, text)| Delta::words(index, text)),
        2 => (index.clone(), any_text()).prop_map(|(index, text)| piece(index, Piece::Input(text))),
        2 => (index.clone(), any_text()).prop_map(|(index, text)| piece(index, Piece::Thinking(text))),
        1 => (index.clone(), any_text()).prop_map(|(index, text)| piece(index, Piece::Signature(text))),
        1 => (index.clone(), any_json()).prop_map(|(index, json)| {
            piece(index, Piece::Other(json!({"type": "new", "value": json.parse::<serde_json::Value>().unwrap()}).into()))
        }),
        1 => (index.clone(), any_text()).prop_map(|(index, text)| Delta::Block { index, block: Block::text(text) }),
        1 => (index.clone(), any_text(), any_json()).prop_map(|(index, id, json)| Delta::call(index, id, "f", json!({"x": json}))),
        1 => index.prop_map(|index| Delta::BlockEnd { index }),
        1 => (named, counts.clone(), extra.clone()).prop_map(|(id, usage, extra)| {
            let id: Option<SharedText> = id.map(Into::into);
            Delta::Start { id: id.clone(), model: id, usage: usage.into(), extra }
        }),
        1 => (stop, counts, extra).prop_map(|(stop_reason, usage, extra)| {
            Delta::Stop { stop_reason, stop_details: None, usage: usage.into(), extra }
        }),
        1 => any_text().prop_map(|reason| Delta::Restarted { reason }),
        1 => any_text().prop_map(|text| Delta::complete(Response::text(text))),
    ]
}

/// Few cases, since each has a file, unless the environment asks for another number.
fn config() -> ProptestConfig {
    let default = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => default,
        None => ProptestConfig { cases: 64, ..default },
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_deltas_are_replayed_as_they_came(deltas in proptest::collection::vec(any_delta(), 0..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(deltas.into_iter().map(Ok).collect()));
    }
}
