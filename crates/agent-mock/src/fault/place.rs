//! A place in a body.

use serde::{Deserialize, Serialize};

/// Where in an answer's body: after so many bytes, `120.into()`, or after the first place where a text stands in it,
/// `"call_0_2".into()`. As JSON it is a number or a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a place is a number of bytes, or a text")]
pub enum Place {
    /// After so many bytes.
    Byte(usize),
    /// After the first place where this text stands.
    After(String),
}

impl Place {
    /// How many bytes of this body come before the place; the error says that there is no such place.
    pub(crate) fn find(&self, body: &[u8]) -> Result<usize, String> {
        match self {
            Self::Byte(at) if *at <= body.len() => Ok(*at),
            Self::Byte(at) => Err(format!("it should happen at byte {at}, and the body has {}", body.len())),
            Self::After(text) => {
                let end = (text.len()..=body.len()).find(|end| body[..*end].ends_with(text.as_bytes()));
                end.ok_or_else(|| format!("it should happen after {text:?}, which the body does not contain"))
            }
        }
    }
}

impl From<usize> for Place {
    fn from(bytes: usize) -> Self {
        Self::Byte(bytes)
    }
}

impl From<&str> for Place {
    fn from(text: &str) -> Self {
        Self::After(text.to_owned())
    }
}

impl From<String> for Place {
    fn from(text: String) -> Self {
        Self::After(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_or_is_not_there() {
        let find = |place: Place| place.find(b"one two two");
        assert_eq!(find(0.into()), Ok(0));
        assert_eq!(find(11.into()), Ok(11));
        assert_eq!(find("two".into()), Ok(7));
        assert_eq!(find("".into()), Ok(0));
        assert_eq!(find(12.into()).unwrap_err(), "it should happen at byte 12, and the body has 11");
        let missing = r#"it should happen after "three", which the body does not contain"#;
        assert_eq!(find("three".into()).unwrap_err(), missing);
    }
}
