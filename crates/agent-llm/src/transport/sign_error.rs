//! Why a request could not be signed.

use std::error::Error;

use agent_core::{LlmError, model::LlmErrorKind};

use super::causes::chain;

/// Why a request could not be signed. A temporary error becomes an [`LlmError`] of the kind
/// [`Connection`](LlmErrorKind::Connection), which is retried. A permanent error becomes one of the
/// kind [`Configuration`](LlmErrorKind::Configuration), which is not retried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request could not be signed: {message}")]
pub struct SignError {
    message: String,
    is_temporary: bool,
}

impl SignError {
    /// Makes an error after which another attempt may succeed, for example if the token server
    /// can't be reached. The message contains `error` and its causes, so `error` must contain no
    /// secret.
    pub fn temporary(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { message: chain(&*error.into()), is_temporary: true }
    }

    /// Makes an error after which another attempt would fail, too, for example if there are no
    /// credentials. The message contains `error` and its causes, so `error` must contain no secret.
    pub fn permanent(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { message: chain(&*error.into()), is_temporary: false }
    }

    /// Whether another attempt may succeed.
    pub fn is_temporary(&self) -> bool {
        self.is_temporary
    }
}

impl From<SignError> for LlmError {
    fn from(error: SignError) -> Self {
        let kind = match error.is_temporary {
            true => LlmErrorKind::Connection,
            false => LlmErrorKind::Configuration,
        };
        let mut failed = Self::new(kind, error.to_string());
        // Said, not only meant: nothing was sent, so a retry repeats nothing.
        failed.should_retry = Some(error.is_temporary);
        failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("no token")]
    struct NoToken(#[source] std::io::Error);

    #[test]
    fn an_error_says_its_causes_and_whether_it_may_pass() {
        let refused = || NoToken(std::io::Error::other("refused"));
        let temporary = LlmError::from(SignError::temporary(refused()));
        assert_eq!((temporary.kind, temporary.is_retryable()), (LlmErrorKind::Connection, true));
        insta::assert_snapshot!(temporary.message, @"the request could not be signed: no token: refused");
        let permanent = LlmError::from(SignError::permanent("no credentials"));
        assert_eq!((permanent.kind, permanent.is_retryable()), (LlmErrorKind::Configuration, false));
    }
}
