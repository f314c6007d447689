//! What can be wrong with the settings of a client.

use agent_core::{LlmError, model::LlmErrorKind};

/// Why a client can't be built: which setting is wrong, and what to do about it. The error contains
/// no API key and no value of a header.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The API key is missing.
    #[error("no API key: set the environment variable {variable}, or call the builder's `key(..)`")]
    NoKey {
        /// The environment variable that the client reads the key from.
        variable: &'static str,
    },
    /// No model was set.
    #[error("no model: call the builder's `model(..)`")]
    NoModel,
    /// The API key has a character that no key has: a line break, or one that is not ASCII.
    #[error("the API key has a character that no key has, perhaps an invisible one: check what was pasted")]
    Key,
    /// The base URL can't be used.
    #[error("the base URL {url:?} can't be used: {reason}; it should look like {example}")]
    BaseUrl {
        /// The URL, without user name, password, query and fragment.
        url: String,
        /// What is wrong with the value.
        reason: String,
        /// A base URL that can be used: the API's own.
        example: &'static str,
    },
    /// The base URL is plain http to another machine, so anybody in between could read the key.
    #[error(
        "the base URL {url:?} is plain http to another machine, so anybody on the way could read the key: use \
         https, or call the builder's `allow_plain_http(true)`"
    )]
    PlainHttp {
        /// The URL, without user name, password, query and fragment.
        url: String,
    },
    /// A header can't be sent.
    #[error("the header {name:?} can't be sent: {reason}")]
    Header {
        /// The header's name.
        name: String,
        /// What is wrong with the value.
        reason: String,
    },
    /// The HTTP client could not be made. The most common reason is that TLS found no root
    /// certificates.
    #[error("the HTTP client could not be made: {0}")]
    Client(String),
}

impl From<ConfigError> for LlmError {
    fn from(error: ConfigError) -> Self {
        Self::new(LlmErrorKind::Configuration, error.to_string())
    }
}
