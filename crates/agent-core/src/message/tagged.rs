//! Enums as JSON objects with a kind: `{"kind": "call_queued", "value": …}`.

use std::{fmt, time::Duration};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, value::MapDeserializer},
};

use crate::Json;

#[derive(Serialize, Deserialize)]
struct Tagged {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Json>,
}

/// Reads such an object, in any order of its fields, and gives it to `read` with `kind` first. Only
/// in this order does serde keep raw JSON inside `value`. If `read` fails and `is_known` does not
/// know the kind, `other` keeps it as it is.
pub(crate) fn kind_first<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    read: impl FnOnce(&mut serde_json::Deserializer<serde_json::de::StrRead<'_>>) -> serde_json::Result<T>,
    is_known: impl FnOnce(KindOnly<'_>) -> Result<T, ReadKindError>,
    other: impl FnOnce(String, Option<Json>) -> T,
) -> Result<T, D::Error> {
    let tagged: Tagged = Json::deserialize(deserializer)?.parse().map_err(D::Error::custom)?;
    let text = serde_json::to_string(&tagged).map_err(D::Error::custom)?;
    match read(&mut serde_json::Deserializer::from_str(&text)) {
        Ok(read) => Ok(read),
        Err(error) => match is_known(kind_only(&tagged.kind)) {
            Err(ReadKindError::Unknown) => Ok(other(tagged.kind, tagged.value)),
            _ => Err(D::Error::custom(error)),
        },
    }
}

/// The kind and the value of such an object, whether the kind is known or not.
pub(crate) fn other_kind(json: &Json) -> serde_json::Result<(String, Option<Json>)> {
    let Tagged { kind, value } = serde_json::from_str(json.text())?;
    Ok((kind, value))
}

/// Writes a value of a kind that this version does not know, as it was read.
pub(crate) fn write_other<S: Serializer>(
    serializer: S,
    kind: &str,
    value: &Option<Json>,
) -> Result<S::Ok, S::Error> {
    Tagged { kind: kind.to_owned(), value: value.clone() }.serialize(serializer)
}

/// An object that has a kind and no value. Whoever reads it finds out whether the kind is known.
pub(crate) type KindOnly<'a> = MapDeserializer<'a, std::iter::Once<(&'static str, &'a str)>, ReadKindError>;

fn kind_only(kind: &str) -> KindOnly<'_> {
    MapDeserializer::new(std::iter::once(("kind", kind)))
}

/// Why a kind alone can't be read.
#[derive(Debug)]
pub(crate) enum ReadKindError {
    /// No such kind is known.
    Unknown,
    /// The kind is known. Its value is missing.
    Known,
}

impl fmt::Display for ReadKindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for ReadKindError {}

impl Error for ReadKindError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Known
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self::Unknown
    }
}

/// Implements `Serialize` and `Deserialize` of such an enum by what serde derives with
/// `remote = "Self"`. The enum has a variant `Other { kind, value }` for kinds that it does not
/// know, which serde skips.
macro_rules! tagged {
    ($($name:ty),*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    Self::Other { kind, value } => {
                        crate::message::tagged::write_other(serializer, kind, value)
                    }
                    known => Self::serialize(known, serializer),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::message::tagged::kind_first(
                    deserializer,
                    |inner| Self::deserialize(inner),
                    |kind_only| Self::deserialize(kind_only),
                    |kind, value| Self::Other { kind, value },
                )
            }
        }
    )*};
}

pub(crate) use tagged;

/// A duration as a number of milliseconds, which may have a fraction.
pub(crate) mod milliseconds {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        (duration.as_nanos() as f64 / 1e6).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let nanos = (f64::deserialize(deserializer)? * 1e6).round();
        match (0.0..u64::MAX as f64).contains(&nanos) {
            true => Ok(Duration::from_nanos(nanos as u64)),
            false => Err(D::Error::custom("a time must be a number of milliseconds, 0 or more")),
        }
    }
}

/// A duration that may be missing, as a number of milliseconds .
pub(crate) mod optional_milliseconds {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Milliseconds(#[serde(with = "milliseconds")] Duration);

    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Milliseconds).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Milliseconds>::deserialize(deserializer)?.map(|Milliseconds(time)| time))
    }
}
