//! Events as server-sent events.

use std::{convert::Infallible, time::Duration};

use agent_core::sessions::{SessionEvent, SessionsError};
use axum::{
    extract::FromRequestParts,
    http::{HeaderName, HeaderValue, request::Parts},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures::{Stream, StreamExt, stream};
use serde_json::json;
use tokio::{sync::mpsc, time::timeout};

use crate::json::ms;

/// The offset of the last event that a browser has, or 0. It is an extractor for handlers of axum: a
/// browser that was cut off sends it in the header `Last-Event-ID` when it comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastEventId(pub u64);

impl LastEventId {
    /// The offset, or 0 if it is after the newest event. Then the browser has events of something
    /// else: of an earlier process, or of a session that was deleted and had the same id. It would
    /// wait in vain for a later one.
    pub(crate) fn within(self, newest: u64) -> u64 {
        if self.0 <= newest { self.0 } else { 0 }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let last = parts.headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
        Ok(Self(last.unwrap_or_default()))
    }
}

/// Servers in front, such as nginx, send each event at once, instead of when they have many.
pub(crate) const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// How many events may wait for a reader.
const BUFFER: usize = 64;

/// How long a reader may take for one event when the buffer is full.
const PATIENCE: Duration = Duration::from_secs(30);

/// How soon a browser comes back when its connection has ended.
const RETRY: Duration = Duration::from_millis(500);

/// Answers with events as they come, as server-sent events. Call it in a handler of axum, with the
/// events after the [`LastEventId`] of the request: from
/// [`LiveEvents::after`](crate::LiveEvents::after), or from
/// [`Sessions::events`](agent_core::sessions::Sessions::events).
///
/// Each has the event's offset as its `id`, and as its `data` the JSON `{"offset": 7,
/// "run_began_ms": …, "event": {…}}`, where `event` is an [`Event`](agent_core::Event). If the events
/// end with an error, the last one is named `error` and has `{"error": "…"}`.
///
/// At most 64 events wait for a reader. One that takes none of them for 30 s is dropped. A browser
/// comes back by itself, and goes on after the last event that it has. Call this inside a tokio
/// runtime.
pub fn sse(events: impl Stream<Item = Result<SessionEvent, SessionsError>> + Send + 'static) -> Response {
    answer(events, PATIENCE)
}

pub(crate) fn answer(
    events: impl Stream<Item = Result<SessionEvent, SessionsError>> + Send + 'static,
    patience: Duration,
) -> Response {
    let (sender, receiver) = mpsc::channel(BUFFER);
    tokio::spawn(send(events, sender, patience));
    let frames =
        stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    let first = stream::iter([Event::default().retry(RETRY)]);
    let answer = Sse::new(first.chain(frames).map(Ok::<_, Infallible>)).keep_alive(KeepAlive::default());
    ([UNBUFFERED], answer).into_response()
}

/// Sends events to a connection until it is closed, or its reader takes none for too long. When this
/// ends, the answer ends after what is in the buffer.
async fn send(
    events: impl Stream<Item = Result<SessionEvent, SessionsError>>,
    sender: mpsc::Sender<Event>,
    patience: Duration,
) {
    let mut events = Box::pin(events);
    loop {
        let next = tokio::select! {
            next = events.next() => next,
            () = sender.closed() => return,
        };
        let Some(event) = next else { return };
        if !matches!(timeout(patience, sender.send(frame(event))).await, Ok(Ok(()))) {
            return;
        }
    }
}

fn frame(event: Result<SessionEvent, SessionsError>) -> Event {
    match event {
        Ok(SessionEvent { offset, run_began, event }) => {
            let data = json!({"offset": offset, "run_began_ms": ms(run_began), "event": event});
            Event::default().id(offset.to_string()).data(data.to_string())
        }
        Err(error) => Event::default().event("error").data(json!({"error": error.to_string()}).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Write},
        net::{SocketAddr, TcpStream},
        sync::{Arc, Mutex},
        time::SystemTime,
    };

    use axum::{Router, routing::get};
    use futures::future::Either;
    use tokio::{net::TcpListener, sync::oneshot};

    use super::*;

    /// How many events there are. Together they are more than sockets hold.
    const EVENTS: u64 = 1_000;

    fn event(offset: u64) -> SessionEvent {
        let event = serde_json::from_value(json!({
            "at_ms": 0, "conversation": "s", "depth": 0, "agent": "main",
            "kind": {"kind": "transferred", "value": {"from": "x".repeat(65_000)}},
        }));
        SessionEvent { offset, run_began: SystemTime::UNIX_EPOCH, event: event.unwrap() }
    }

    /// Says when it is dropped, with how many events it has given.
    struct Told(Option<oneshot::Sender<()>>);

    impl Drop for Told {
        fn drop(&mut self) {
            if let Some(told) = self.0.take() {
                let _ = told.send(());
            }
        }
    }

    /// Serves the events. Returns the address, and what says that the first reader was dropped.
    async fn serve() -> (SocketAddr, oneshot::Receiver<()>) {
        let (told, dropped) = oneshot::channel();
        let told = Arc::new(Mutex::new(Some(Told(Some(told)))));
        let handler = move |LastEventId(last): LastEventId| async move {
            let told = told.lock().unwrap().take();
            let events = stream::iter(last + 1..=EVENTS).map(event).map(Ok);
            // Only the first reader has little time.
            let (events, patience) = match told {
                Some(told) => (Either::Left(events.inspect(move |_| _ = &told)), Duration::from_millis(300)),
                None => (Either::Right(events), PATIENCE),
            };
            answer(events, patience)
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().route("/", get(handler));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (address, dropped)
    }

    fn connect(address: SocketAddr, last: u64) -> TcpStream {
        let mut connection = TcpStream::connect(address).unwrap();
        write!(connection, "GET / HTTP/1.1\r\nhost: localhost\r\nlast-event-id: {last}\r\n\r\n").unwrap();
        connection
    }

    /// The ids of the events that came whole, until the connection or the events end.
    fn ids(connection: TcpStream) -> Vec<u64> {
        let (mut ids, mut id) = (Vec::new(), None);
        for line in BufReader::new(connection).lines() {
            let line = line.unwrap();
            match line.strip_prefix("id: ") {
                Some(found) => id = Some(found.parse::<u64>().unwrap()),
                None if line.is_empty() => ids.extend(id.take()),
                None => {}
            }
            if line == "0" || ids.last() == Some(&EVENTS) {
                break;
            }
        }
        ids
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reader_that_is_too_slow_is_dropped_and_comes_back_without_a_gap() {
        let (address, dropped) = serve().await;
        let slow = connect(address, 0);
        // It reads nothing: it is dropped, and nobody waits for it.
        dropped.await.unwrap();
        let (first, rest) = tokio::task::spawn_blocking(move || {
            let first = ids(slow);
            let last = *first.last().unwrap();
            (first, ids(connect(address, last)))
        })
        .await
        .unwrap();
        assert!((first.len() as u64) < EVENTS, "it got all");
        assert!(first.into_iter().chain(rest).eq(1..=EVENTS), "an event is missing or came twice");
    }
}
