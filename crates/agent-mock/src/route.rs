//! Routes requests by method and path.

use std::sync::Arc;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming as RequestBody,
    header::{ALLOW, HeaderName, HeaderValue},
};
use serde_json::Value;

use crate::{
    RecordedRequest, Refusal,
    answer::{streamed, unary},
    fault::Kind,
    messages::{Anthropic, count_tokens},
    openai::{OpenAi, models},
    rate_limit::Bucket,
    request_log::OpenRequest,
    response::{Body, ConnectionCut, json, pause, refusal_response},
    server_state::ServerState,
    vendor::Vendor,
    wire::{Said, Wire},
};

/// The largest request that the server accepts, in bytes.
const MAX_REQUEST_BYTES: usize = 32 << 20;

const COUNT_TOKENS: &str = "/v1/messages/count_tokens";
const MODELS: &str = "/v1/models";

/// Answers one request. Errors in it are answers too. Fails only if a fault says that there is no
/// answer.
pub(crate) async fn route(
    state: &ServerState,
    request: Request<RequestBody>,
) -> Result<Response<Body>, ConnectionCut> {
    let number = state.log.number();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let wire = state.wire(&path);
    // OpenAI's clients often get a base URL without its end.
    let misplaced = state.wire(&format!("/v1{path}"));
    let vendor: &dyn Vendor = match wire.or(misplaced) {
        Some(wire) => wire.vendor(),
        None if path == MODELS => &OpenAi,
        None => &Anthropic,
    };
    let answer = match (wire, method, path.as_str()) {
        (Some(wire), Method::POST, _) => return reply_within_limit(state, wire, request, number).await,
        (None, Method::POST, COUNT_TOKENS) => tokens(request).await,
        (None, Method::GET, MODELS) => {
            OpenAi.check_headers(request.headers()).map(|()| json(StatusCode::OK, &models()))
        }
        (Some(_), ..) | (None, _, COUNT_TOKENS | MODELS) => Err(vendor.usual_error(405)),
        _ => {
            let hint = misplaced.map_or("", |_| ". The base URL of the client must end with /v1");
            Err(vendor.error_of_status(404, format!("Not found: {path}{hint}")))
        }
    };
    let mut response = finished(answer, vendor, number);
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let allowed = if path == MODELS { "GET" } else { "POST" };
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    }
    Ok(response)
}

/// The response with this answer, and with the id of the request.
fn finished(answer: Result<Response<Body>, Refusal>, vendor: &dyn Vendor, number: usize) -> Response<Body> {
    let id = request_id(number);
    let mut response = answer.unwrap_or_else(|refusal| refusal_response(vendor, &refusal, &id));
    let name = HeaderName::from_static(vendor.request_id_header());
    let id = HeaderValue::from_str(&id).expect("it is ASCII");
    response.headers_mut().entry(name).or_insert(id);
    response
}

fn request_id(number: usize) -> String {
    format!("req_mock_{number}")
}

/// The reply, unless the request is over the rate limit.
async fn reply_within_limit(
    state: &ServerState,
    wire: &dyn Wire,
    request: Request<RequestBody>,
    number: usize,
) -> Result<Response<Body>, ConnectionCut> {
    let (open, vendor) = (state.log.open(), wire.vendor());
    let taken = state.bucket.as_ref().map(Bucket::take);
    let answer = match taken.as_ref().and_then(|taken| Some((taken.limits, taken.wait?))) {
        Some((limits, wait)) => {
            // The connection stays usable if the body is read, even if it is ignored.
            let _ = Limited::new(request.into_body(), MAX_REQUEST_BYTES).collect().await;
            Err(vendor.over_limit(limits, wait))
        }
        None => match reply(state, wire, request, number, open).await {
            Err(NoReply::HungUp) => return Err(ConnectionCut),
            Err(NoReply::Refused(refusal)) => Err(*refusal),
            Ok(reply) => Ok(reply),
        },
    };
    let mut response = finished(answer, vendor, number);
    if let Some(taken) = taken.filter(|taken| taken.shown) {
        response.headers_mut().extend(vendor.limit_headers(taken.limits));
    }
    Ok(response)
}

