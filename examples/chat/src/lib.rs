//! A chat server: one page, conversations in memory, and replies that stream to the page by
//! server-sent events. `cargo run -p chat` starts the server with a scripted model; with an API key
//! in `ANTHROPIC_API_KEY`, Claude answers.
//!
//! # A page that goes away
//!
//! A run belongs to its conversation and not to a connection. So if a page is closed in the middle
//! of a reply, the run goes on (it is *detached*). The page that is opened next shows the
//! conversation with all that was said since. The button "Stop" cancels the run. If your run should
//! stop when its page is closed, let the stream of events own the run: dropping the run cancels it.
//!
//! # What it keeps
//!
//! All conversations are in memory, and are lost when the process ends. `agent-journal` saves
//! conversations and runs on disk (docs/guide/09-sessions-and-approvals.md). Everybody who knows
//! the address of a conversation can read and write it: add a login before you let others in.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod frame;
mod session;

/// A chapter of the guide, so that its program is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/12-streaming.md")]
mod guide {}

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agent_core::Agent;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{Html, Redirect, Sse, sse},
    routing::{get, post},
};
use futures::{Stream, StreamExt};
use serde::Deserialize;
use session::Session;
use uuid::Uuid;

/// Makes the server, in which this agent answers. If the agent sends work to other agents, use a
/// `Team` instead.
pub fn chat(agent: Agent) -> Router {
    Router::new()
        .route("/", get(start))
        .route("/chat/{id}", get(page))
        .route("/chat/{id}/events", get(events))
        .route("/chat/{id}/messages", post(say))
        .route("/chat/{id}/stop", post(stop))
        .with_state(Chat { agent, sessions: Arc::default() })
}

#[derive(Clone)]
struct Chat {
    agent: Agent,
    /// By their ids, which cannot be guessed: who knows one may read and write.
    sessions: Arc<Mutex<HashMap<Uuid, Arc<Session>>>>,
}

/// What the page reads when a request can't be carried out.
type Refusal = (StatusCode, &'static str);

impl Chat {
    fn sessions(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session(&self, id: Uuid) -> Result<Arc<Session>, Refusal> {
        let gone = "This conversation is gone, since the server was started anew. Begin a new one.";
        self.sessions().get(&id).cloned().ok_or((StatusCode::NOT_FOUND, gone))
    }
}

/// A new conversation has an address of its own, which a reload or a bookmark comes back to.
async fn start(State(chat): State<Chat>) -> Redirect {
    let id = Uuid::new_v4();
    chat.sessions().insert(id, Arc::new(Session::new(chat.agent.name(), id)));
    Redirect::to(&format!("/chat/{id}"))
}

/// The page reads by itself whether its conversation is gone, and says so.
async fn page(State(chat): State<Chat>, Path(id): Path<Uuid>) -> (StatusCode, Html<&'static str>) {
    let status = chat.session(id).map_or(StatusCode::NOT_FOUND, |_| StatusCode::OK);
    (status, Html(include_str!("page.html")))
}

/// All that the conversation showed, from the beginning, and then what it shows, as it comes. A
/// browser that was cut off says in a header what it has already.
async fn events(
    State(chat): State<Chat>,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>, Refusal> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse::<usize>().ok());
    let first = last.map_or(0, |last| last.saturating_add(1));
    let frames = chat.session(id)?.frames(first).map(|(number, frame)| {
        let event = sse::Event::default().id(number.to_string()).event(frame.name);
        Ok(event.data(frame.data.to_string()))
    });
    Ok(Sse::new(frames).keep_alive(sse::KeepAlive::default()))
}

#[derive(Deserialize)]
struct Said {
    text: String,
}

/// The answer comes by [`events`]. As JSON, since a page of somebody else can't send that here.
async fn say(
    State(chat): State<Chat>,
    Path(id): Path<Uuid>,
    Json(said): Json<Said>,
) -> Result<StatusCode, Refusal> {
    if said.text.trim().is_empty() {
        return Err((StatusCode::UNPROCESSABLE_ENTITY, "Write something first."));
    }
    match chat.session(id)?.say(&chat.agent, said.text) {
        true => Ok(StatusCode::ACCEPTED),
        false => Err((StatusCode::CONFLICT, "The agent still answers. Wait for it, or stop it first.")),
    }
}

async fn stop(State(chat): State<Chat>, Path(id): Path<Uuid>) -> Result<StatusCode, Refusal> {
    chat.session(id)?.stop();
    Ok(StatusCode::NO_CONTENT)
}
