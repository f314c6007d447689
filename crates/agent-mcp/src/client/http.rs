//! A server at a URL, by streamable HTTP.

use std::{collections::HashMap, sync::Arc};

use http::{HeaderName, HeaderValue};
use reqwest::{Client, Url, redirect};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_platform_verifier::BuilderVerifierExt;

use super::OAuth;

/// The most redirects that a request follows.
const REDIRECTS: usize = 5;

/// The URL, and what is sent with each request.
#[derive(Clone)]
pub(super) struct Http {
    pub(super) url: String,
    pub(super) headers: HashMap<HeaderName, HeaderValue>,
    pub(super) bearer: Option<String>,
    pub(super) oauth: Option<OAuth>,
}

impl Http {
    pub(super) fn at(url: String) -> Self {
        Self { url, headers: HashMap::new(), bearer: None, oauth: None }
    }

    /// What may be secret in the URL.
    pub(super) fn secrets(&self) -> Vec<String> {
        let Ok(url) = Url::parse(&self.url) else { return Vec::new() };
        let values = url.query_pairs().map(|(_, value)| value.into_owned());
        let whole = [url.query(), url.password()].into_iter().flatten().map(str::to_owned);
        values.chain(whole).collect()
    }

    /// What rmcp is told.
    pub(super) fn config(&self) -> StreamableHttpClientTransportConfig {
        let config = StreamableHttpClientTransportConfig::with_uri(self.url.as_str());
        let config = config.custom_headers(self.headers.clone());
        match &self.bearer {
            Some(token) => config.auth_header(token),
            None => config,
        }
    }

    /// The URL without what may be secret in it: a password, and the query.
    pub(super) fn shown_url(&self) -> String {
        let Ok(mut url) = Url::parse(&self.url) else { return "a server at an invalid URL".to_owned() };
        url.set_query(None);
        url.set_fragment(None);
        // A URL that can't have these has none.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.to_string()
    }
}

/// A client that follows redirects to the same server only, so that no header gets elsewhere.
pub(super) fn client() -> Result<Client, String> {
    let same_server = redirect::Policy::custom(|attempt| {
        let is_same =
            attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
        if is_same && attempt.previous().len() <= REDIRECTS { attempt.follow() } else { attempt.stop() }
    });
    client_with(same_server)
}

/// A client with our TLS. rmcp would bring another cryptography.
pub(super) fn client_with(redirects: redirect::Policy) -> Result<Client, String> {
    let builder = Client::builder().tls_backend_preconfigured(tls()?).redirect(redirects);
    // Connections that are kept open while no request uses them are closed by many servers, and a
    // call must not fail for that.
    builder.pool_max_idle_per_host(0).build().map_err(|error| error.to_string())
}

fn tls() -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("ring has what these versions need");
    match builder.clone().with_platform_verifier() {
        Ok(verified) => Ok(verified.with_no_client_auth()),
        // A machine that trusts nobody can still speak to its own servers without TLS.
        Err(_) => Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()),
    }
}
