//! Whatever comes over the wire or is read back: an error or a value, and never a panic.
//!
//! `PROPTEST_CASES=1000000 cargo test --release -p agent-llm --lib fuzz` runs a million cases of
//! each.

use std::{
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use agent_core::{
    Agent, Block, Conversation, Delta, Json, LlmError, Message, Outcome, Request, Response, StopReason, Team,
    conversation::{Change, Failure, Turn, Work},
    message::{BlockKind, ToolCall},
    model::{Fold, Notice, Piece},
    script::Script,
    tool::{Done, Transfer},
};
use proptest::{collection::vec, prelude::*};
use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Value, json, value::RawValue};

use super::{
    Read, cases,
    corpus::{BODIES, ERRORS, HEADERS, INPUTS, MESSAGES, STREAMS},
    cut,
};
use crate::{
    any_input::mutate::{changed, changes},
    claude::{builder::ClaudeBuilder, wire},
    transport::{error::Failed, headers::text, rate_limit::ANTHROPIC},
};

/// Most of what a server may set, and what is read of it.
const NAMES: &[&str] = &[
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "request-id",
    "content-type",
    "location",
    "date",
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
];

/// What is written is read again, and then written the same.
fn written_and_read<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) -> String {
    let text = serde_json::to_string(value).unwrap();
    serde_json::from_str::<IgnoredAny>(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let again: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(&again, value);
    assert_eq!(serde_json::to_string(&again).unwrap(), text);
    text
}

/// A reply, written and read again, says the same; of two fields of one name, some are then gone.
fn kept(reply: &Response) {
    let again: Response = serde_json::from_str(&serde_json::to_string(reply).unwrap()).unwrap();
    assert_eq!(
        (&again.content, &again.stop_reason, &again.usage),
        (&reply.content, &reply.stop_reason, &reply.usage)
    );
    assert_eq!((&again.id, &again.model), (&reply.id, &reply.model));
    written_and_read(&again);
}

/// A request with this message holds its blocks as they are kept, but for what the API refuses to
/// read.
fn sent(message: &Message) {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        messages: Vec<Content<'a>>,
    }
    #[derive(Deserialize)]
    struct Content<'a> {
        #[serde(borrow)]
        content: Vec<&'a RawValue>,
    }
    let body = |settings| wire::body(&settings, &Request::new(vec![message.clone()]));
    let text = body(ClaudeBuilder::default());
    let Body { messages } = serde_json::from_slice(&text).unwrap();
    let sent: Vec<&str> =
        messages.iter().flat_map(|message| &message.content).map(|block| block.get()).collect();
    let kept = message.content().iter().filter(|block| {
        let thinking = matches!(block.kind(), BlockKind::Thinking { .. } | BlockKind::RedactedThinking);
        !block.is_blank() && (!thinking || sent.contains(&block.json().text()))
    });
    let kept = kept.map(|block| wire::error_with_more_than_words(block).unwrap_or_else(|| block.clone()));
    let kept: Vec<Block> = kept.collect();
    assert_eq!(sent, kept.iter().map(|block| block.json().text()).collect::<Vec<_>>());
    serde_json::from_slice::<IgnoredAny>(&body(ClaudeBuilder::default().cache(crate::Cache::FiveMinutes)))
        .unwrap();
}

fn headers(values: &[Vec<u8>]) -> HeaderMap {
    let pairs = NAMES.iter().zip(values).filter_map(|(name, value)| {
        Some((HeaderName::from_static(name), HeaderValue::from_bytes(value).ok()?))
    });
    pairs.collect()
}

fn bounded(error: &LlmError) {
    assert!(error.message.chars().count() < 2_500, "{error}");
    written_and_read(error);
}

/// Conversations in the middle of all that can go on in one.
static CONVERSATIONS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let team = team();
    let mut conversation = Conversation::start("main", "Go.");
    let mut all = vec![serde_json::to_string(&conversation).unwrap()];
    let calls = ["a", "b", "c", "d", "e"].map(|id| Block::tool_use(id, "f", json!({"n": 1})));
    answer(&mut conversation, &team, Response::new(calls.to_vec(), StopReason::ToolUse));
    all.push(serde_json::to_string(&conversation).unwrap());
    let Turn::Tools(mut turn) = conversation.turn(&team) else { panic!("there are calls") };
    turn.record("a", Outcome::output("done").into());
    turn.record("b", Outcome::Wait { question: "May I?".to_owned() }.into());
    turn.record("c", Outcome::delegate("other", "Do it.").into());
    turn.record("d", Outcome::Transfer(Transfer::new("other", "failed: {why}").comes_back(true)).into());
    let steps = json!({"enough": 2, "steps": [
        {"id": "x", "tool": "f", "input": {}},
        {"id": "y", "tool": "f", "input": {"n": {"$from": "x", "path": "/0"}}},
        {"id": "z", "tool": "f", "for_each": [1, 2], "input": {"n": {"$item": ""}}, "after": ["x"]}
    ]});
    let done = Outcome::plan(serde_json::from_value(steps).unwrap()).into();
    conversation.apply("run", Change::Recorded { call: "e".to_owned(), done }).unwrap();
    all.push(serde_json::to_string(&conversation).unwrap());
    conversation.say("Stop.");
    answer(&mut conversation, &team, Response::new(vec![calls[0].clone()], StopReason::ToolUse));
    let Turn::Tools(mut turn) = conversation.turn(&team) else { panic!("there is a call") };
    let id = turn.work()[0].id().to_owned();
    turn.record(&id, Outcome::Transfer(Transfer::new("other", "{why}").comes_back(true)).into());
    answer(&mut conversation, &team, Response::text("I have it."));
    all.push(serde_json::to_string(&conversation).unwrap());
    all
});

