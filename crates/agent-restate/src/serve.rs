//! Serves the services over HTTP/2.

use std::{convert::Infallible, time::Duration};

use futures::future::ready;
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use restate_sdk::endpoint::{Endpoint, HandleOptions, ProtocolMode, ResponseBody};
use tokio::{net::TcpListener, task::JoinSet, time::sleep};

use crate::step_counter::{CountingBody, RequestBody, Steps};

/// How long to wait if no more connections can be opened.
const NO_ROOM: Duration = Duration::from_millis(50);

/// Serves until it is dropped. The server of the SDK is not used: it delays each small response
/// until the previous one is acknowledged, which takes 40 ms for each step.
pub(crate) async fn serve(endpoint: Endpoint, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(NO_ROOM).await;
            continue;
        };
        // If this fails, responses are only slower.
        let _ = stream.set_nodelay(true);
        let served = http2::Builder::new(TokioExecutor::new());
        let endpoint = endpoint.clone();
        let service = service_fn(move |request| ready(Ok::<_, Infallible>(handle(&endpoint, request))));
        connections.spawn(served.serve_connection(TokioIo::new(stream), service));
        while connections.try_join_next().is_some() {}
    }
}

fn handle(endpoint: &Endpoint, request: Request<Incoming>) -> Response<CountingBody<ResponseBody>> {
    let steps = Steps::default();
    let request = request.map(|body| RequestBody::new(body, steps.clone()));
    let options = HandleOptions { protocol_mode: ProtocolMode::BidiStream };
    endpoint.handle_with_options(request, options).map(|body| CountingBody::new(body, steps))
}
