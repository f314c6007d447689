//! What can be wrong with the settings of a client.

use agent_core::{LlmError, model::LlmErrorKind};

/// Why a client can't be built: which setting is wrong, and what to do. It holds no header value
/// and no key.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// There is no key.
    #[error("no API key: set ANTHROPIC_API_KEY, or give one with `Claude::builder().key(..)`")]
    NoKey,
    /// The key can't be sent.
    #[error("the API key has a character that no HTTP header may hold: check what was pasted")]
    Key,
    /// The base URL can't be used.
    #[error("the base URL {url:?} can't be used: {reason}; it should look like https://api.anthropic.com")]
    BaseUrl {
        /// The URL, without user name, password, query and fragment.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The base URL would send key and prompts over the network for all to read.
    #[error(
        "the base URL {url:?} is plain http to another machine, where all on the way could read the key: use \
         https, or allow it with `Claude::builder().allow_plain_http(true)`"
    )]
    PlainHttp {
        /// The URL, without query and fragment.
        url: String,
    },
    /// A header can't be sent.
    #[error("the header {name:?} can't be sent: {reason}")]
    Header {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The HTTP client could not be made; as a rule, TLS found no root certificates.
    #[error("the HTTP client could not be made: {0}")]
    Client(String),
}

impl From<ConfigError> for LlmError {
    fn from(error: ConfigError) -> Self {
        Self::new(LlmErrorKind::Configuration, error.to_string())
    }
}
