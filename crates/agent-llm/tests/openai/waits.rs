//! Servers that keep one waiting, with limits of milliseconds.

use std::time::Duration;

use agent_llm::{LlmError, LlmErrorKind, OpenAiBuilder};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::common::{WAYS, ask};

const SOON: Duration = Duration::from_millis(60);

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

/// A server that takes one connection, reads its request, and says this again and again, or once.
async fn says(said: &'static str, every: Option<Duration>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        receive(&mut connection).await;
        connection.write_all(HEAD).await.unwrap();
        while connection.write_all(said.as_bytes()).await.is_ok() {
            match every {
                Some(every) => tokio::time::sleep(every).await,
                None => std::future::pending().await,
            }
        }
    });
    url
}

/// Reads a request to the end of its body, which is the end of an object.
async fn receive(connection: &mut TcpStream) {
    let mut received = Vec::new();
    while !received.ends_with(br#"}]}"#) {
        received.push(connection.read_u8().await.unwrap());
    }
}

async fn timed_out(settings: OpenAiBuilder) -> LlmError {
    let error = ask(settings).await.unwrap_err();
    assert_eq!((error.kind, error.is_retryable()), (LlmErrorKind::Timeout, true), "{error}");
    error
}

#[tokio::test]
async fn fault_24_a_silent_stream_of_openai_does_not_hang() {
    for way in WAYS.into_iter().filter(|way| way.streaming) {
        let url = says(": ping\n\n", None).await;
        let error = timed_out(way.settings(url).idle_timeout(SOON)).await;
        assert!(error.message.contains("idle timeout"), "{error}");
        let url = says(": ping\n\n", Some(SOON / 10)).await;
        let error = timed_out(way.settings(url).total_timeout(SOON)).await;
        assert!(error.message.contains("total timeout"), "{error}");
    }
}

#[tokio::test]
async fn fault_39_keep_alives_of_openais_wire_do_not_mask_a_dead_model() {
    // As OpenRouter and gateways write them.
    let chat = ": OPENROUTER PROCESSING\n\ndata: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
    let responses = "data: {\"type\":\"response.in_progress\",\"response\":{\"id\":\"resp_1\"}}\n\ndata: {\"type\":\"keepalive\"}\n\n";
    for (way, said) in [(WAYS[0], chat), (WAYS[2], responses)] {
        let url = says(said, Some(SOON / 10)).await;
        let error = timed_out(way.settings(url).content_timeout(SOON)).await;
        assert!(error.message.contains("content timeout"), "{error}");
    }
}
