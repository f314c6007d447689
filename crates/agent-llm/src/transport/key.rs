//! The API key. It is sent and never shown.

use std::fmt;

use reqwest::header::{HeaderName, HeaderValue};

use super::{api::Api, config_error::ConfigError};

/// An API key. It is sent in one header, and shown nowhere: `Debug` hides it, and where a server's
/// answer repeats the key, errors have `[key]` instead.
///
/// A text becomes a key that is sent in the header that the API asks for. A server that wants it
/// elsewhere gets it so: `.key(Key::bearer("…"))`, `.key(Key::in_header("api-key", "…"))`.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    secret: String,
    /// The header and what stands before the key there, if not the API's own.
    place: Option<(String, &'static str)>,
}

impl Key {
    /// Makes a key from the text of a file or an environment variable. White space around the key
    /// is removed.
    pub fn new(key: impl AsRef<str>) -> Self {
        Self { secret: key.as_ref().trim().to_owned(), place: None }
    }

    /// A key that is sent as `authorization: Bearer …`, whatever the API's own header is.
    pub fn bearer(key: impl AsRef<str>) -> Self {
        Self { place: Some(("authorization".to_owned(), "Bearer ")), ..Self::new(key) }
    }

    /// A key that is sent in this header, in the place of the API's own. Azure wants `api-key`.
    pub fn in_header(name: impl Into<String>, key: impl AsRef<str>) -> Self {
        Self { place: Some((name.into(), "")), ..Self::new(key) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.secret.is_empty()
    }

    /// The header that holds it. Its value is marked, so that no HTTP layer logs or indexes it.
    pub(crate) fn header(&self, api: &Api) -> Result<(HeaderName, HeaderValue), ConfigError> {
        let own = (api.key_header, api.key_scheme);
        let (name, scheme) = self.place.as_ref().map_or(own, |(name, scheme)| (name.as_str(), *scheme));
        let wrong = |reason| ConfigError::Header { name: name.to_owned(), reason };
        let header = HeaderName::try_from(name).map_err(|error| wrong(error.to_string()))?;
        let value = format!("{scheme}{}", self.secret);
        // A header may hold other letters, but no server's key does.
        let value = Some(value).filter(|value| value.is_ascii()).ok_or(ConfigError::Key)?;
        let mut value = HeaderValue::from_str(&value).map_err(|_| ConfigError::Key)?;
        value.set_sensitive(true);
        Ok((header, value))
    }

    /// The key itself, to look for it in a server's answer.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }
}

impl From<&str> for Key {
    fn from(key: &str) -> Self {
        Self::new(key)
    }
}

impl From<String> for Key {
    fn from(key: String) -> Self {
        Self::new(key)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const API: Api = Api {
        provider: "openai",
        key_variable: None,
        base_url: "https://api.example.com",
        key_header: "x-api-key",
        key_scheme: "",
        request_id: "request-id",
        rate_limits: &crate::transport::rate_limit::OPENAI,
    };

    #[test]
    fn fault_34_a_key_shows_neither_in_debug_nor_in_its_header() {
        let key = Key::from(" sk-ant-secret\n");
        assert_eq!(format!("{key:?}"), "Key(…)");
        assert_eq!(format!("{:?}", key.header(&API).unwrap().1), "Sensitive");
    }

    #[test]
    fn a_key_is_sent_in_the_apis_header_or_in_another() {
        let check = |key: Key, name: &str, value: &str| {
            let header = key.header(&API).unwrap();
            assert_eq!((header.0.as_str(), header.1.to_str().unwrap()), (name, value));
        };
        check(Key::from(" sk-1\n"), "x-api-key", "sk-1");
        check(Key::bearer(" sk-1\n"), "authorization", "Bearer sk-1");
        check(Key::in_header("Api-Key", "sk-1"), "api-key", "sk-1");
        let error = Key::in_header("api key", "sk-1").header(&API).unwrap_err();
        insta::assert_snapshot!(error.to_string(), @r#"the header "api key" can't be sent: invalid HTTP header name"#);
        for pasted in ["“sk-1”", "sk-1\u{200b}", "sk\n-1"] {
            assert_eq!(Key::from(pasted).header(&API).unwrap_err(), ConfigError::Key, "{pasted}");
        }
    }
}
