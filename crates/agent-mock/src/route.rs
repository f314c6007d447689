//! Routes requests by method and path.

use std::{borrow::Cow, io, sync::Arc};

use agent_core::script::Reply;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming as RequestBody,
    header::{ALLOW, HeaderValue},
};
use serde_json::{Value, json};

use crate::{
    Fault, RecordedRequest, Refusal,
    answer::{streamed, unary},
    check::{Rules, check_length, check_with},
    event::Envelope,
    fault::Kind,
    rate_limit::Bucket,
    request_log::OpenRequest,
    response::{Body, ConnectionCut, json, pause, refusal_response},
    server_state::ServerState,
};

/// The largest request that the API accepts, in bytes.
const MAX_REQUEST_BYTES: usize = 32 << 20;

const VERSION: &str = "anthropic-version";

/// Answers one request. Errors in it are answers too. Fails only if a fault says that there is no
/// answer.
pub(crate) async fn route(
    state: &ServerState,
    request: Request<RequestBody>,
) -> Result<Response<Body>, ConnectionCut> {
    let number = state.log.number();
    let request_id = request_id(number);
    let path = request.uri().path();
    let mut limits = HeaderMap::new();
    let answer = match (request.method(), path) {
        (&Method::POST, "/v1/messages") => {
            let open = state.log.open();
            let (headers, taken) =
                state.bucket.as_ref().map_or_else(|| (HeaderMap::new(), Ok(())), Bucket::take);
            limits = headers;
            match taken {
                Ok(()) => match reply(state, request, number, open).await {
                    Err(NoReply::HungUp) => return Err(ConnectionCut),
                    Err(NoReply::Refused(refusal)) => Err(refusal),
                    Ok(reply) => Ok(reply),
                },
                Err(refusal) => Err(refuse_over_limit(request, refusal).await),
            }
        }
        (&Method::POST, "/v1/messages/count_tokens") => count_tokens(request).await,
        (_, "/v1/messages" | "/v1/messages/count_tokens") => {
            Err(Refusal::new(405, "invalid_request_error", "Method Not Allowed"))
        }
        _ => Err(Refusal::new(404, "not_found_error", format!("Not found: {path}"))),
    };
    let mut response = answer.unwrap_or_else(|refusal| refusal_response(&refusal, &request_id));
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    let request_id = HeaderValue::from_str(&request_id).expect("it is ASCII");
    response.headers_mut().entry("request-id").or_insert(request_id);
    response.headers_mut().extend(limits);
    Ok(response)
}

/// Reads the body of a request over the limit and ignores it. The connection then stays usable.
async fn refuse_over_limit(request: Request<RequestBody>, refusal: Refusal) -> Refusal {
    let _ = Limited::new(request.into_body(), MAX_REQUEST_BYTES).collect().await;
    refusal
}

/// Why there is no reply.
enum NoReply {
    Refused(Refusal),
    HungUp,
}

impl<R: Into<Refusal>> From<R> for NoReply {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal.into())
    }
}

/// The reply of the scenario, if the API would accept the request.
async fn reply(
    state: &ServerState,
    request: Request<RequestBody>,
    number: usize,
    open: OpenRequest,
) -> Result<Response<Body>, NoReply> {
    let (headers, text, body) = read(request).await?;
    if let Some(folder) = &state.folder {
        folder.write(&text).map_err(not_recorded)?;
    }
    let body = state.threads.resume(body)?;
    let attempt = state.log.attempt(&attempt_key(&text, &body));
    let agent = state.scenario.recognise(&body);
    let rules = Rules { counting: false, old: is_old(&headers) };
    let incoming = Arc::new(RecordedRequest::new(headers, text, body, agent, attempt));
    state.log.keep(incoming.clone());
    check_with(&incoming.body, rules)?;
    state.scenario.context.map_or(Ok(()), |most| check_length(&incoming.body, most))?;
    let fault = state.scenario.fault_for(&incoming);
    match fault.map(|fault| &fault.0) {
        Some(Kind::HangUp) => return Err(NoReply::HungUp),
        Some(Kind::Answer(answer)) => {
            return Ok(answer.response(&request_id(number)).map_err(Refusal::of_script)?);
        }
        _ => {}
    }
    let reply = state.scenario.reply(&incoming);
    if let Some(error) = &reply.error {
        pause(reply.latency).await;
        return Err(error.into());
    }
    let id = format!("msg_mock_{number}");
    state.threads.hold(&id, &incoming.body, &reply, incoming.turn);
    let said = respond(&reply, &incoming, &id, fault, open).await;
    Ok(said.map_err(|why| Refusal::of_script(format!("turn {}: {why}", incoming.turn)))?)
}

