//! The server over HTTP.

use std::{
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use rmcp::{
    ServerHandler,
    transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService},
};
use tower::Service;

use super::{
    Caller, Handler,
    owners::Owners,
    sessions::{self, BoundedSessions},
};

/// The names of this machine, as they are in `Host` and `Origin`.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

const MAX_SESSIONS: usize = 1_000;

/// A server over HTTP, as a service of tower that you mount in your own program, for example with
/// [`axum::Router::route_service`](https://docs.rs/axum/latest/axum/struct.Router.html#method.route_service).
/// It speaks MCP's *streamable HTTP*: with `initialize` and sessions for clients of 2025-11-25 and
/// older, and without for those of 2026-07-28.
///
/// By default, only programs on this machine can use it. The `Host` of each request must be a name
/// of this machine, and so must its `Origin`, if it has one. So a page of somebody else can't reach
/// it by a name that it points here (DNS rebinding). [`allow_host`](Self::allow_host) allows more.
/// It does not check who calls: put a layer around it that does, and see [`Caller`](crate::Caller).
///
/// A session belongs to the `Caller` that has opened it. For others, there is no such session.
///
/// What strangers can make it keep is limited: the size of a request, the number of sessions, and
/// the number of calls ([`Serve::max_calls`](crate::Serve::max_calls)).
pub struct HttpService<H = Handler> {
    handler: H,
    config: StreamableHttpServerConfig,
    max_sessions: usize,
    service: StreamableHttpService<H, BoundedSessions>,
    owners: Owners,
}

impl<H: ServerHandler + Clone> HttpService<H> {
    /// Serves a handler of your own in this way, for example one that adds resources to a
    /// [`Handler`].
    pub fn of(handler: H) -> Self {
        let origins =
            LOOPBACK.iter().flat_map(|name| ["http", "https"].map(|scheme| format!("{scheme}://{name}:*")));
        let config = StreamableHttpServerConfig::default()
            .with_allowed_hosts(LOOPBACK)
            .with_allowed_origins(origins)
            .enforce_origin_validation();
        Self::new(handler, config, MAX_SESSIONS)
    }

    /// Also allows requests to this host, for example `agents.example.com`. Ports don't matter,
    /// unless you name one.
    pub fn allow_host(mut self, name: &str) -> Self {
        self.config.allowed_hosts.push(name.to_owned());
        Self::new(self.handler, self.config, self.max_sessions)
    }

    /// Also allows requests that pages of this origin make, for example
    /// `https://app.example.com:443`. With `:*` instead of a port, any port is allowed.
    pub fn allow_origin(mut self, origin: &str) -> Self {
        self.config.allowed_origins.push(origin.to_owned());
        Self::new(self.handler, self.config, self.max_sessions)
    }

    /// Sets how many bytes a request may have. The default is 4 MiB. A larger one is answered with
    /// status 413.
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.config.max_request_body_bytes = bytes;
        Self::new(self.handler, self.config, self.max_sessions)
    }

    /// Sets how many sessions may be open. The default is 1,000. Only clients of 2025-11-25 and
    /// older have sessions. One that is not used for 5 minutes is closed.
    pub fn max_sessions(self, sessions: usize) -> Self {
        Self::new(self.handler, self.config, sessions)
    }

    fn new(handler: H, config: StreamableHttpServerConfig, max_sessions: usize) -> Self {
        let sessions = Arc::new(BoundedSessions::new(max_sessions));
        let served = handler.clone();
        let service = StreamableHttpService::new(move || Ok(served.clone()), sessions, config.clone());
        Self { handler, config, max_sessions, service, owners: Owners::new(max_sessions) }
    }
}

impl<H: Clone> Clone for HttpService<H> {
    fn clone(&self) -> Self {
        let Self { handler, config, max_sessions, service, owners } = self;
        let (handler, config, service) = (handler.clone(), config.clone(), service.clone());
        Self { handler, config, max_sessions: *max_sessions, service, owners: owners.clone() }
    }
}

impl<H, B> Service<Request<B>> for HttpService<H>
where
    H: ServerHandler + Clone,
    B: Body + Send + 'static,
    B::Error: fmt::Display,
    B::Data: Send + 'static,
{
    type Response = Response<BoxBody<Bytes, Infallible>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (service, owners) = (self.service.clone(), self.owners.clone());
        Box::pin(async move {
            if owners.refuse(request.headers(), request.extensions()) {
                return Ok(unknown_session());
            }
            let caller = request.extensions().get::<Caller>().cloned();
            let (mut response, is_full) = sessions::telling_if_full(service.handle(request)).await;
            if is_full {
                // rmcp answers each failure to open a session with 500.
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            }
            owners.remember(response.headers(), caller);
            Ok(response)
        })
    }
}

/// As for a session that has ended: the client opens a new one.
fn unknown_session() -> Response<BoxBody<Bytes, Infallible>> {
    let mut response = Response::new(Full::from("Not Found: Session not found").boxed());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

impl<H> fmt::Debug for HttpService<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { config, max_sessions, .. } = self;
        f.debug_struct("HttpService")
            .field("hosts", &config.allowed_hosts)
            .field("origins", &config.allowed_origins)
            .field("max_sessions", max_sessions)
            .finish_non_exhaustive()
    }
}
