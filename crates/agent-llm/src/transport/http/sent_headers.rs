//! The headers that are sent with every request.

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::transport::{api::Api, config_error::ConfigError, key::Key};

/// The key, the API's own headers, and those of the settings, which win over the API's own. An
/// error names the header that can't be sent.
pub(super) fn sent_headers<'a>(
    api: &Api,
    key: Option<&Key>,
    own: &[(&'a str, &'a str)],
    given: &'a [(String, String)],
) -> Result<HeaderMap, ConfigError> {
    let given = given.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        let (name, value) = key.header(api)?;
        headers.insert(name, value);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in own.iter().copied().chain(given) {
        let wrong = |reason: String| ConfigError::Header { name: name.to_owned(), reason };
        let valid = HeaderName::try_from(name).map_err(|error| wrong(error.to_string()))?;
        let mut value = HeaderValue::try_from(value).map_err(|error| wrong(error.to_string()))?;
        // Any of them may be a secret.
        value.set_sensitive(true);
        headers.insert(valid, value);
    }
    Ok(headers)
}
