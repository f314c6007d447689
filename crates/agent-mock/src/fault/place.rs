//! A place in a body.

use serde::{Deserialize, Serialize};

/// A place in the body of an answer, where a [`Fault`](crate::Fault) happens: after a number of
/// bytes, `120.into()`, or after the first occurrence of a text, `"call_0_2".into()`. In JSON it is
/// a number or a string.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a place: a number of bytes, or a string from the body")]
pub enum Place {
    /// After this many bytes.
    Byte(usize),
    /// After the first occurrence of this text.
    After(String),
}

impl Place {
    /// How many bytes of this body come before the place. Fails if the body has no such place.
    pub(crate) fn find(&self, body: &[u8]) -> Result<usize, String> {
        match self {
            Self::Byte(at) if *at <= body.len() => Ok(*at),
            Self::Byte(at) => {
                Err(format!("the fault is at byte {at}, but the body has only {} bytes", body.len()))
            }
            Self::After(text) => {
                let end = (text.len()..=body.len()).find(|end| body[..*end].ends_with(text.as_bytes()));
                end.ok_or_else(|| format!("the fault is after {text:?}, but the body does not contain that"))
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
        assert_eq!(find(12.into()).unwrap_err(), "the fault is at byte 12, but the body has only 11 bytes");
        let missing = r#"the fault is after "three", but the body does not contain that"#;
        assert_eq!(find("three".into()).unwrap_err(), missing);
    }
}