/// Why there is no reply.
enum NoReply {
    Refused(Box<Refusal>),
    HungUp,
}

impl From<Refusal> for NoReply {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}

/// The reply of the scenario, if the API would accept the request.
async fn reply(
    state: &ServerState,
    wire: &dyn Wire,
    request: Request<RequestBody>,
    number: usize,
    open: OpenRequest,
) -> Result<Response<Body>, NoReply> {
    let vendor = wire.vendor();
    let (headers, text, body) = read(request, vendor).await?;
    if let Some(folder) = &state.folder {
        // A request that could not be recorded is not answered, so that nobody misses it later.
        // Retrying does not help.
        folder.write(&text).map_err(|error| vendor.mistake(error.to_string()))?;
    }
    let body = wire.complete(body)?;
    let attempt = state.log.attempt(&wire.attempt_key(&text, &body));
    let reading = wire.read(&body);
    let agent = state.scenario.recognise(&reading.system);
    let verdict = wire.check(&headers, &body);
    let incoming = Arc::new(RecordedRequest::new(headers, text, body, reading, agent, attempt));
    state.log.keep(incoming.clone());
    verdict?;
    state.scenario.context.map_or(Ok(()), |most| wire.check_length(&incoming.body, most))?;
    respond(state, wire, &incoming, number, open).await
}

/// What the scenario says to a request that is valid.
async fn respond(
    state: &ServerState,
    wire: &dyn Wire,
    incoming: &RecordedRequest,
    number: usize,
    open: OpenRequest,
) -> Result<Response<Body>, NoReply> {
    let vendor = wire.vendor();
    let fault = state.scenario.fault_for(incoming);
    match fault.map(|fault| &fault.0) {
        Some(Kind::HangUp) => return Err(NoReply::HungUp),
        Some(Kind::Answer(answer)) => {
            let answer = answer.response(vendor, &request_id(number));
            return Ok(answer.map_err(|why| vendor.mistake(why))?);
        }
        _ => {}
    }
    let reply = state.scenario.reply(incoming);
    if let Some(error) = &reply.error {
        pause(reply.latency).await;
        return Err(vendor.scripted_error(error).into());
    }
    let said = Said { reply: &reply, number, request: incoming };
    wire.keep(said);
    let response = match incoming.reading.streaming {
        true => streamed(wire, said, fault, open).await,
        false => unary(wire, said, fault, open).await,
    };
    Ok(response.map_err(|why| vendor.mistake(format!("turn {}: {why}", incoming.turn)))?)
}

/// Answers a request to count tokens.
async fn tokens(request: Request<RequestBody>) -> Result<Response<Body>, Refusal> {
    let (headers, text, body) = read(request, &Anthropic).await?;
    Ok(json(StatusCode::OK, &count_tokens(&headers, &text, &body)?))
}

/// Reads a request: its headers, its body as text and as JSON. Fails without the headers that the
/// API needs, or without a JSON body.
async fn read(
    request: Request<RequestBody>,
    vendor: &dyn Vendor,
) -> Result<(HeaderMap, String, Value), Refusal> {
    let (head, body) = request.into_parts();
    vendor.check_headers(&head.headers)?;
    let body = Limited::new(body, MAX_REQUEST_BYTES).collect().await.map_err(|error| match error
        .downcast_ref::<LengthLimitError>(
    ) {
        Some(_) => vendor.error_of_status(413, "Request exceeds the maximum size".to_owned()),
        None => vendor.error_of_status(400, format!("The request body could not be read: {error}")),
    })?;
    let not_json = |error: &dyn std::fmt::Display| vendor.not_json(&error.to_string());
    let text = String::from_utf8(body.to_bytes().into()).map_err(|error| not_json(&error))?;
    let value = serde_json::from_str(&text).map_err(|error| not_json(&error))?;
    Ok((head.headers, text, value))
}
