//! The fields of a JSON object that a server wrote.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use agent_core::Json;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::openai_blocks::{Others, says_nothing};
use crate::transport::words::Words;

/// The fields of an object, in order, each as its text. `null` stands for an object without fields.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// Reads an object.
    pub(super) fn of(object: &'a str) -> serde_json::Result<Self> {
        let fields: Option<Self> = serde_json::from_str(object)?;
        Ok(fields.unwrap_or_default())
    }

    /// A field; `None` if it is absent or `null`.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().find(|(key, _)| key == name).map(|(_, value)| *value);
        found.filter(|value| value.get() != "null")
    }

    /// The same, and the field is gone.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let place = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.swap_remove(place).1).filter(|value| value.get() != "null")
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A field as a `T`; `None` if it is absent or of another shape.
    pub(super) fn read<T: Deserialize<'a>>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    /// A field that is a text. Half a character in it is replaced.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        string(self.get(name)?).map(Words::text)
    }

    /// A field that names something: a text that is not empty, or a number by its text.
    pub(super) fn label(&self, name: &str) -> Option<String> {
        let value = self.get(name)?;
        let number = || value.get().parse::<f64>().is_ok().then(|| value.get().to_owned());
        string(value).map(Words::text).or_else(number).filter(|label| !label.is_empty())
    }

    /// The fields that say something, but for these.
    pub(super) fn others(&self, named: &[&str]) -> Others {
        let others = self.0.iter().filter(|(name, _)| !named.contains(&&**name));
        let others = others.map(|(name, value)| (name.clone().into_owned(), Json::from(*value)));
        others.filter(|(_, value)| !says_nothing(value)).collect()
    }
}

/// Fields that come piece by piece.
#[derive(Debug, Default)]
pub(super) struct Gathered(BTreeMap<String, Vec<Json>>);

impl Gathered {
    /// Takes in the fields that say something.
    pub(super) fn take_in(&mut self, fields: &Fields<'_>) {
        for (name, value) in fields.others(&[]) {
            self.0.entry(name).or_default().push(value);
        }
    }

    /// The fields. Of those that came several times, lists are joined; of anything else, the last
    /// counts.
    pub(super) fn fields(&self) -> Others {
        let field = |(name, values): (&String, &Vec<Json>)| {
            let joined = if values.len() > 1 { joined(values) } else { None };
            Some((name.clone(), joined.or_else(|| values.last().cloned())?))
        };
        self.0.iter().filter_map(field).collect()
    }
}

/// Lists as one; `None` if not all of them are lists.
fn joined(lists: &[Json]) -> Option<Json> {
    let lists: Vec<Vec<Json>> = lists.iter().map(|list| list.parse().ok()).collect::<Option<_>>()?;
    Json::of(&lists.concat()).ok()
}

/// A text. `None` if it is something else.
pub(super) fn string(value: &RawValue) -> Option<Words> {
    serde_json::from_str(value.get()).ok()
}

/// The items of a list, `null` left out. No list is an empty one.
pub(super) fn list(list: &RawValue) -> Vec<&RawValue> {
    let items: Option<Vec<Option<&RawValue>>> = serde_json::from_str(list.get()).ok();
    items.unwrap_or_default().into_iter().flatten().collect()
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Name<'n>(#[serde(borrow)] Cow<'n, str>);
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    fields.push((name, value));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_and_the_rest_is_joined() {
        let text = r#"{"a":null,"b":"x\ud83e","n":7,"l":[1],"e":[],"z":{"k":1}}"#;
        let mut fields = Fields::of(text).unwrap();
        assert!(fields.get("a").is_none() && fields.take("a").is_none());
        assert_eq!(fields.text("b").as_deref(), Some("x\u{fffd}"));
        assert_eq!(fields.label("n").as_deref(), Some("7"));
        assert_eq!(fields.read::<u64>("n"), Some(7));
        assert_eq!(fields.take("n").map(RawValue::get), Some("7"));
        fields.take("b");
        let mut gathered = Gathered::default();
        gathered.take_in(&Fields::of(r#"{"l":[0],"z":2}"#).unwrap());
        gathered.take_in(&fields);
        let written = serde_json::to_string(&gathered.fields()).unwrap();
        assert_eq!(written, r#"{"l":[0,1],"z":{"k":1}}"#);
        assert_eq!(Fields::of("null").unwrap().0.len(), 0);
        assert!(Fields::of("[]").is_err());
    }
}