/// What two attempts of the same request have in common: the body, or in a thread the full history,
/// however much of it is sent.
fn attempt_key<'a>(text: &'a str, body: &Value) -> Cow<'a, str> {
    match body["thread"].is_object() {
        true => json!([body["system"], body["tools"], body["messages"]]).to_string().into(),
        false => text.into(),
    }
}

fn request_id(number: usize) -> String {
    format!("req_mock_{number}")
}

/// A request that could not be recorded is not answered, so that nobody misses it later. Retrying
/// does not help.
fn not_recorded(error: io::Error) -> Refusal {
    Refusal::of_script(error.to_string())
}

async fn respond(
    reply: &Reply,
    RecordedRequest { body, turn, .. }: &RecordedRequest,
    id: &str,
    fault: Option<&Fault>,
    open: OpenRequest,
) -> Result<Response<Body>, String> {
    let model = body["model"].as_str().expect("a checked request names a model");
    let envelope = Envelope { id, model, stop_sequence: body["stop_sequences"][0].as_str() };
    match body["stream"] == true {
        true => streamed(reply, *turn, envelope, fault, open).await,
        false => unary(reply, *turn, envelope, fault, open).await,
    }
}

/// Answers a request to count tokens. It is an estimate: four bytes of the request are one token.
async fn count_tokens(request: Request<RequestBody>) -> Result<Response<Body>, Refusal> {
    let (headers, text, body) = read(request).await?;
    check_with(&body, Rules { counting: true, old: is_old(&headers) })?;
    Ok(json(StatusCode::OK, &json!({"input_tokens": text.len().div_ceil(4)})))
}

/// Reads a request: its headers, its body as text and as JSON. Fails without a key, a version or a
/// JSON body.
async fn read(request: Request<RequestBody>) -> Result<(HeaderMap, String, Value), Refusal> {
    let (head, body) = request.into_parts();
    check_headers(&head.headers)?;
    let body = Limited::new(body, MAX_REQUEST_BYTES).collect().await.map_err(|error| match error
        .downcast_ref::<LengthLimitError>(
    ) {
        Some(_) => Refusal::new(413, "request_too_large", "Request exceeds the maximum size"),
        None => Refusal::invalid(format!("The request body could not be read: {error}")),
    })?;
    let not_json = |error: String| Refusal::invalid(format!("The request body is not valid JSON: {error}"));
    let text = String::from_utf8(body.to_bytes().into()).map_err(|error| not_json(error.to_string()))?;
    let value = serde_json::from_str(&text).map_err(|error| not_json(error.to_string()))?;
    Ok((head.headers, text, value))
}

/// Requires a key, in one of its two headers, and a version.
fn check_headers(headers: &HeaderMap) -> Result<(), Refusal> {
    let header = |name: &str| headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
    let token = header("authorization").strip_prefix(b"Bearer ").unwrap_or_default();
    if header("x-api-key").is_empty() && token.is_empty() {
        return Err(Refusal::new(401, "authentication_error", "x-api-key header is required"));
    }
    if header(VERSION).is_empty() {
        return Err(Refusal::invalid("anthropic-version: header is required"));
    }
    Ok(())
}

/// Whether the version is older than `2026-10-21`. Old versions accept sampling parameters and
/// more.
fn is_old(headers: &HeaderMap) -> bool {
    headers.get(VERSION).is_some_and(|version| version.as_bytes().starts_with(b"2023-"))
}
