//! The requests of OAuth, with our TLS.

use std::time::Duration;

use futures::StreamExt;
use reqwest::{Client, redirect};
use rmcp::transport::{OAuthHttpClient, OAuthHttpClientFuture, OAuthHttpRedirectPolicy, OAuthHttpRequest};

use super::http_client::client_with;

/// The most bytes of an answer, and how long it may take.
const LONGEST: usize = 1 << 20;
const LIMIT: Duration = Duration::from_secs(30);

/// Sends the requests of OAuth.
pub(super) struct OAuthHttp {
    follows: Client,
    stops: Client,
}

impl OAuthHttp {
    pub(super) fn new() -> Result<Self, String> {
        let follows = client_with(redirect::Policy::limited(5))?;
        Ok(Self { follows, stops: client_with(redirect::Policy::none())? })
    }
}

impl OAuthHttpClient for OAuthHttp {
    fn execute(&self, asked: OAuthHttpRequest) -> OAuthHttpClientFuture<'_> {
        Box::pin(async move {
            let client = match asked.redirect_policy {
                OAuthHttpRedirectPolicy::Stop => &self.stops,
                _ => &self.follows,
            };
            let mut request = reqwest::Request::try_from(asked.request)?;
            *request.timeout_mut() = Some(asked.timeout.unwrap_or(LIMIT));
            let answer = client.execute(request).await?;
            let mut builder = http::Response::builder().status(answer.status()).version(answer.version());
            for (name, value) in answer.headers() {
                builder = builder.header(name, value);
            }
            let (mut body, mut bytes) = (Vec::new(), answer.bytes_stream());
            while let Some(part) = bytes.next().await {
                body.extend_from_slice(&part?);
                if body.len() > LONGEST {
                    return Err(format!("the answer has more than {LONGEST} bytes").into());
                }
            }
            Ok(builder.body(body)?)
        })
    }
}
