//! Signing of requests, and tokens that expire.

use std::{future::Future, sync::Arc};

use agent_core::async_trait;

use super::{outgoing::OutgoingRequest, sign_error::SignError};

/// Signs requests, or adds a token to them. Give one to a client with its builder's `signer(..)`.
/// The client then needs no API key, and reads none from the environment.
///
/// A signer is called for each attempt, also for each retry, and after any rewrite, so it reads
/// exactly what is sent. It may wait, for example for a new token. That wait is part of the
/// attempt: it ends if the request is dropped, and counts toward the time limits. No header that a
/// signer sets shows in `Debug` or in errors.
///
/// For a token in the header `authorization`, use [`bearer`]. For anything else, write your own
/// signer:
///
/// ```
/// use agent_llm::{Claude, transport::{OutgoingRequest, Sign, SignError, async_trait}};
///
/// /// A gateway that wants to know how long the body is, and a secret.
/// struct Gateway {
///     secret: String,
/// }
///
/// #[async_trait]
/// impl Sign for Gateway {
///     async fn sign(&self, request: &mut OutgoingRequest) -> Result<(), SignError> {
///         let signature = format!("{}:{}", self.secret, request.body().len());
///         let signature = signature.parse().map_err(SignError::permanent)?;
///         request.headers_mut().insert("x-signature", signature);
///         Ok(())
///     }
/// }
///
/// let gateway = Gateway { secret: "a-secret".to_owned() };
/// let claude = Claude::builder().base_url("https://gateway.example.com").signer(gateway).build()?;
/// # Ok::<(), agent_llm::ConfigError>(())
/// ```
#[async_trait]
pub trait Sign: Send + Sync {
    /// Adds or replaces headers of one attempt at a request. An error ends the attempt;
    /// [`SignError`] says whether it is retried.
    async fn sign(&self, request: &mut OutgoingRequest) -> Result<(), SignError>;
}

#[async_trait]
impl<S: Sign + ?Sized> Sign for Arc<S> {
    async fn sign(&self, request: &mut OutgoingRequest) -> Result<(), SignError> {
        (**self).sign(request).await
    }
}

/// Makes a signer that sends a token as `authorization: Bearer …`. `token` is called for each
/// attempt, so it can return a new token when the old one has expired.
///
/// ```
/// use agent_llm::{Claude, transport::{SignError, bearer}};
///
/// let token = || async { std::fs::read_to_string("/run/secrets/token").map_err(SignError::temporary) };
/// let claude = Claude::builder().base_url("https://gateway.example.com").signer(bearer(token)).build()?;
/// # Ok::<(), agent_llm::ConfigError>(())
/// ```
pub fn bearer<F, T>(token: F) -> impl Sign
where
    F: Fn() -> T + Send + Sync,
    T: Future<Output = Result<String, SignError>> + Send,
{
    Bearer(token)
}

struct Bearer<F>(F);

#[async_trait]
impl<F, T> Sign for Bearer<F>
where
    F: Fn() -> T + Send + Sync,
    T: Future<Output = Result<String, SignError>> + Send,
{
    async fn sign(&self, request: &mut OutgoingRequest) -> Result<(), SignError> {
        request.set_bearer(&(self.0)().await?)
    }
}
