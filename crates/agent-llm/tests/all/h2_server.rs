//! A server that speaks HTTP/2 and does to streams and connections what a test wants.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use agent_llm::ClaudeBuilder;
use h2::{
    Reason, RecvStream,
    server::{Builder, SendResponse},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Barrier, Notify, mpsc},
};

use crate::{bad_day, common::HELLO};

/// What is done when a request comes in; with the later ones: [`Reply`](Act::Reply).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Act {
    /// It is answered.
    Reply,
    /// Its stream is reset before its head.
    Reset(Reason),
    /// Its stream is reset once its first words were [heard](Server::heard).
    Break(Reason),
    /// It is answered, and the connection takes no other.
    Last,
    /// The connection takes none, this one included.
    Away,
    /// The connection ends with this reason.
    Shut(Reason),
    /// Its first words are all that is said.
    Hold,
    /// After its first words come a million bytes, and then nothing.
    Long,
}

/// It runs as long as the test's runtime.
pub(crate) struct Server {
    url: String,
    connections: Arc<AtomicUsize>,
    /// Is told when first words were heard.
    pub(crate) heard: Arc<Notify>,
    /// Why the client ended streams that were held.
    pub(crate) given_up: mpsc::UnboundedReceiver<Reason>,
}

struct Stage {
    acts: Mutex<VecDeque<Act>>,
    /// Answers are given when so many can be given at once.
    together: Barrier,
    /// How many streams a connection may have; as many as there are if it is 0.
    streams: u32,
    heard: Arc<Notify>,
    given_up: mpsc::UnboundedSender<Reason>,
}

impl Stage {
    fn next(&self) -> Act {
        self.acts.lock().unwrap().pop_front().unwrap_or(Act::Reply)
    }

    /// Whether this is next, which then is not any more.
    fn is_next(&self, act: Act) -> bool {
        let mut acts = self.acts.lock().unwrap();
        let is_next = acts.front() == Some(&act);
        if is_next {
            acts.pop_front();
        }
        is_next
    }
}

impl Server {
    pub(crate) async fn start(acts: impl IntoIterator<Item = Act>) -> Self {
        Self::with(acts, 1, 0).await
    }

    /// With answers to so many at once only, and so many streams a connection.
    pub(crate) async fn with(acts: impl IntoIterator<Item = Act>, together: usize, streams: u32) -> Self {
        let (given, given_up) = mpsc::unbounded_channel();
        let acts = Mutex::new(acts.into_iter().collect());
        let (heard, together) = (Arc::new(Notify::new()), Barrier::new(together));
        let stage = Arc::new(Stage { acts, together, streams, heard: heard.clone(), given_up: given });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, stage.clone()));
            }
        });
        Self { url, connections, heard, given_up }
    }

    /// Settings of a client that asks it, with up to three retries.
    pub(crate) fn settings(&self) -> ClaudeBuilder {
        bad_day::settings().base_url(&self.url).http2(true)
    }

    /// How many connections there have been.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn serve(stream: TcpStream, stage: Arc<Stage>) {
    if stage.is_next(Act::Away) {
        return away(stream).await;
    }
    let mut builder = Builder::new();
    if stage.streams > 0 {
        builder.max_concurrent_streams(stage.streams);
    }
    let Ok(mut connection) = builder.handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        let act = stage.next();
        match act {
            Act::Shut(reason) => connection.abrupt_shutdown(reason),
            Act::Last => connection.graceful_shutdown(),
            _ => {}
        }
        tokio::spawn(answer(act, request.into_body(), respond, stage.clone()));
    }
}

/// Frames of SETTINGS and of GOAWAY, whose last stream is 0: no stream was looked at.
const AWAY: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";

async fn away(mut stream: TcpStream) {
    stream.read_u8().await.unwrap();
    stream.write_all(AWAY).await.unwrap();
    // To its end: else what is unread would take the frames along.
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

async fn answer(act: Act, mut asked: RecvStream, mut respond: SendResponse<bytes::Bytes>, stage: Arc<Stage>) {
    if let Act::Shut(_) = act {
        return;
    }
    while let Some(Ok(bytes)) = asked.data().await {
        asked.flow_control().release_capacity(bytes.len()).unwrap();
    }
    stage.together.wait().await;
    if let Act::Reset(reason) = act {
        return respond.send_reset(reason);
    }
    let head = http::Response::builder().header("content-type", "text/event-stream").body(()).unwrap();
    let Ok(mut body) = respond.send_response(head, false) else { return };
    let end = if matches!(act, Act::Break(_) | Act::Hold | Act::Long) {
        HELLO.find("Hello").unwrap()
    } else {
        HELLO.len()
    };
    let end = end + HELLO[end..].find("\n\n").map_or(0, |more| more + 2);
    let _ = body.send_data(HELLO[..end].into(), matches!(act, Act::Reply | Act::Last));
    match act {
        Act::Break(reason) => {
            // Else what was said would not be sent any more.
            stage.heard.notified().await;
            body.send_reset(reason);
        }
        Act::Hold | Act::Long => {
            if act == Act::Long {
                let _ = body.send_data(": more\n\n".repeat(125_000).into(), false);
            }
            if let Ok(reason) = poll_fn(|context| body.poll_reset(context)).await {
                let _ = stage.given_up.send(reason);
            }
        }
        _ => {}
    }
}
