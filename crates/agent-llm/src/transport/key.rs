//! The API key, which is sent and never shown.

use std::fmt;

use reqwest::header::HeaderValue;

use super::config_error::ConfigError;

/// An API key. It goes into the `x-api-key` header and nowhere else: `Debug` does not show it, and
/// it is cut out of what a server says.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// A key as it stands in a file or a variable; blanks around it are dropped.
    pub fn new(key: impl AsRef<str>) -> Self {
        Self(key.as_ref().trim().to_owned())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The header's value, marked so that no HTTP layer logs or indexes it.
    pub(crate) fn header(&self) -> Result<HeaderValue, ConfigError> {
        let mut value = HeaderValue::from_str(&self.0).map_err(|_| ConfigError::Key)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// The key itself, to be looked for in what a server says.
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
        assert_eq!(format!("{:?}", key.header().unwrap()), "Sensitive");
        assert_eq!(key.header().unwrap(), "sk-ant-secret");
    }
}
