//! A run as the answer to a front end with `useChat`.

use std::convert::Infallible;

use agent_core::Event;
use axum::{
    http::{HeaderName, HeaderValue},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event as SseEvent, KeepAlive},
    },
};
use futures::{Stream, StreamExt, future::ready, stream};

use crate::{sse::UNBUFFERED, ui_message_chunk::UiMessageChunk, ui_messages::UiMessages};

/// The header by which the AI SDK knows the stream.
const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-vercel-ai-ui-message-stream"), HeaderValue::from_static("v1"));

/// Answers a front end with `useChat` of the npm package `ai`: the events of one run, as they come,
/// as a UI message stream. The answer ends when `events` ends. If the run has not ended by then, the
/// front end gets an error.
///
/// ```
/// use agent_core::{Agent, Event, script::{Reply, Script}};
/// use agent_web::{UiMessages, ui_message_response};
/// use axum::{Router, response::Response, routing::post};
/// use futures::channel::mpsc;
///
/// # let agent = Agent::builder("main", Script::new([Reply::text("Hi.")])).build()?;
/// let chat = move || async move {
///     let (sender, events) = mpsc::unbounded();
///     let listener = move |event: &Event| drop(sender.unbounded_send(event.clone()));
///     tokio::spawn(async move { agent.run(&mut agent.start("Hello.")).listen(listener).await });
///     ui_message_response(UiMessages::new(), events)
/// };
/// let service: Router = Router::new().route("/api/chat", post(chat));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn ui_message_response(
    messages: UiMessages,
    events: impl Stream<Item = Event> + Send + 'static,
) -> Response {
    let marked = events.map(Some).chain(stream::once(ready(None)));
    let chunks = marked.scan(messages, |messages, event| {
        ready(Some(match event {
            Some(event) => messages.chunks(&event),
            None => messages.end(),
        }))
    });
    let frames = chunks.flat_map(|chunks| stream::iter(chunks.into_iter().map(frame)));
    let done = stream::once(ready(SseEvent::default().data("[DONE]")));
    let answer = Sse::new(frames.chain(done).map(Ok::<_, Infallible>)).keep_alive(KeepAlive::default());
    ([VERSION, UNBUFFERED], answer).into_response()
}

fn frame(chunk: UiMessageChunk) -> SseEvent {
    let json = serde_json::to_string(&chunk).expect("a chunk has only texts and JSON");
    SseEvent::default().data(json)
}
