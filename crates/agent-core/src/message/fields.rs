//! The fields of a JSON object, in order, with each value as its JSON text.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::value::{RawValue, to_raw_value};

use crate::{InvalidJson, Json, message::json};

/// A JSON object, read one level deep. Single fields can be set, and all others keep their text.
/// Only new values are copied.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a>(Vec<(Cow<'a, str>, Cow<'a, RawValue>)>);

impl<'a> Fields<'a> {
    /// Reads the text of a JSON object.
    pub(crate) fn of(text: &'a str) -> Result<Self, InvalidJson> {
        json::parse(text)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// A field's value as a part of the text that was read. `None` if it is absent, or was set
    /// since.
    pub(crate) fn borrowed(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(key, _)| key == name).and_then(|(_, value)| match value {
            Cow::Borrowed(value) => Some(*value),
            Cow::Owned(_) => None,
        })
    }

    /// Reads a field; `None` if it is absent or has another shape.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.get(name).and_then(|value| serde_json::from_str(value.get()).ok())
    }

    /// Reads a field that must be present. The error says what is wrong with it.
    pub(crate) fn required<T: DeserializeOwned>(&self, name: &str) -> Result<T, InvalidJson> {
        self.optional(name)?.ok_or_else(|| InvalidJson::missing(name))
    }

    /// Reads a field that must be a string. It is copied only if it has escapes.
    pub(crate) fn text(&self, name: &str) -> Result<Cow<'_, str>, InvalidJson> {
        let value = self.get(name).ok_or_else(|| InvalidJson::missing(name))?;
        json::parse(value.get()).map(|Name(word)| word).map_err(|error| error.within(name))
    }

    /// Reads a field that may be absent or `null`.
    pub(crate) fn optional<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, InvalidJson> {
        let value = self.get(name).filter(|value| value.get() != "null");
        let value = value.map(|value| json::parse(value.get()));
        value.transpose().map_err(|error| error.within(name))
    }

    /// The text of a string field; empty if it is absent or not a string.
    pub(crate) fn string(&self, name: &str) -> String {
        self.read(name).unwrap_or_default()
    }

    /// Sets a field: in its old place if there is one, otherwise at the end.
    pub(crate) fn set<T: Serialize + ?Sized>(&mut self, name: impl Into<Cow<'a, str>>, value: &T) {
        let value = to_raw_value(value).expect("strings, lists and JSON text can always be written");
        self.put(name.into(), Cow::Owned(value));
    }

    /// Sets a field to existing JSON.
    pub(crate) fn set_json(&mut self, name: &'a str, value: &'a Json) {
        self.set_raw(name, value.raw());
    }

    /// Sets a field to the JSON of another object's field.
    pub(crate) fn set_raw(&mut self, name: &'a str, value: &'a RawValue) {
        self.put(name.into(), Cow::Borrowed(value));
    }

    /// Sets a field if its value has changed.
    pub(crate) fn replace(&mut self, name: &'a str, old: &str, new: &str) {
        if old != new {
            self.set(name, new);
        }
    }

    fn put(&mut self, name: Cow<'a, str>, value: Cow<'a, RawValue>) {
        match self.0.iter_mut().find(|(key, _)| *key == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// Sets each field of the other object.
    pub(crate) fn extend(&mut self, other: Self) {
        other.0.into_iter().for_each(|(name, value)| self.put(name, value));
    }

    /// Keeps only the fields for which `keep` returns true.
    pub(crate) fn retain(&mut self, keep: impl Fn(&str, &RawValue) -> bool) {
        self.0.retain(|(name, value)| keep(name, value));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The object. Serde would take several steps to write a value that is JSON already.
    pub(crate) fn json(&self) -> Json {
        let size: usize = self.iter().map(|(name, value)| name.len() + value.get().len() + 4).sum();
        let mut text = Vec::with_capacity(size + 2);
        let mut before = b'{';
        for (name, value) in self.iter() {
            text.push(before);
            serde_json::to_writer(&mut text, name).expect("a string can always be written");
            text.push(b':');
            text.extend_from_slice(value.get().as_bytes());
            before = b',';
        }
        text.extend_from_slice(if self.is_empty() { b"{}" } else { b"}" });
        Json::checked(String::from_utf8(text).expect("its parts are texts"))
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &RawValue>()? {
                    fields.push((name, Cow::Borrowed(value)));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A string that is borrowed unless it has escapes. serde reads a plain `Cow` always as a copy.
#[derive(Deserialize)]
pub(crate) struct Name<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);
