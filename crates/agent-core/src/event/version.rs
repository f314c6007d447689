//! The version of the JSON of events.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::IgnoredAny};

/// Writes the version of the JSON, and accepts any version: what a later version adds is kept as
/// [`EventKind::Other`](crate::EventKind::Other).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Version;

impl Version {
    pub(super) const NUMBER: u32 = 1;
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::NUMBER.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}
