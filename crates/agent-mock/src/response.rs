//! HTTP responses: JSON and refusals.

use std::time::Duration;

use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use serde::Serialize;
use tokio::time::sleep;

use crate::{Refusal, vendor::Vendor};

/// The type of all response bodies.
pub(crate) type Body = UnsyncBoxBody<Bytes, ConnectionCut>;

/// The error that makes hyper close the connection, because a fault says so.
#[derive(Debug, thiserror::Error)]
#[error("a fault of the scenario closes the connection here")]
pub(crate) struct ConnectionCut;

/// The response to a request that is refused or that failed.
pub(crate) fn refusal_response(vendor: &dyn Vendor, refusal: &Refusal, request_id: &str) -> Response<Body> {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = as_json(status, full(vendor.error_body(refusal, request_id)));
    let headers = response.headers_mut();
    if let Some(wait) = refusal.retry_after {
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        headers.insert(RETRY_AFTER, millis.div_ceil(1000).into());
        if millis % 1000 != 0 {
            headers.insert("retry-after-ms", millis.into());
        }
    }
    if let Some(retry) = refusal.should_retry {
        headers.insert("x-should-retry", HeaderValue::from_static(if retry { "true" } else { "false" }));
    }
    response
}

/// A response with a JSON body.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    as_json(status, full(text(value)))
}

pub(crate) fn as_json(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(crate) fn text(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).expect("the API's JSON has string keys only").into()
}

/// A body that is sent in one piece.
pub(crate) fn full(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Waits for this long. Zero takes no timer.
pub(crate) async fn pause(pause: Duration) {
    if !pause.is_zero() {
        sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Anthropic;

    #[test]
    fn a_refusal_says_when_to_try_again() {
        let mut refusal = Refusal::new(429, "rate_limit_error", "slow down");
        (refusal.retry_after, refusal.should_retry) = (Some(Duration::from_millis(1500)), Some(true));
        let response = refusal_response(&Anthropic, &refusal, "req_1");
        let header = |name: &str| response.headers()[name].to_str().unwrap();
        assert_eq!((response.status().as_u16(), header("retry-after")), (429, "2"));
        assert_eq!((header("retry-after-ms"), header("x-should-retry")), ("1500", "true"));
    }
}
