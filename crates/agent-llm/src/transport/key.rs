//! The API key. It is sent and never shown.

use std::fmt;

use reqwest::header::HeaderValue;

use super::config_error::ConfigError;

/// An API key. It is sent in the header that the API asks for, and shown nowhere: `Debug` hides it,
/// and where a server's answer repeats the key, errors have `[key]` instead.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Makes a key from the text of a file or an environment variable. White space around the key
    /// is removed.
    pub fn new(key: impl AsRef<str>) -> Self {
        Self(key.as_ref().trim().to_owned())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of the header that holds it, behind this scheme (`"Bearer "`). It is marked, so
    /// that no HTTP layer logs or indexes it.
    pub(crate) fn header(&self, scheme: &str) -> Result<HeaderValue, ConfigError> {
        let value = format!("{scheme}{}", self.0);
        let mut value = HeaderValue::from_str(&value).map_err(|_| ConfigError::Key)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// The key itself, to look for it in a server's answer.
    pub(crate) fn secret(&self) -> &str {
        &self.0
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

    #[test]
    fn fault_34_a_key_shows_neither_in_debug_nor_in_its_header() {
        let key = Key::from(" sk-ant-secret\n");
        assert_eq!(format!("{key:?}"), "Key(…)");
        assert_eq!(format!("{:?}", key.header("").unwrap()), "Sensitive");
        assert_eq!(key.header("").unwrap(), "sk-ant-secret");
        assert_eq!(key.header("Bearer ").unwrap(), "Bearer sk-ant-secret");
    }
}
