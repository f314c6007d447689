//! Turns a reply of the scenario into an HTTP response.

use hyper::{
    Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue},
};

use crate::{
    Fault,
    body_plan::BodyPlan,
    fault::Kind,
    request_log::OpenRequest,
    response::{Body, as_json, full, pause},
    wire::{Said, Wire},
};

/// The response for a reply that is not streamed. Fails, and says why, if the API has no form for
/// the reply, or if the fault can't happen to it.
pub(crate) async fn unary(
    wire: &dyn Wire,
    said: Said<'_>,
    fault: Option<&Fault>,
    open: OpenRequest,
) -> Result<Response<Body>, String> {
    let (text, duration) = (wire.unary(said)?, said.reply.duration());
    let body = match fault {
        None => {
            pause(duration).await;
            full(text)
        }
        Some(Fault(Kind::Pings { .. } | Kind::Event { .. } | Kind::ErrorEvent { .. })) => {
            return Err("this fault needs a streamed reply, and the request did not ask for one".to_owned());
        }
        Some(fault) => BodyPlan::new(vec![(duration, text)]).with_fault(fault, wire)?.body(open).await,
    };
    Ok(as_json(StatusCode::OK, body))
}

/// The response for a streamed reply. Its head is sent with the first event. Fails like [`unary`].
pub(crate) async fn streamed(
    wire: &dyn Wire,
    said: Said<'_>,
    fault: Option<&Fault>,
    open: OpenRequest,
) -> Result<Response<Body>, String> {
    let mut body_plan = BodyPlan::new(wire.events(said)?);
    if let Some(fault) = fault {
        body_plan = body_plan.with_fault(fault, wire)?;
    }
    let mut response = Response::new(body_plan.body(open).await);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use std::{fmt::Write, time::Duration};

    use agent_core::{Usage, script::Reply};
    use http_body_util::BodyExt;
    use hyper::HeaderMap;
    use serde_json::json;
    use tokio::time::Instant;

    use super::*;
    use crate::{
        RecordedRequest, messages::Messages, request_log::RequestLog, request_reading::RequestReading,
    };

    fn request() -> RecordedRequest {
        let (text, body) = (String::new(), json!({"model": "m"}));
        RecordedRequest::new(HeaderMap::new(), text, body, RequestReading::default(), None, 1)
    }

    fn reply() -> Reply {
        Reply::text("one two").and_call("f", json!({"x": 1})).usage(Usage::new(3, 4))
    }

    fn slow() -> Reply {
        let millis = Duration::from_millis;
        reply().after(millis(1000)).per_block(millis(100)).per_token(millis(10))
    }

    /// The time at which each frame came, and the name of its event.
    async fn seen(reply: &Reply) -> String {
        let begun = Instant::now();
        let (request, open) = (request(), RequestLog::default().open());
        let said = Said { reply, number: 1, request: &request };
        let mut body = streamed(&Messages::default(), said, None, open).await.unwrap().into_body();
        let mut seen = String::new();
        while let Some(Ok(frame)) = body.frame().await {
            let bytes = frame.into_data().unwrap();
            let text = std::str::from_utf8(&bytes).unwrap();
            assert!(text.ends_with("\n\n") && text.matches("\n\n").count() == 1, "one event a frame");
            let name = text.lines().next().unwrap().trim_start_matches("event: ");
            writeln!(seen, "{} {name}", begun.elapsed().as_millis()).unwrap();
        }
        seen
    }

    async fn read(reply: &Reply) {
        let said = Said { reply, number: 1, request: &request() };
        unary(&Messages::default(), said, None, RequestLog::default().open()).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn latency_blocks_and_tokens_take_their_time() {
        insta::assert_snapshot!(seen(&slow()).await, @r"
        1000 message_start
        1000 ping
        1100 content_block_start
        1110 content_block_delta
        1120 content_block_delta
        1120 content_block_stop
        1220 content_block_start
        1230 content_block_delta
        1230 content_block_stop
        1230 message_delta
        1230 message_stop
        ");
        let begun = Instant::now();
        read(&slow()).await;
        assert_eq!(begun.elapsed(), Duration::from_millis(1230));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_without_pauses_takes_no_time() {
        let begun = Instant::now();
        seen(&reply()).await;
        read(&reply()).await;
        assert!(begun.elapsed().is_zero());
    }
}