fn team() -> Team {
    let agent = |name: &str| Agent::builder(name, Script::new([])).build().unwrap();
    Team::new([agent("main"), agent("other")]).unwrap()
}

fn answer(conversation: &mut Conversation, team: &Team, response: Response) {
    let Turn::Model(turn) = conversation.turn(team) else { panic!("it is the model's turn") };
    turn.answer(Ok(response)).unwrap();
}

/// Goes on from wherever the conversation is, for a few turns.
fn go_on(conversation: &mut Conversation, team: &Team) {
    for step in 0..6 {
        match conversation.turn(team) {
            Turn::Model(turn) => {
                let agent = turn.speaker().to_owned();
                let error = LlmError::new(crate::LlmErrorKind::Server, "down");
                let failed = || Err(Failure { agent, error });
                let _ = turn.answer(if step == 1 { failed() } else { Ok(Response::text("fine")) });
            }
            Turn::Tools(mut turn) => {
                for work in turn.work().to_vec() {
                    for more in turn.record(work.id(), Done::from(Outcome::output("did it"))) {
                        if let Work::Delegate(more) = more {
                            turn.keep(&more.call.id, more.conversation);
                        }
                    }
                }
            }
            Turn::User(_) => conversation.say("Go on."),
        }
        written_and_read(conversation);
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn streams_are_a_reply_or_an_error_however_they_are_cut(changes in changes(), places in vec(any::<u16>(), 0..4)) {
        let stream = changed(STREAMS, &changes);
        let whole = Read::of([&stream[..]]);
        assert_eq!(Read::of(cut(&stream, &places)), whole);
        if let Ok(reply) = whole.fold() {
            kept(&reply);
            sent(&Message::assistant(reply.content));
        }
    }

    #[test]
    fn bodies_are_a_reply_or_an_error(changes in changes()) {
        if let Ok(reply) = serde_json::from_slice::<Response>(&changed(BODIES, &changes)) {
            kept(&reply);
            sent(&Message::assistant(reply.content));
        }
    }

    #[test]
    fn answers_that_are_no_reply_are_errors(
        status in 100_u16..1_000,
        changes in changes(),
        values in vec(self::changes(), NAMES.len()),
    ) {
        let values: Vec<Vec<u8>> = values.iter().map(|changes| changed(HEADERS, changes)).collect();
        let headers = headers(&values);
        let body = changed(ERRORS, &changes);
        let body = String::from_utf8_lossy(&body);
        let status = StatusCode::from_u16(status).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_794_000_000);
        let failed = Failed { status, headers: &headers, request_id: text(&headers, "request-id"), body: &body };
        bounded(&failed.by_status(now));
        bounded(&failed.instead_of("application/json"));
        for notice in ANTHROPIC.read(&headers, now) {
            assert!(matches!(notice, Notice::RateLimit { .. }));
        }
    }

    #[test]
    fn messages_are_read_and_sent_or_refused(changes in changes()) {
        if let Ok(message) = serde_json::from_slice::<Message>(&changed(MESSAGES, &changes)) {
            written_and_read(&message);
            sent(&message);
        }
    }

    #[test]
    fn conversations_go_on_or_are_refused(changes in changes()) {
        let seeds: Vec<&str> = CONVERSATIONS.iter().map(String::as_str).collect();
        if let Ok(mut conversation) = serde_json::from_slice::<Conversation>(&changed(&seeds, &changes)) {
            written_and_read(&conversation);
            go_on(&mut conversation, &team());
        }
    }

    #[test]
    fn inputs_are_kept_and_read_or_said_to_be_wrong(changes in changes(), places in vec(any::<u16>(), 0..4)) {
        let input = changed(INPUTS, &changes);
        let input = String::from_utf8_lossy(&input);
        let mut fold = Fold::default();
        fold.push(Delta::call(0, "a", "f", json!({}))).unwrap();
        for piece in cut(input.as_bytes(), &places) {
            let piece = Piece::Input(String::from_utf8_lossy(piece).into_owned());
            fold.push(Delta::Piece { index: 0, piece }).unwrap();
        }
        fold.push(Delta::stop(StopReason::ToolUse)).unwrap();
        let reply = fold.finish().unwrap();
        let call: &ToolCall = reply.tool_calls().next().unwrap();
        assert!(call.input.text().starts_with('{'));
        // What is JSON may still be no value of Rust: numbers out of range, too many levels.
        match (call.parse::<Value>(), call.malformed()) {
            (Ok(_), wrong) => assert_eq!(wrong, None),
            (Err(error), wrong) => assert!(wrong.is_none_or(|wrong| wrong == error) && !error.message.is_empty()),
        }
        written_and_read(&reply);
    }

    #[test]
    fn json_is_kept_as_it_came_or_refused(changes in changes()) {
        let text = changed(&[BODIES, MESSAGES, INPUTS].concat(), &changes);
        if let Ok(text) = String::from_utf8(text) {
            let Ok(json) = Json::read(text.clone()) else { return Ok(()) };
            assert!(json.text() == text.trim() || text.contains("\\u"), "{text}");
            let _ = json.parse::<Value>();
            let _ = Block::from_json(json);
        }
    }
}
