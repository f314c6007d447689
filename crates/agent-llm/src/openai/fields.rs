//! The fields of a JSON object that a server wrote.

use std::{borrow::Cow, collections::BTreeMap};

use agent_core::Json;
use memchr::memchr;
use serde::{Deserialize, de::MapAccess};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use super::{
    object::{Known, Listed, object},
    openai_blocks::{Others, says_nothing},
};
use crate::transport::words::Words;

/// The fields of an object, in order, each as its text. `null` stands for an object without fields.
/// Most objects have few, which need no memory of their own.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>(SmallVec<[(Cow<'a, str>, &'a RawValue); 8]>);

impl<'a> Fields<'a> {
    /// Reads an object.
    pub(super) fn of(text: &'a str) -> serde_json::Result<Self> {
        object(text)
    }

    /// A field; `None` if it is absent or `null`.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().find(|(key, _)| key == name).map(|(_, value)| *value);
        found.filter(|value| value.get() != "null")
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A field that is a number of things; `None` if it is absent or something else.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        number(self.get(name)?)
    }

    /// A field that is a word, in which there is nothing to replace.
    pub(super) fn word(&self, name: &str) -> Option<Cow<'a, str>> {
        word(self.get(name)?)
    }

    /// A field that is a text. Half a character in it is replaced.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        text(self.get(name)?)
    }

    /// A field that names something: a text that is not empty, or a number by its text.
    pub(super) fn label(&self, name: &str) -> Option<String> {
        label(self.get(name)?)
    }

    /// The fields that say something, but for those with a place of their own.
    pub(super) fn others(&self, has_place: impl Fn(&str) -> bool) -> Others {
        let others = self.0.iter().filter(|(name, value)| !has_place(name) && !says_nothing(value.get()));
        others.map(|(name, value)| (name.clone().into_owned(), Json::from(*value))).collect()
    }

    /// Adds the fields that say something to others, whose place they take. Each chunk of a reply
    /// repeats some of them, so those that are there already are not copied.
    pub(super) fn add_to(&self, others: &mut Others) {
        for (name, value) in self.0.iter().filter(|(_, value)| !says_nothing(value.get())) {
            match others.get_mut(&**name) {
                Some(old) if old.text() == value.get() => {}
                Some(old) => *old = Json::from(*value),
                None => drop(others.insert(name.clone().into_owned(), Json::from(*value))),
            }
        }
    }
}

/// Fields that come piece by piece.
#[derive(Debug, Default)]
pub(super) struct Gathered(BTreeMap<String, Vec<Json>>);

impl Gathered {
    /// Takes in the fields that say something.
    pub(super) fn take_in(&mut self, fields: &Fields<'_>) {
        for (name, value) in fields.others(|_| false) {
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

/// A text, in which half a character is replaced. `None` if it is something else.
pub(super) fn text(value: &RawValue) -> Option<String> {
    plain(value).map(str::to_owned).or_else(|| string(value).map(Words::text))
}

/// A text that stands in the JSON as it is, as one without escapes does. `None` if it is something
/// else.
fn plain(value: &RawValue) -> Option<&str> {
    let text = value.get().strip_prefix('"')?.strip_suffix('"')?;
    memchr(b'\\', text.as_bytes()).is_none().then_some(text)
}

/// A word, in which there is nothing to replace. `None` if it is something else.
pub(super) fn word(value: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Word<'w>(#[serde(borrow)] Cow<'w, str>);
    let escaped = || serde_json::from_str(value.get()).ok().map(|Word(word)| word);
    plain(value).map(Cow::Borrowed).or_else(escaped)
}

/// A number of things. `None` if it is something else.
pub(super) fn number(value: &RawValue) -> Option<u64> {
    value.get().parse().ok()
}

/// What names something: a text that is not empty, or a number by its text.
pub(super) fn label(value: &RawValue) -> Option<String> {
    let number = || value.get().parse::<f64>().is_ok().then(|| value.get().to_owned());
    text(value).or_else(number).filter(|label| !label.is_empty())
}

/// A text, half a character included. `None` if it is something else.
pub(super) fn string(value: &RawValue) -> Option<Words> {
    let text = value.get().strip_prefix('"')?.strip_suffix('"')?;
    Words::of_short_escapes(text).or_else(|| serde_json::from_str(value.get()).ok())
}

/// The input of a call: a text that should be JSON. Some servers write the JSON itself.
pub(super) fn input(value: &RawValue) -> Option<Words> {
    match value.get().as_bytes().first() {
        Some(b'"') => string(value),
        Some(b'{' | b'[') => Some(Words::from(value.get())),
        _ => None,
    }
}

/// The items of a list, `null` left out. No list is an empty one.
pub(super) fn list(list: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(list.get()).map(|Listed(items)| items).unwrap_or_default()
}

impl<'de> Known<'de> for Fields<'de> {
    fn read_field<A: MapAccess<'de>>(&mut self, name: Cow<'de, str>, map: &mut A) -> Result<(), A::Error> {
        self.0.push((name, map.next_value()?));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_and_the_rest_is_joined() {
        let text = r#"{"a":null,"b":"x\ud83e","n":7,"l":[1],"e":[],"z":{"k":1}}"#;
        let fields = Fields::of(text).unwrap();
        assert!(fields.get("a").is_none() && fields.word("b").is_none() && fields.number("b").is_none());
        assert_eq!(fields.text("b").as_deref(), Some("x\u{fffd}"));
        assert_eq!(fields.label("n").as_deref(), Some("7"));
        assert_eq!(fields.number("n"), Some(7));
        let mut gathered = Gathered::default();
        gathered.take_in(&Fields::of(r#"{"l":[0],"z":2}"#).unwrap());
        gathered.take_in(&Fields::of(r#"{"a":null,"l":[1],"e":[],"z":{"k":1}}"#).unwrap());
        let written = serde_json::to_string(&gathered.fields()).unwrap();
        assert_eq!(written, r#"{"l":[0,1],"z":{"k":1}}"#);
        assert_eq!(Fields::of("null").unwrap().0.len(), 0);
        assert!(Fields::of("[]").is_err());
    }
}
