//! The client for HTTP, with our TLS.

use std::sync::Arc;

use reqwest::{Client, redirect};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_platform_verifier::BuilderVerifierExt;

/// The most redirects that a request follows.
const REDIRECTS: usize = 5;

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
