//! The headers of every request.

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::{builder::ClaudeBuilder, threads};
use crate::transport::{config_error::ConfigError, key::Key};

/// The key, the version, the betas, and what was given; an error names what can't be sent.
pub(crate) fn headers(settings: &ClaudeBuilder, key: &Key) -> Result<HeaderMap, ConfigError> {
    let threads = settings
        .threads
        .then_some(threads::BETA)
        .filter(|beta| !settings.betas.iter().any(|given| given == beta));
    let betas: Vec<&str> = settings.betas.iter().map(String::as_str).chain(threads).collect();
    let betas = betas.join(",");
    let mut own = vec![("anthropic-version", settings.version.as_str())];
    if !betas.is_empty() {
        own.push(("anthropic-beta", &betas));
    }
    let given = settings.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));

    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", key.header()?);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in own.into_iter().chain(given) {
        let wrong = |reason: String| ConfigError::Header { name: name.to_owned(), reason };
        let valid = HeaderName::try_from(name).map_err(|error| wrong(error.to_string()))?;
        let mut value = HeaderValue::try_from(value).map_err(|error| wrong(error.to_string()))?;
        // There is no telling which of them is a secret.
        value.set_sensitive(true);
        headers.insert(valid, value);
    }
    Ok(headers)
}
