//! Why a request could not be signed.

use std::error::Error;

use agent_core::{LlmError, model::LlmErrorKind};

use super::causes::chain;

/// Why a request could not be signed. As an [`LlmError`], a temporary one is of the kind
/// [`Connection`](LlmErrorKind::Connection) and is retried, and a permanent one is of the kind
/// [`Configuration`](LlmErrorKind::Configuration) and is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request could not be signed: {message}")]
pub struct SignError {
    message: String,
    is_temporary: bool,
}

impl SignError {
    /// Another attempt may succeed: the server that gives tokens was not reached, say. The message
    /// is that of the error and its causes. It must hold no secret.
    pub fn temporary(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { message: chain(&*error.into()), is_temporary: true }
    }

    /// Another attempt fails, too: there are no credentials, say. The message is that of the error
    /// and its causes. It must hold no secret.
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
