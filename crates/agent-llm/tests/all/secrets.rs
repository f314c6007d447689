//! Servers that echo the key, and everything a bad day says.

use std::{error::Error, time::Duration};

use agent_core::event::EventLog;
use agent_llm::{Claude, ClaudeBuilder, Llm, fold};
use agent_mock::{Answer, Fault, Mock};
use agent_timeline::Timeline;
use futures::future::join_all;
use serde_json::json;

use crate::{
    bad_day::{Day, day, plot, settings},
    common::{KEY, hi},
};

const SOON: Duration = Duration::from_millis(50);

/// Answers and events that hold the key wherever one may stand, and whether that place is one we
/// tell of.
fn echoes() -> Vec<(Fault, bool)> {
    let said = format!("no such key: {KEY}");
    let error = |error_type: &str, message: &str| {
        json!({"type": "error", "error": {"type": error_type, "message": message}, "request_id": KEY})
            .to_string()
    };
    let page = |status: u16, kind: &str| Answer::new(status).header("content-type", kind).body(&*said);
    let event = |data: String| Fault::event("text_delta", "error", data);
    let told = [
        Fault::answer(page(401, "application/json").body(error("authentication_error", &said))),
        Fault::answer(page(529, "application/json").body(error(KEY, "Overloaded"))),
        Fault::answer(page(400, "application/json").body(format!(r#"{{"message":"{said}"}}"#))),
        Fault::answer(page(500, "application/json").body(format!(r#"{{"x-api-key":["{KEY}"]}}"#))),
        Fault::answer(page(502, "text/html")),
        Fault::answer(page(200, "text/html")),
        Fault::answer(page(200, "text/event-stream").body(format!("data: {{\"type\":[\"{KEY}\"]}}\n\n"))),
        Fault::answer(page(503, KEY)),
        Fault::answer(Answer::new(503).body(format!("{}{KEY}", "x".repeat(290)))),
        Fault::answer(Answer::new(429).header("request-id", KEY).header("retry-after-ms", "1")),
        Fault::answer(Answer::new(307).header("location", format!("https://elsewhere/?key={KEY}")).body("")),
        // Where a part of the key would be left if the text were cut first.
        Fault::answer(
            Answer::new(307).header("location", format!("https://{}{KEY}", "x".repeat(285))).body(""),
        ),
        Fault::answer(page(200, &format!("text/{}{KEY}", "x".repeat(289)))),
        event(error("api_error", &said)),
        event(error(KEY, "Oh")),
        Fault::event("text_delta", KEY, "{"),
        Fault::event(
            "text_delta",
            "content_block_delta",
            format!(r#"{{"type":"content_block_delta","index":"{KEY}"}}"#),
        ),
    ];
    let passed_over = [
        Fault::answer(Answer::new(429).header("retry-after", KEY).header("x-should-retry", KEY)),
        Fault::event("text_delta", KEY, format!(r#"{{"type":"{KEY}","key":"{KEY}"}}"#)),
        Fault::event("text_delta", "ping", KEY),
    ];
    told.map(|fault| (fault, true)).into_iter().chain(passed_over.map(|fault| (fault, false))).collect()
}

/// Faults in which no key stands.
fn others() -> Vec<Fault> {
    vec![
        Fault::hang_up(),
        Fault::cut("text_delta"),
        Fault::end(99),
        Fault::silence(99),
        Fault::pings(99, SOON / 10),
        Fault::slow_head(SOON * 100),
    ]
}

/// Everything a run says, in whatever form.
fn output(day: &Day) -> String {
    let mut output = vec![
        format!("{:?} {:#?}", day.events, day.end),
        format!("{0} {0:?} {1}", day.conversation, serde_json::to_string(&day.conversation).unwrap()),
        Timeline::new(&day.events).to_text(200),
    ];
    let log = EventLog::new(100_000).with_ids();
    output.extend(day.events.iter().filter_map(|event| log.line(event)));
    if let Err(error) = &day.end {
        let mut cause: Option<&dyn Error> = Some(error);
        while let Some(error) = cause {
            output.push(format!("{error} {error:?}"));
            cause = error.source();
        }
    }
    output.join("\n")
}

/// A fault that passes after one retry, and one that does not, streamed or not: no output holds the
/// key.
async fn check(fault: Fault, told: bool, [streamed, unary]: &[Claude; 2]) {
    let mut all = String::new();
    for (times, client) in [(1, streamed), (2, streamed), (2, unary)] {
        all.push_str(&output(&day(plot().fault(0, vec![fault.clone(); times]), client).await));
    }
    assert!(!all.contains(KEY), "{fault:?}: {}", around(&all));
    assert!(!told || all.contains("[key]"), "{fault:?}: it was to be told: {all}");
}

/// Streaming and not. What they show of themselves does not hold the key either.
fn clients(settings: ClaudeBuilder) -> [Claude; 2] {
    let streamed = settings.clone().build().unwrap();
    let unary = streamed.with(|settings| settings.streaming(false)).unwrap();
    let shown = format!("{settings:?} {settings:#?} {streamed:?} {unary:#?}");
    assert!(!shown.contains(KEY), "{shown}");
    [streamed, unary]
}

fn around(all: &str) -> &str {
    let at = all.find(KEY).unwrap_or_default();
    &all[at.saturating_sub(200)..all.len().min(at + 200)]
}

#[tokio::test]
async fn fault_34_no_output_of_a_bad_day_holds_the_key_also_when_the_server_echoes_it() {
    let settings = settings().max_retries(1);
    let patient = clients(settings.clone());
    let hasty = settings.first_byte_timeout(SOON).idle_timeout(SOON).content_timeout(SOON);
    let hasty = clients(hasty.total_timeout(SOON));
    let echoes = join_all(echoes().into_iter().map(|(fault, told)| check(fault, told, &patient)));
    let others = join_all(others().into_iter().map(|fault| check(fault, false, &hasty)));
    tokio::join!(echoes, others);
}

/// A long key, so many times that what is left of it is short where only a part of the last one is.
#[tokio::test]
async fn field_75_of_words_that_are_cut_while_they_are_read_no_part_of_a_secret_is_left() {
    let key: String = (0..250).map(|number| format!("{number:04}")).collect();
    let settings = Claude::builder().key(&*key).max_retries(0);
    // Of this, the first 64 KB are kept.
    let many = key.repeat(70);
    let body =
        |kind: &str, text: String| Fault::answer(Answer::new(200).header("content-type", kind).body(text));
    let stream = "text/event-stream";
    let before = "x".repeat(1_900);
    for (fault, streaming) in [
        (body(stream, format!("event: error\ndata: {many}\n\n")), true),
        (body(stream, format!("data: {many}\n\n")), true),
        (body(stream, many.clone()), true),
        (body(stream, format!("{}{many}", " ".repeat(64_000))), true),
        (body("application/json", format!("{{\"content\":[],\"usage\":\"{before}{key}\"}}")), false),
    ] {
        let server = Mock::start(plot().fault(0, [fault.clone()])).await.unwrap();
        let claude = settings.clone().base_url(server.url()).streaming(streaming).build().unwrap();
        let error = fold(claude.stream(hi()), |_| ()).await.unwrap_err();
        let message = &error.message;
        assert!(message.contains("[key]"), "{message}");
        // Any part of it of 8 digits is seen.
        let left = (0..=key.len() - 8).find(|at| message.contains(&key[*at..at + 8]));
        assert_eq!(left, None, "{message}");
    }
}
