//! Serving the services over HTTP/2.

use std::time::Duration;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use restate_sdk::{endpoint::Endpoint, hyper::HyperEndpoint};
use tokio::{net::TcpListener, task::JoinSet, time::sleep};

/// How long to wait when there is no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(50);

/// Serves until it is dropped. Not by the SDK's own server: that one lets each small answer wait for the acknowledgement of
/// the last, which takes 40 ms a step.
pub(crate) async fn serve(endpoint: Endpoint, listener: TcpListener) {
    let endpoint = HyperEndpoint::new(endpoint);
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(NO_ROOM).await;
            continue;
        };
        // It would only be slower.
        let _ = stream.set_nodelay(true);
        let served = http2::Builder::new(TokioExecutor::new());
        connections.spawn(served.serve_connection(TokioIo::new(stream), endpoint.clone()));
        while connections.try_join_next().is_some() {}
    }
}
