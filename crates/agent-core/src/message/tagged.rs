//! Enums as JSON objects with a kind: `{"kind": "call_queued", "value": …}`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::Json;

#[derive(Serialize, Deserialize)]
struct Tagged {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Json>,
}

/// Reads such an object, in any order of its fields, and gives it to `read` with `kind` first. Only
/// in this order does serde keep raw JSON inside `value`.
pub(crate) fn kind_first<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    read: impl FnOnce(&mut serde_json::Deserializer<serde_json::de::StrRead<'_>>) -> serde_json::Result<T>,
) -> Result<T, D::Error> {
    let tagged: Tagged = Json::deserialize(deserializer)?.parse().map_err(D::Error::custom)?;
    let text = serde_json::to_string(&tagged).map_err(D::Error::custom)?;
    read(&mut serde_json::Deserializer::from_str(&text)).map_err(D::Error::custom)
}

/// Implements `Serialize` and `Deserialize` of such an enum by what serde derives with
/// `remote = "Self"`.
macro_rules! tagged {
    ($($name:ty),*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Self::serialize(self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::message::tagged::kind_first(deserializer, |inner| Self::deserialize(inner))
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
