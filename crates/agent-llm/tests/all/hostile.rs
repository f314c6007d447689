//! Servers that mean no good: what is read of them is counted, and what they are told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use agent_llm::{ClaudeBuilder, LlmError, LlmErrorKind, RetryPolicy};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    task::yield_now,
};

use crate::common::{HEAD, HELLO, SOON, ask, receive, settings};

const MEGABYTE: usize = 1024 * 1024;

/// What a connection buffers, at both ends and on the way, beside what was read.
const BUFFERED: usize = 16 * MEGABYTE;

/// A server that answers each request with this, and with `more` for ever; what it got rid of, and
/// of how many requests.
struct Endless {
    url: String,
    sent: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Endless {
    async fn start(head: impl Into<String>, more: impl Into<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sent, requests) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (head, more, to, asked) = (head.into(), more.into(), sent.clone(), requests.clone());
        tokio::spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                receive(&mut connection).await;
                asked.fetch_add(1, Ordering::Relaxed);
                let (head, more, to) = (head.clone(), more.clone(), to.clone());
                tokio::spawn(async move { Self::say(connection, &head, &more, &to).await });
            }
        });
        Self { url, sent, requests }
    }

    async fn say(mut connection: TcpStream, head: &str, more: &str, sent: &AtomicUsize) {
        if connection.write_all(head.as_bytes()).await.is_err() {
            return;
        }
        loop {
            for part in more.as_bytes().chunks(64 * 1024) {
                if connection.write_all(part).await.is_err() {
                    return;
                }
                sent.fetch_add(part.len(), Ordering::Relaxed);
                yield_now().await;
            }
        }
    }

    /// The error of a client that would ask three times.
    async fn ask(&self, change: impl FnOnce(ClaudeBuilder) -> ClaudeBuilder) -> LlmError {
        let policy = RetryPolicy::default().first_wait(Duration::from_millis(1));
        ask(change(settings(&self.url).retry(policy))).await.unwrap_err()
    }

    /// It is too long: it was asked for once, and no more of it was read than a reply may have.
    async fn check(&self, most: usize, change: impl FnOnce(ClaudeBuilder) -> ClaudeBuilder) {
        let error = self.ask(change).await;
        assert_eq!((error.kind, error.is_retryable()), (LlmErrorKind::TooLong, false), "{error}");
        assert_eq!(self.requests.load(Ordering::Relaxed), 1);
        let sent = self.sent.load(Ordering::Relaxed);
        assert!(sent <= most + BUFFERED, "{sent} bytes were read");
    }
}

fn delta(words: &str) -> String {
    format!(
        "data: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{words}\"}}}}\n\n"
    )
}

const JSON_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";

#[tokio::test]
async fn field_79_an_endless_stream_ends_at_its_bound_and_is_asked_for_once() {
    let words = delta(&"x".repeat(MEGABYTE));
    Endless::start(HEAD, &words).await.check(64 * MEGABYTE, |settings| settings).await;
    Endless::start(HEAD, &words).await.check(4 * MEGABYTE, |s| s.longest_reply(4 * MEGABYTE)).await;
    // Nor does it matter what it is made of.
    for more in [
        delta("x"),
        delta(""),
        "event: ping\ndata: {}\n\n".to_owned(),
        ": a comment\n".to_owned(),
        "no field\n".to_owned(),
        "\n".to_owned(),
        "data: [\n".to_owned(),
        "data: x".to_owned(),
    ] {
        let many = more.repeat(64 * 1024 / more.len());
        Endless::start(HEAD, many).await.check(4 * MEGABYTE, |s| s.longest_reply(4 * MEGABYTE)).await;
    }
}

#[tokio::test]
async fn field_79_a_line_without_end_is_given_up_before_a_reply_is() {
    for more in ["x", "data: x\n"] {
        let many = more.repeat(64 * 1024);
        Endless::start([HEAD, "data: "].concat(), many).await.check(17 * MEGABYTE, |settings| settings).await;
    }
}

#[tokio::test]
async fn field_79_an_endless_body_ends_at_its_bound_and_is_asked_for_once() {
    let head = format!("{JSON_HEAD}{{\"content\":[{{\"type\":\"text\",\"text\":\"");
    let more = "x".repeat(MEGABYTE);
    Endless::start(&head, &more).await.check(64 * MEGABYTE, |settings| settings.streaming(false)).await;
    let short = |settings: ClaudeBuilder| settings.streaming(false).longest_reply(4 * MEGABYTE);
    Endless::start(&head, &more).await.check(4 * MEGABYTE, short).await;
}

