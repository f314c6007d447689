//! Replies that are in order, streamed or not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use agent_llm::{Delta, Llm, Notice, StopReason, Usage};
use futures::TryStreamExt;
use serde_json::json;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};
use wiremock::ResponseTemplate;

use crate::common::{HEAD, HELLO, ask, ask_claude, hi, raw, receive, server, settings, streamed, text};

#[tokio::test]
async fn a_streamed_reply_is_its_fold() {
    let server = server(streamed(HELLO)).await;
    let reply = ask(settings(server.uri())).await.unwrap();
    assert_eq!((text(&reply).as_str(), &reply.stop_reason), ("Hello!", &StopReason::EndTurn));
    assert_eq!((reply.id.as_deref(), reply.model.as_deref()), (Some("msg_1"), Some("claude-sonnet-5-5")));
    assert_eq!(reply.usage, Usage::new(3, 5));
}

#[tokio::test]
async fn a_reply_that_is_not_streamed_is_one_delta_and_the_same() {
    let streaming = server(streamed(HELLO)).await;
    let body = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5-5",
        "content": [{"type": "text", "text": "Hello!"}], "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 3, "output_tokens": 5},
    });
    let whole = server(ResponseTemplate::new(200).set_body_json(body)).await;
    let claude = settings(whole.uri()).streaming(false).build().unwrap();
    let deltas: Vec<Delta> = claude.stream(hi()).try_collect().await.unwrap();
    let [Delta::Notice(Notice::Sent { provider, model, server: Some(_) }), Delta::Complete(reply)] =
        &deltas[..]
    else {
        panic!("{deltas:?}")
    };
    assert_eq!((provider.as_str(), model.as_str()), ("anthropic", "claude-sonnet-5-5"));
    let mut folded = ask(settings(streaming.uri())).await.unwrap();
    // Pieces are filled into the block as it began, whose fields may stand in another order.
    folded.content = reply.content.clone();
    assert_eq!(**reply, folded);
    let request = &whole.received_requests().await.unwrap()[0];
    assert_eq!(request.headers["accept"], "application/json");
    assert_eq!(request.body_json::<serde_json::Value>().unwrap()["stream"], false);
}

#[tokio::test]
async fn a_final_event_without_its_blank_line_still_ends_the_reply() {
    for end in ["\n", ""] {
        let server = server(streamed(&format!("{}{end}", HELLO.trim_end()))).await;
        assert_eq!(text(&ask(settings(server.uri())).await.unwrap()), "Hello!");
    }
}

#[tokio::test]
async fn fault_25_chunks_of_one_byte_give_the_same_reply() {
    let url = raw(async |mut connection| {
        connection.set_nodelay(true).unwrap();
        for byte in [HEAD, &HELLO.replace("Hello", "Hé🦀o")].concat().bytes() {
            connection.write_u8(byte).await.unwrap();
        }
    })
    .await;
    assert_eq!(text(&ask(settings(url)).await.unwrap()), "Hé🦀o!");
}

#[tokio::test]
async fn connections_are_used_again_also_by_a_client_with_other_settings() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(serve(connection));
        }
    });
    let claude = settings(url).build().unwrap();
    // On a busy machine the end of an answer may come too late to be waited for, but not each time.
    let mut asked = 0;
    while connections.load(Ordering::Relaxed) == asked {
        assert!(asked < 100, "each request has a connection of its own");
        let other = claude.with(|settings| settings.model(format!("model-{asked}"))).unwrap();
        ask_claude(&other).await.unwrap();
        asked += 1;
    }
}

/// Answers any number of requests. The end of an answer comes after its last event, as it does
/// behind some proxies.
async fn serve(mut connection: TcpStream) {
    loop {
        receive(&mut connection).await;
        let head = HEAD.replace("\r\n\r\n", "\r\ntransfer-encoding: chunked\r\n\r\n");
        let answer = format!("{head}{:x}\r\n{HELLO}\r\n", HELLO.len());
        connection.write_all(answer.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
        connection.write_all(b"0\r\n\r\n").await.unwrap();
    }
}
