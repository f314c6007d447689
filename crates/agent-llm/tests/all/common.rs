//! Servers, and ways to ask them.

use std::time::Duration;

use agent_llm::{Claude, ClaudeBuilder, Llm, LlmError, Message, Request, Response, fold};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

pub(crate) const KEY: &str = "sk-ant-s3cret";

/// A whole streamed reply that says "Hello!".
pub(crate) const HELLO: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","model":"claude-sonnet-5-5","content":[],"usage":{"input_tokens":3,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"!"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":5}}

event: message_stop
data: {"type":"message_stop"}

"#;

/// A server that gives every request this answer.
pub(crate) async fn server(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

pub(crate) fn streamed(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(text, "text/event-stream; charset=utf-8")
}

/// Settings for a server on loopback, without retries.
pub(crate) fn settings(url: impl Into<String>) -> ClaudeBuilder {
    Claude::builder().key(KEY).base_url(url).max_retries(0)
}

pub(crate) fn hi() -> Request {
    Request::new(vec![Message::user("hi")])
}

pub(crate) async fn ask(settings: ClaudeBuilder) -> Result<Response, LlmError> {
    ask_claude(&settings.build().unwrap()).await
}

pub(crate) async fn ask_claude(claude: &Claude) -> Result<Response, LlmError> {
    fold(claude.stream(hi()), |_| {}).await
}

pub(crate) fn text(response: &Response) -> String {
    Message::assistant(response.content.clone()).text()
}

/// A server that takes one connection, reads the request of [`ask`], and then does what a test
/// wants; for what no well-behaved server does. Gives its URL.
pub(crate) async fn raw<F>(serve: impl FnOnce(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        receive(&mut connection).await;
        serve(connection).await;
    });
    url
}

/// Reads the request of [`ask`], to the end of its body.
pub(crate) async fn receive(connection: &mut TcpStream) {
    let mut received = Vec::new();
    while !received.ends_with(br#""hi"}]}]}"#) {
        received.push(connection.read_u8().await.unwrap());
    }
}

/// The head of a streamed answer whose end is the connection's.
pub(crate) const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_1\r\n\r\n";

/// Says this, then nothing more, with the connection left open.
pub(crate) async fn stall(said: &'static str) -> String {
    raw(async move |mut connection| {
        connection.write_all(said.as_bytes()).await.unwrap();
        std::future::pending::<()>().await;
    })
    .await
}

/// A limit for tests over sockets.
pub(crate) const SOON: Duration = Duration::from_millis(60);
