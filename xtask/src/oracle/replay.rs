//! A server that answers with recorded streams, and what our client makes of them.

use std::{collections::BTreeMap, convert::Infallible, error::Error, fs, io, path::Path, sync::Arc};

use agent_core::{Llm, Message, Request, model::fold};
use agent_llm::{Claude, ConfigError, OpenAi, RetryPolicy};
use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::{
    Response, StatusCode,
    body::{Frame, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpListener, task::AbortHandle};

/// The API that streams were recorded of.
#[derive(Clone, Copy)]
pub(super) enum Api {
    Messages,
    Chat,
    Responses,
}

impl Api {
    /// Our client, which asks once.
    fn client(self, url: String) -> Result<Arc<dyn Llm>, ConfigError> {
        let never = RetryPolicy::never();
        let key = "no key is needed here";
        let openai = |url: String| OpenAi::builder().base_url(url).key(key).retry(never.clone());
        Ok(match self {
            Self::Messages => Arc::new(Claude::builder().base_url(url).key(key).retry(never).build()?),
            Self::Chat => Arc::new(openai(url).chat().build()?),
            Self::Responses => Arc::new(openai(url).responses().build()?),
        })
    }

    /// What an event has that says how the reply ended.
    fn ends(self) -> &'static [&'static str] {
        match self {
            Self::Messages => &["\"type\":\"message_stop\""],
            Self::Chat => &["\"finish_reason\":\""],
            Self::Responses => &["\"type\":\"response.completed\"", "\"type\":\"response.incomplete\""],
        }
    }
}

/// How a stream is sent: at once, a byte a chunk, or without the event that says how it ended, and what follows.
const WAYS: [&str; 3] = ["whole", "bytewise", "cut"];

/// Recorded streams by name. The address of one is `URL/WAY/NAME`.
type Streams = BTreeMap<String, Bytes>;

/// A running server; it stops when it is dropped.
pub(super) struct Replay {
    url: String,
    api: Api,
    streams: Arc<Streams>,
    task: AbortHandle,
}

impl Replay {
    /// Serves the streams of a folder, a file each, on a free port of 127.0.0.1.
    pub(super) async fn start(folder: &Path, api: Api) -> io::Result<Self> {
        let mut streams = Streams::new();
        for file in fs::read_dir(folder)? {
            let file = file?;
            streams.insert(file.file_name().to_string_lossy().into_owned(), fs::read(file.path())?.into());
        }
        let streams = Arc::new(streams);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let task = tokio::spawn(serve(listener, api, streams.clone())).abort_handle();
        Ok(Self { url, api, streams, task })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// What our client makes of each stream, sent each way: the reply, or the error.
    pub(super) async fn read_all(&self) -> Result<Value, Box<dyn Error>> {
        let mut replies = serde_json::Map::new();
        for name in self.streams.keys() {
            let mut ways = serde_json::Map::new();
            for way in WAYS {
                ways.insert(way.to_owned(), self.read(way, name).await?);
            }
            replies.insert(name.clone(), ways.into());
        }
        Ok(replies.into())
    }

    async fn read(&self, way: &str, name: &str) -> Result<Value, Box<dyn Error>> {
        let client = self.api.client(format!("{}/{way}/{name}", self.url))?;
        let asked = Request::new(vec![Message::user("Go on.")]);
        let reply = fold(client.stream(asked), |_| {}).await;
        Ok(match reply {
            Ok(reply) => serde_json::to_value(reply)?,
            Err(error) => serde_json::to_value(error)?,
        })
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, api: Api, streams: Arc<Streams>) {
    while let Ok((connection, _)) = listener.accept().await {
        let streams = streams.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let streams = streams.clone();
            async move {
                let path = request.uri().path().to_owned();
                // The request is read, lest the connection be closed over it.
                let _ = request.into_body().collect().await;
                Ok::<_, Infallible>(answer(&path, api, &streams))
            }
        });
        // An error is the client going away.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), service));
    }
}

fn answer(path: &str, api: Api, streams: &Streams) -> Response<BoxBody<Bytes, Infallible>> {
    let mut steps = path.split('/').skip(1);
    let chunks = match (steps.next(), steps.next().and_then(|name| streams.get(name))) {
        (Some("whole"), Some(bytes)) => vec![bytes.clone()],
        (Some("bytewise"), Some(bytes)) => (0..bytes.len()).map(|at| bytes.slice(at..=at)).collect(),
        (Some("cut"), Some(bytes)) => vec![bytes.slice(..end(bytes, api))],
        _ => Vec::new(),
    };
    let status = if chunks.is_empty() { StatusCode::NOT_FOUND } else { StatusCode::OK };
    let frames = stream::iter(chunks.into_iter().map(|chunk| Ok(Frame::data(chunk))));
    let mut response = Response::new(StreamBody::new(frames).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

/// Where the event begins that says how the reply ended.
fn end(stream: &[u8], api: Api) -> usize {
    let place = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).position(|window| window == part);
    let ends = api.ends().iter().filter_map(|end| place(stream, end.as_bytes()));
    let Some(last) = ends.min() else { return stream.len() };
    let before = stream[..last].windows(2).rposition(|window| window == b"\n\n");
    before.map_or(0, |blank| blank + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_is_sent_each_way() {
        let stop = "event: message_stop\ndata: {\"type\":\"message_stop\"}";
        let streams = Streams::from([("hi".to_owned(), Bytes::from(format!("a\n\n{stop}\n\n: b")))]);
        let check = async |path: &str, chunks: usize, expected: &str| {
            let mut body = Box::pin(answer(path, Api::Messages, &streams).into_body());
            let mut sent = Vec::new();
            while let Some(frame) = body.frame().await {
                sent.push(frame.unwrap().into_data().unwrap());
            }
            assert_eq!((sent.len(), sent.concat()), (chunks, expected.as_bytes().to_vec()), "{path}");
        };
        let all = format!("a\n\n{stop}\n\n: b");
        check("/whole/hi/v1/messages", 1, &all).await;
        check("/bytewise/hi/v1/messages", all.len(), &all).await;
        check("/cut/hi/v1/messages", 1, "a\n\n").await;
        check("/cut/ho/v1/messages", 0, "").await;
    }
}
