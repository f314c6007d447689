//! Serving the services over HTTP/2.

use std::{convert::Infallible, time::Duration};

use futures::future::ready;
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use restate_sdk::endpoint::{Endpoint, HandleOptions, ProtocolMode, ResponseBody};
use tokio::{net::TcpListener, task::JoinSet, time::sleep};

use crate::held::{Held, Polled, Steps};

/// How long to wait when there is no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(50);

/// Serves until it is dropped. Not by the SDK's own server: that one lets each small answer wait for the acknowledgement of
/// the last, which takes 40 ms a step.
pub(crate) async fn serve(endpoint: Endpoint, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(NO_ROOM).await;
            continue;
        };
        // It would only be slower.
        let _ = stream.set_nodelay(true);
        let served = http2::Builder::new(TokioExecutor::new());
        let endpoint = endpoint.clone();
        let service = service_fn(move |request| ready(Ok::<_, Infallible>(handle(&endpoint, request))));
        connections.spawn(served.serve_connection(TokioIo::new(stream), service));
        while connections.try_join_next().is_some() {}
    }
}

fn handle(endpoint: &Endpoint, request: Request<Incoming>) -> Response<Polled<ResponseBody>> {
    let steps = Steps::default();
    let request = request.map(|body| Held::new(body, steps.clone()));
    let options = HandleOptions { protocol_mode: ProtocolMode::BidiStream };
    endpoint.handle_with_options(request, options).map(|body| Polled::new(body, steps))
}
