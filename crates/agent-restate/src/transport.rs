//! Sends requests to the engine.

use std::{error::Error, fmt, future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use restate_sdk::ingress::RequestExecutor;

/// How the client sends its requests to the engine. Implement this trait if your program needs TLS,
/// a proxy or its own HTTP client, and pass the value to
/// [`Restate::with_transport`](crate::Restate::with_transport).
pub trait Transport: Send + Sync + 'static {
    /// Sends a request and returns the complete response. Return an error only if there was no
    /// response; an HTTP error status is a response.
    fn send(&self, request: Request<Bytes>) -> Sending;
}

/// The future of a response, from [`Transport::send`].
pub type Sending =
    Pin<Box<dyn Future<Output = Result<Response<Bytes>, Box<dyn Error + Send + Sync>>> + Send>>;

/// HTTP without TLS, which is enough inside a private network.
pub(crate) struct PlainHttp(Client<HttpConnector, Full<Bytes>>);

impl PlainHttp {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self(Client::builder(TokioExecutor::new()).build(connector))
    }
}

impl Transport for PlainHttp {
    fn send(&self, request: Request<Bytes>) -> Sending {
        let response = self.0.request(request.map(Full::new));
        Box::pin(async move {
            let (head, body) = response.await?.into_parts();
            Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
        })
    }
}

/// Adapts a transport to the SDK.
pub(crate) struct SdkTransport(pub(crate) Arc<dyn Transport>);

/// The reason why there was no response.
#[derive(Debug)]
pub(crate) struct NoResponse(Box<dyn Error + Send + Sync>);

impl RequestExecutor for SdkTransport {
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
