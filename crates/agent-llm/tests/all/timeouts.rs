//! Servers that keep one waiting, with limits of milliseconds.

use agent_llm::{ClaudeBuilder, Llm, LlmError, LlmErrorKind, fold};
use tokio::io::AsyncWriteExt;
use wiremock::ResponseTemplate;

use crate::common::{HEAD, SOON, ask, hi, raw, server, settings, stall};

async fn timed_out(settings: ClaudeBuilder) -> LlmError {
    let error = ask(settings).await.unwrap_err();
    assert_eq!((error.kind, error.is_retryable()), (LlmErrorKind::Timeout, true), "{error}");
    error
}

#[tokio::test]
async fn no_head_and_no_first_byte_are_one_limit() {
    let message = "no byte of a reply within 60ms (first byte timeout)";
    for said in ["", HEAD] {
        let error = timed_out(settings(stall(said).await).first_byte_timeout(SOON)).await;
        assert_eq!(error.message, message);
    }
}

#[tokio::test]
async fn fault_24_a_silent_open_stream_does_not_hang() {
    let said = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nevent: ping\ndata: {\"type\": \"ping\"}\n\n";
    let error = timed_out(settings(stall(said).await).idle_timeout(SOON)).await;
    assert_eq!(error.message, "nothing more of the reply within 60ms (idle timeout)");
}

#[tokio::test]
async fn fault_24_pings_alone_do_not_defeat_a_total_limit() {
    let url = raw(async |mut connection| {
        connection.write_all(HEAD.as_bytes()).await.unwrap();
        while connection.write_all(b"event: ping\ndata: {\"type\": \"ping\"}\n\n").await.is_ok() {
            tokio::time::sleep(SOON / 10).await;
        }
    })
    .await;
    let error = timed_out(settings(url).total_timeout(SOON)).await;
    assert_eq!(error.message, "no whole reply within 60ms (total timeout)");
}

#[tokio::test]
async fn fault_39_keep_alives_without_content_end_at_the_content_limit() {
    let url = raw(async |mut connection| {
        connection.write_all(HEAD.as_bytes()).await.unwrap();
        let nothing = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}"#;
        let alive = format!(": keep-alive\n\nevent: ping\ndata: {{}}\n\ndata: {nothing}\n\n");
        while connection.write_all(alive.as_bytes()).await.is_ok() {
            tokio::time::sleep(SOON / 10).await;
        }
    })
    .await;
    let error = timed_out(settings(url).content_timeout(SOON)).await;
    assert_eq!(error.message, "signs of life but nothing of the reply within 60ms (content timeout)");
}

#[tokio::test]
async fn a_long_reply_that_is_not_streamed_is_refused_before_it_is_asked_for() {
    let server = server(ResponseTemplate::new(529)).await;
    let long = async |settings: ClaudeBuilder| {
        let mut request = hi();
        request.max_tokens = 64_000;
        fold(settings.build().unwrap().stream(request), |_| {}).await.unwrap_err().kind
    };
    let unary = || settings(server.uri()).streaming(false);
    assert_eq!(long(unary()).await, LlmErrorKind::Configuration);
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
    assert_eq!(long(unary().total_timeout(SOON * 100)).await, LlmErrorKind::Overloaded);
    assert_eq!(long(settings(server.uri())).await, LlmErrorKind::Overloaded);
}

#[tokio::test]
async fn a_reply_that_is_not_streamed_has_a_total_limit() {
    for said in ["", "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"] {
        let url = stall(said).await;
        let error = timed_out(settings(url).streaming(false).total_timeout(SOON)).await;
        assert_eq!(error.message, "no whole reply within 60ms (total timeout)");
    }
}

#[tokio::test]
async fn a_connection_includes_its_tls() {
    // Takes the connection and never answers the greeting.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    for streaming in [true, false] {
        let error = timed_out(settings(&url).streaming(streaming).connect_timeout(SOON)).await;
        assert_eq!(error.message, "no connection within 60ms (connect timeout)");
    }
}

#[tokio::test]
async fn an_error_whose_body_never_ends_still_has_its_status() {
    let said = "HTTP/1.1 529 \r\ncontent-type: text/plain\r\ncontent-length: 99\r\n\r\nbusy";
    let error = ask(settings(stall(said).await).idle_timeout(SOON)).await.unwrap_err();
    assert_eq!((error.kind, error.status), (LlmErrorKind::Overloaded, Some(529)));
    assert_eq!(error.message, "text/plain: busy");
}
