//! The routes.

use std::sync::Arc;

use agent_core::sessions::{Decision, Sessions};
use axum::{
    Json, Router,
    extract::{FromRef, State},
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Access, LastEventId, access, json as shapes, page,
    refusal::{self, Body, Id, Refusal},
    sse,
    timelines::Timelines,
};

/// What the handlers use.
#[derive(Clone)]
struct Shared {
    sessions: Arc<dyn Sessions>,
    timelines: Timelines,
}

impl FromRef<Shared> for Arc<dyn Sessions> {
    fn from_ref(shared: &Shared) -> Self {
        shared.sessions.clone()
    }
}

type Place = State<Arc<dyn Sessions>>;

/// Makes the routes for a place of sessions, such as a journal. Serve them by themselves, or mount
/// them in your own service: `app.nest_service("/agents", router(sessions, &access))`. Then the page
/// is at `/agents` and at `/agents/`. With [`Router::nest`] it is only at `/agents`, and `/agents/`
/// is not found.
///
/// | route | |
/// |---|---|
/// | `GET /` | the page |
/// | `GET /sessions` | the list of sessions, as JSON |
/// | `GET /sessions/{id}` | a session and what was said in it, as JSON |
/// | `GET /sessions/{id}/events` | its events as [`sse`] |
/// | `GET /sessions/{id}/timeline` | its timeline as a page; with `/model` at the end, as the JSON of [`agent_timeline`] |
/// | `POST /sessions/{id}/decisions` | approves or denies a call that waits: `{"key": "s/call_1", "approve": true}`, or `false` with a `reason` that the model reads |
/// | `POST /sessions/{id}/cancel` | cancels its run |
/// | `POST /sessions/{id}/fork` | copies it: `{"id": "new", "turns": 2}`; without `turns`, all of it |
///
/// Errors are `{"error": "…"}`, and plain text for a browser that opens an address. [`Access`] says
/// who may ask.
pub fn router(sessions: Arc<dyn Sessions>, access: &Access) -> Router {
    Router::new()
        .route("/", get(page::page))
        .route("/sessions", get(list))
        .route("/sessions/{id}", get(session))
        .route("/sessions/{id}/events", get(events))
        .route("/sessions/{id}/timeline", get(page::timeline))
        .route("/sessions/{id}/timeline/model", get(model))
        .route("/sessions/{id}/decisions", post(decide))
        .route("/sessions/{id}/cancel", post(cancel))
        .route("/sessions/{id}/fork", post(fork))
        .fallback(async || refusal::said(StatusCode::NOT_FOUND, "there is no such address here"))
        .method_not_allowed_fallback(async || {
            refusal::said(StatusCode::METHOD_NOT_ALLOWED, "this address can't be asked with this method")
        })
        .layer(middleware::from_fn_with_state(access.clone(), access::guard))
        .with_state(Shared { sessions, timelines: Timelines::default() })
}

async fn list(State(sessions): Place) -> Result<Json<Value>, Refusal> {
    let all = sessions.sessions().await?;
    Ok(Json(all.iter().map(shapes::row).collect()))
}

async fn session(State(sessions): Place, Id(id): Id) -> Result<Json<Value>, Refusal> {
    let (summary, conversation) = (sessions.session(&id).await?, sessions.conversation(&id).await?);
    let transcript = shapes::transcript(&conversation);
    Ok(Json(json!({"session": shapes::summary(&summary), "transcript": transcript})))
}

async fn events(State(sessions): Place, Id(id): Id, last: LastEventId) -> Result<Response, Refusal> {
    let after = match last.0 {
        0 => 0,
        _ => last.within(sessions.session(&id).await?.last_event),
    };
    Ok(sse(sessions.events(&id, after).await?))
}

async fn model(State(shared): State<Shared>, Id(id): Id) -> Result<impl IntoResponse, Refusal> {
    let model = shared.timelines.model(&*shared.sessions, &id).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], model))
}

#[derive(Deserialize)]
struct Decided {
    key: String,
    approve: bool,
    #[serde(default)]
    reason: String,
}

/// The key says which session it is, so the one in the address is not needed.
async fn decide(State(sessions): Place, Body(decided): Body<Decided>) -> Result<StatusCode, Refusal> {
    let decision = match decided.approve {
        true => Decision::Approve,
        false => Decision::Deny { reason: decided.reason },
    };
    sessions.decide(&decided.key, decision).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn cancel(State(sessions): Place, Id(id): Id) -> Result<StatusCode, Refusal> {
    sessions.cancel(&id).await?;
    Ok(StatusCode::ACCEPTED)
}

#[derive(Deserialize)]
struct Forked {
    id: String,
    turns: Option<usize>,
}

async fn fork(State(sessions): Place, Id(id): Id, Body(forked): Body<Forked>) -> Result<StatusCode, Refusal> {
    sessions.fork(&id, forked.turns, &forked.id).await?;
    Ok(StatusCode::CREATED)
}
