//! Turns a reply of the scenario into an HTTP response.

use std::time::Duration;

use agent_core::script::Reply;
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue},
};

use crate::{
    Fault,
    body_plan::BodyPlan,
    event::{Envelope, Event, Message},
    fault::Kind,
    request_log::OpenRequest,
    response::{Body, as_json, full, pause, text},
};

/// The response for a reply that is not streamed. Fails, and says why, if the fault can't happen to
/// this reply.
pub(crate) async fn unary(
    reply: &Reply,
    turn: usize,
    envelope: Envelope<'_>,
    fault: Option<&Fault>,
    open: OpenRequest,
) -> Result<Response<Body>, String> {
    let text = text(&Message::complete(envelope, &reply.response(turn)));
    let body = match fault {
        None => {
            pause(reply.duration()).await;
            full(text)
        }
        Some(Fault(Kind::Pings { .. } | Kind::Event { .. })) => {
            return Err("this fault needs a streamed reply, and the request did not ask for one".to_owned());
        }
        Some(fault) => BodyPlan::new(vec![(reply.duration(), text)]).with_fault(fault)?.body(open).await,
    };
    Ok(as_json(StatusCode::OK, body))
}

/// The response for a streamed reply. Its head is sent with the first event. Fails, and says why,
/// if the fault can't happen to this reply.
pub(crate) async fn streamed(
    reply: &Reply,
    turn: usize,
    envelope: Envelope<'_>,
    fault: Option<&Fault>,
    open: OpenRequest,
) -> Result<Response<Body>, String> {
    let mut body_plan = BodyPlan::new(events(reply, turn, envelope));
    if let Some(fault) = fault {
        body_plan = body_plan.with_fault(fault)?;
    }
    let mut response = Response::new(body_plan.body(open).await);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// The events of a reply, each as one piece with the pause before it.
fn events(reply: &Reply, turn: usize, envelope: Envelope<'_>) -> Vec<(Duration, Bytes)> {
    let deltas = reply.deltas(turn);
    let mut text = Vec::with_capacity(128 * deltas.len());
    let mut ends = Vec::with_capacity(deltas.len() + 2);
    for (pause, delta) in &deltas {
        let mut pause = *pause;
        for event in Event::of(delta, envelope) {
            event.write(&mut text);
            ends.push((std::mem::take(&mut pause), text.len()));
        }
    }
    let text = Bytes::from(text);
    let mut start = 0;
    let slice = |(pause, end)| (pause, text.slice(std::mem::replace(&mut start, end)..end));
    ends.into_iter().map(slice).collect()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use agent_core::Usage;
    use http_body_util::BodyExt;
    use serde_json::json;
    use tokio::time::Instant;

    use super::*;
    use crate::request_log::RequestLog;

    const ENVELOPE: Envelope<'static> = Envelope { id: "msg_1", model: "m", stop_sequence: None };

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
        let mut body =
            streamed(reply, 0, ENVELOPE, None, RequestLog::default().open()).await.unwrap().into_body();
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
        unary(&slow(), 0, ENVELOPE, None, RequestLog::default().open()).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::from_millis(1230));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_without_pauses_takes_no_time() {
        let begun = Instant::now();
        seen(&reply()).await;
        unary(&reply(), 0, ENVELOPE, None, RequestLog::default().open()).await.unwrap();
        assert!(begun.elapsed().is_zero());
    }
}