#[tokio::test]
async fn field_79_of_an_endless_error_its_beginning_is_read() {
    let endless = Endless::start("HTTP/1.1 400 \r\n\r\n", "no ".repeat(64 * 1024)).await;
    let error = endless.ask(|settings| settings).await;
    assert_eq!((error.kind, error.status), (LlmErrorKind::InvalidRequest, Some(400)));
    assert!(endless.sent.load(Ordering::Relaxed) <= BUFFERED);
}

#[tokio::test]
async fn field_79_endless_headers_are_an_error() {
    let endless = Endless::start("HTTP/1.1 200 OK\r\n", "x: y\r\n".repeat(10_000)).await;
    let error = endless.ask(|settings| settings).await;
    assert_eq!(error.kind, LlmErrorKind::Connection, "{error}");
    assert!(endless.sent.load(Ordering::Relaxed) <= 3 * BUFFERED);
}

#[tokio::test]
async fn field_79_what_follows_a_whole_reply_is_not_read() {
    let endless = Endless::start([HEAD, HELLO].concat(), delta(&"x".repeat(MEGABYTE))).await;
    let reply = ask(settings(&endless.url)).await.unwrap();
    assert_eq!(reply.content.len(), 1);
    tokio::time::timeout(Duration::from_secs(60), async {
        let mut before = usize::MAX;
        while before != endless.sent.load(Ordering::Relaxed) {
            before = endless.sent.load(Ordering::Relaxed);
            tokio::time::sleep(SOON).await;
        }
    })
    .await
    .expect("the client hangs up");
    assert!(endless.sent.load(Ordering::Relaxed) <= BUFFERED);
}

#[tokio::test]
async fn a_body_of_another_length_than_it_claims_is_read_as_far_as_it_claims() {
    let stream = |length: usize| {
        let head = HEAD.replace("\r\n\r\n", &format!("\r\ncontent-length: {length}\r\n\r\n"));
        Endless::start(head + HELLO, "data: {\"type\":\"error\"}\n\n")
    };
    // More than it claims: the rest is no part of it.
    let reply = ask(settings(&stream(HELLO.len()).await.url)).await.unwrap();
    assert_eq!(reply.content.len(), 1);
    // Less is a reply that broke off, if it was not whole before.
    let cut = &HELLO[..HELLO.len() / 2];
    let head = HEAD.replace("\r\n\r\n", &format!("\r\ncontent-length: {}\r\n\r\n", HELLO.len()));
    let url = crate::common::raw(async move |mut connection| {
        connection.write_all([&head, cut].concat().as_bytes()).await.unwrap();
    })
    .await;
    assert_eq!(ask(settings(url)).await.unwrap_err().kind, LlmErrorKind::Incomplete);
}

#[tokio::test]
async fn what_was_packed_though_nobody_asked_for_that_is_said_so() {
    let head = HEAD.replace("\r\n\r\n", "\r\ncontent-encoding: gzip\r\n\r\n");
    let url = crate::common::raw(async move |mut connection| {
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\n\n").await.unwrap();
    })
    .await;
    let error = ask(settings(url)).await.unwrap_err();
    assert_eq!(error.kind, LlmErrorKind::Incomplete);
}

/// A reply of so many blocks, streamed and in one piece.
fn of_blocks(count: usize) -> (String, String) {
    let text = "x".repeat(100);
    let block = format!(r#"{{"type":"text","text":"{text}"}}"#);
    let events: String = (0..count)
        .map(|index| {
            format!(
                "data: {{\"type\":\"content_block_start\",\"index\":{index},\"content_block\":{block}}}\n\n\
                 data: {{\"type\":\"content_block_stop\",\"index\":{index}}}\n\n"
            )
        })
        .collect();
    let end = "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n";
    let body = format!(r#"{{"content":[{}],"stop_reason":"end_turn"}}"#, vec![block; count].join(","));
    (events + end, body)
}

#[tokio::test]
async fn field_80_a_reply_of_60_000_blocks_is_read_streamed_and_not() {
    let (events, body) = of_blocks(60_000);
    for (head, said, streaming) in [(HEAD, events, true), (JSON_HEAD, body, false)] {
        let url = crate::common::raw(async move |mut connection| {
            connection.write_all([head, &said].concat().as_bytes()).await.unwrap();
        })
        .await;
        let reply = ask(settings(url).streaming(streaming)).await.unwrap();
        assert_eq!(reply.content.len(), 60_000, "streamed: {streaming}");
    }
}
