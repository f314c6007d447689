//! How requests get to the engine.

use std::{error::Error, fmt, future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use restate_sdk::ingress::RequestExecutor;

/// Sends a request and has the whole response: for TLS, proxies or whatever else is between a program and its engine.
pub trait Transport: Send + Sync + 'static {
    /// Sends a request; an error is that there was no response.
    fn send(&self, request: Request<Bytes>) -> Sending;
}

/// A response that is on its way.
pub type Sending =
    Pin<Box<dyn Future<Output = Result<Response<Bytes>, Box<dyn Error + Send + Sync>>> + Send>>;

/// HTTP without TLS, as the engine speaks it in its own network.
pub(crate) struct Plain(Client<HttpConnector, Full<Bytes>>);

impl Plain {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self(Client::builder(TokioExecutor::new()).build(connector))
    }
}

impl Transport for Plain {
    fn send(&self, request: Request<Bytes>) -> Sending {
        let response = self.0.request(request.map(Full::new));
        Box::pin(async move {
            let (head, body) = response.await?.into_parts();
            Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
        })
    }
}

/// A transport, for the SDK.
pub(crate) struct By(pub(crate) Arc<dyn Transport>);

/// There was no response, for this reason.
#[derive(Debug)]
pub(crate) struct NoResponse(Box<dyn Error + Send + Sync>);

impl RequestExecutor for By {
    type Error = NoResponse;

    fn execute(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Bytes>, NoResponse>> + Send {
        let sending = self.0.send(request);
        async move { sending.await.map_err(NoResponse) }
    }
}

impl fmt::Display for NoResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for NoResponse {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
