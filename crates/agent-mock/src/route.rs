//! Which address answers what.

use std::{borrow::Cow, io, sync::Arc};

use agent_core::script::Reply;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming as Stream,
    header::{ALLOW, HeaderValue},
};
use serde_json::{Value, json};

use crate::{
    Fault, RecordedRequest, Refusal,
    answer::{streamed, unary},
    check::{Rules, check_by, check_length},
    event::Envelope,
    fault::Kind,
    rate_limit::Bucket,
    record::Open,
    response::{Body, Cut, json, pause, refused},
    stage::Stage,
};

/// The largest request the API reads, in bytes.
const LARGEST: usize = 32 << 20;

const VERSION: &str = "anthropic-version";

/// Answers one request; whatever is wrong with it is an answer too. An error is the script's wish that there is none.
pub(crate) async fn route(stage: &Stage, request: Request<Stream>) -> Result<Response<Body>, Cut> {
    let number = stage.record.number();
    let request_id = request_id(number);
    let path = request.uri().path();
    let mut limits = HeaderMap::new();
    let answer = match (request.method(), path) {
        (&Method::POST, "/v1/messages") => {
            let open = stage.record.open();
            let (headers, taken) =
                stage.bucket.as_ref().map_or_else(|| (HeaderMap::new(), Ok(())), Bucket::take);
            limits = headers;
            match taken {
                Ok(()) => match reply(stage, request, number, open).await {
                    Err(NoReply::HungUp) => return Err(Cut),
                    Err(NoReply::Refused(refusal)) => Err(refusal),
                    Ok(reply) => Ok(reply),
                },
                Err(refusal) => Err(over(request, refusal).await),
            }
        }
        (&Method::POST, "/v1/messages/count_tokens") => count_tokens(request).await,
        (_, "/v1/messages" | "/v1/messages/count_tokens") => {
            Err(Refusal::new(405, "invalid_request_error", "Method Not Allowed"))
        }
        _ => Err(Refusal::new(404, "not_found_error", format!("Not found: {path}"))),
    };
    let mut response = answer.unwrap_or_else(|refusal| refused(&refusal, &request_id));
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    let request_id = HeaderValue::from_str(&request_id).expect("it is ASCII");
    response.headers_mut().entry("request-id").or_insert(request_id);
    response.headers_mut().extend(limits);
    Ok(response)
}

/// A request over the limit, whose body is passed over: so its connection stays in order.
async fn over(request: Request<Stream>, refusal: Refusal) -> Refusal {
    let _ = Limited::new(request.into_body(), LARGEST).collect().await;
    refusal
}

/// Why the script's reply is not said.
enum NoReply {
    Refused(Refusal),
    HungUp,
}

impl<R: Into<Refusal>> From<R> for NoReply {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal.into())
    }
}

/// What the script says, if the request is one the API takes.
async fn reply(
    stage: &Stage,
    request: Request<Stream>,
    number: usize,
    open: Open,
) -> Result<Response<Body>, NoReply> {
    let (headers, text, body) = read(request).await?;
    if let Some(folder) = &stage.folder {
        folder.write(&text).map_err(unwritten)?;
    }
    let body = stage.threads.resume(body)?;
    let attempt = stage.record.attempt(&asked(&text, &body));
    let agent = stage.plot.recognise(&body);
    let rules = Rules { counting: false, old: is_old(&headers) };
    let incoming = Arc::new(RecordedRequest::new(headers, text, body, agent, attempt));
    stage.record.keep(incoming.clone());
    check_by(&incoming.body, rules)?;
    stage.plot.context.map_or(Ok(()), |most| check_length(&incoming.body, most))?;
    let fault = stage.plot.fault_for(&incoming);
    match fault.map(|fault| &fault.0) {
        Some(Kind::HangUp) => return Err(NoReply::HungUp),
        Some(Kind::Answer(answer)) => {
            return Ok(answer.response(&request_id(number)).map_err(Refusal::of_script)?);
        }
        _ => {}
    }
    let reply = stage.plot.reply(&incoming);
    if let Some(error) = &reply.error {
        pause(reply.latency).await;
        return Err(error.into());
    }
    let id = format!("msg_mock_{number}");
    stage.threads.hold(&id, &incoming.body, &reply, incoming.turn);
    let said = say(&reply, &incoming, &id, fault, open).await;
    Ok(said.map_err(|why| Refusal::of_script(format!("turn {}: {why}", incoming.turn)))?)
}

/// What makes a request the same as another one: in a thread it is the history, however much of it is sent.
fn asked<'a>(text: &'a str, body: &Value) -> Cow<'a, str> {
    match body["thread"].is_object() {
        true => json!([body["system"], body["tools"], body["messages"]]).to_string().into(),
        false => text.into(),
    }
}

fn request_id(number: usize) -> String {
    format!("req_mock_{number}")
}

/// A request that goes unrecorded would be missed only later, so it is not answered, nor to be asked again.
fn unwritten(error: io::Error) -> Refusal {
    Refusal::of_script(error.to_string())
}

async fn say(
    reply: &Reply,
    RecordedRequest { body, turn, .. }: &RecordedRequest,
    id: &str,
    fault: Option<&Fault>,
    open: Open,
) -> Result<Response<Body>, String> {
    let model = body["model"].as_str().expect("a checked request names a model");
    let envelope = Envelope { id, model, stop_sequence: body["stop_sequences"][0].as_str() };
    match body["stream"] == true {
        true => streamed(reply, *turn, envelope, fault, open).await,
        false => unary(reply, *turn, envelope, fault, open).await,
    }
}

/// An estimate: four bytes of the request are a token.
async fn count_tokens(request: Request<Stream>) -> Result<Response<Body>, Refusal> {
    let (headers, text, body) = read(request).await?;
    check_by(&body, Rules { counting: true, old: is_old(&headers) })?;
    Ok(json(StatusCode::OK, &json!({"input_tokens": text.len().div_ceil(4)})))
}

/// Reads a request that has a key, a version and a body of JSON: its headers, its text, and that as a value.
async fn read(request: Request<Stream>) -> Result<(HeaderMap, String, Value), Refusal> {
    let (head, body) = request.into_parts();
    guard(&head.headers)?;
    let body = Limited::new(body, LARGEST).collect().await.map_err(|error| {
        match error.downcast_ref::<LengthLimitError>() {
            Some(_) => Refusal::new(413, "request_too_large", "Request exceeds the maximum size"),
            None => Refusal::invalid(format!("The request body could not be read: {error}")),
        }
    })?;
    let not_json = |error: String| Refusal::invalid(format!("The request body is not valid JSON: {error}"));
    let text = String::from_utf8(body.to_bytes().into()).map_err(|error| not_json(error.to_string()))?;
    let value = serde_json::from_str(&text).map_err(|error| not_json(error.to_string()))?;
    Ok((head.headers, text, value))
}

/// Wants a key, in either of its headers, and a version.
fn guard(headers: &HeaderMap) -> Result<(), Refusal> {
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

/// Whether the version is one of those before `2026-10-21`, which take sampling parameters and more.
fn is_old(headers: &HeaderMap) -> bool {
    headers.get(VERSION).is_some_and(|version| version.as_bytes().starts_with(b"2023-"))
}
