//! JSON that is kept as the text in which it was written.

use std::{fmt, ops::Range, ptr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::message::surrogates;

/// A JSON value, kept as the text in which it was written. Key order, big integers and unknown
/// fields are kept. Clones share the text, and so do values that are taken out of it.
///
/// The one exception is an unpaired surrogate: an escape that is half a character, such as `\ud83e`
/// without its `\udd80`. JSON allows it, but a Rust string can't hold it. It becomes `\ufffd`, the
/// replacement character.
#[derive(Clone)]
pub struct Json {
    /// The text that contains this value, such as a whole reply.
    whole: Arc<str>,
    place: Range<usize>,
}

impl Json {
    /// Makes a `Json` from its text. Fails if `text` is not one JSON value.
    pub fn read(text: impl Into<String>) -> Result<Self, serde_json::Error> {
        Self::of_text(&text.into())
    }

    /// Makes a `Json` from its text.
    pub(crate) fn of_text(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<&RawValue>(text).map(Self::from)
    }

    /// Serializes a value to JSON.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(Self::checked)
    }

    /// The JSON text, as it was written.
    pub fn text(&self) -> &str {
        &self.whole[self.place.clone()]
    }

    /// The value as serde's raw JSON. serde_json parses the text again for this, so code that
    /// writes a lot uses [`text`](Self::text).
    pub(crate) fn raw(&self) -> &RawValue {
        serde_json::from_str(self.text()).expect("it was read, or written, as JSON before")
    }

    /// Makes a value of a part of this text, and shares the text.
    pub(crate) fn part(&self, part: &RawValue) -> Self {
        let text = part.get();
        let from = (text.as_ptr() as usize).wrapping_sub(self.whole.as_ptr() as usize);
        let place = from..from.wrapping_add(text.len());
        match self.whole.get(place.clone()).is_some_and(|found| ptr::eq(found, text)) {
            true => Self { whole: self.whole.clone(), place },
            false => part.into(),
        }
    }

    /// The last value of this object, of which it is known where it is: it has so many bytes.
    pub(crate) fn last_value(&self, bytes: usize) -> Self {
        let end = self.place.end - 1;
        Self { whole: self.whole.clone(), place: end - bytes..end }
    }

    /// This JSON with another value in the place of a part, and that value as a part of it. `None`
    /// if the part shares no text with this.
    pub(crate) fn with_part(&self, part: &Self, value: &Self) -> Option<(Self, Self)> {
        let is_inside = part.place.start >= self.place.start && part.place.end <= self.place.end;
        if !is_inside || !Arc::ptr_eq(&self.whole, &part.whole) {
            return None;
        }
        let (before, behind) = (self.place.start..part.place.start, part.place.end..self.place.end);
        let place = before.len()..before.len() + value.text().len();
        let whole: Arc<str> = [&self.whole[before], value.text(), &self.whole[behind]].concat().into();
        let json = Self { whole: whole.clone(), place: 0..whole.len() };
        Some((json, Self { whole, place }))
    }

    /// Keeps text without checking it. Only for text that the caller parses next, and drops if it
    /// is not JSON.
    pub(crate) fn unread(text: impl Into<Arc<str>>) -> Self {
        Self::checked(text.into())
    }

    /// Keeps JSON that was put together of strings and of JSON that was kept before. So it has no
    /// half of a character.
    pub(crate) fn written(text: Vec<u8>) -> Self {
        let whole: Arc<str> = String::from_utf8(text).expect("its parts are texts").into();
        let place = 0..whole.len();
        Self { whole, place }
    }

    /// Keeps text that is known to be JSON.
    pub(crate) fn checked(text: impl AsRef<str> + Into<Arc<str>>) -> Self {
        let whole = match surrogates::replaced(text.as_ref()) {
            Some(whole) => whole.into(),
            None => text.into(),
        };
        let place = 0..whole.len();
        Self { whole, place }
    }

    /// Reads the JSON as a `T`. The error says where in the JSON the problem is, and what it is.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, InvalidJson> {
        parse(self.text())
    }
}

/// Reads JSON text as a `T`.
pub(crate) fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, InvalidJson> {
    // Tracking the path costs more than reading. So it is done only in a second pass, after an
    // error.
    serde_json::from_str(text).or_else(|_| {
        let mut reader = serde_json::Deserializer::from_str(text);
        serde_path_to_error::deserialize(&mut reader).map_err(InvalidJson::from)
    })
}

/// Reads a field for which some servers write `null` instead of leaving it out.
pub(crate) fn null_is_absent<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The error for JSON that does not have the shape that was asked for. It says where (a JSON
/// pointer, RFC 6901) and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at {}: {message}", if .pointer.is_empty() { "the top level" } else { .pointer })]
pub struct InvalidJson {
    /// The place of the problem, as a JSON pointer: `/points/0/x`. Empty for the whole value.
    pub pointer: String,
    /// What is wrong at this place.
    pub message: String,
}

impl InvalidJson {
    pub(crate) fn missing(field: &str) -> Self {
        Self { pointer: String::new(), message: format!("missing field `{field}`") }
    }

    /// Puts the error inside a field of an outer value: the pointer begins with that field.
    pub(crate) fn within(self, field: &str) -> Self {
        Self { pointer: format!("/{}{}", escaped(field), self.pointer), ..self }
    }
}

/// Escapes a name for a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

impl From<serde_path_to_error::Error<serde_json::Error>> for InvalidJson {
    fn from(error: serde_path_to_error::Error<serde_json::Error>) -> Self {
        use serde_path_to_error::Segment;
        let mut pointer = String::new();
        for segment in error.path() {
            let part = match segment {
                Segment::Seq { index } => index.to_string(),
                Segment::Map { key } => key.clone(),
                Segment::Enum { variant } => variant.clone(),
                Segment::Unknown => continue,
            };
            pointer.push('/');
            pointer.push_str(&escaped(&part));
        }
        let inner = error.inner();
        let message = inner.to_string();
        // For a wrong shape, the pointer is the place. For text that is not JSON, line and column
        // are, so they stay in the message.
        let place = message.rfind(" at line ").filter(|_| inner.is_data());
        let message = place.map_or(message.as_str(), |place| &message[..place]).to_owned();
        Self { pointer, message }
    }
}

impl From<Box<RawValue>> for Json {
    fn from(raw: Box<RawValue>) -> Self {
        Self::from(&*raw)
    }
}

impl From<&RawValue> for Json {
    fn from(raw: &RawValue) -> Self {
        Self::checked(raw.get())
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        Self::of(&value).expect("a Value has only string keys, so it can always be written")
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Json {}

/// Writes the JSON text, as it was written.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_as_it_was_written() {
        let text = r#"{ "z":1, "a":123456789012345678901234567890 }"#;
        let json: Json = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&json).unwrap(), text);
    }

    #[test]
    fn what_is_half_a_character_becomes_the_replacement_character_wherever_a_value_comes_from() {
        let (half, whole) = (r#"{"\ud83e":["\udd80"], "n":1}"#, r#"{"\ufffd":["\ufffd"], "n":1}"#);
        assert_eq!(Json::read(half).unwrap().text(), whole);
        assert_eq!(serde_json::from_str::<Json>(half).unwrap().text(), whole);
        let raw = RawValue::from_string(half.to_owned()).unwrap();
        assert_eq!(Json::of(&raw).unwrap().text(), whole);
        assert_eq!(Json::from(raw).parse::<serde_json::Value>().unwrap()["\u{fffd}"][0], "\u{fffd}");
    }

    #[test]
    fn a_part_is_replaced_where_it_is() {
        let whole = Json::read(r#"{"o":{"a":[1]},"b":{}}"#).unwrap();
        let [inner, part] = [5..14, 10..13].map(|place| Json { place, ..whole.clone() });
        let value = Json::read("\"é\"").unwrap();
        let check = |json: &Json, expected: &str| {
            let (replaced, inside) = json.with_part(&part, &value).unwrap();
            assert_eq!((replaced.text(), inside.text()), (expected, "\"é\""));
            assert!(Arc::ptr_eq(&replaced.whole, &inside.whole));
        };
        check(&whole, r#"{"o":{"a":"é"},"b":{}}"#);
        check(&inner, r#"{"a":"é"}"#);
        assert!(part.with_part(&inner, &value).is_none());
        assert!(whole.with_part(&value, &value).is_none());
        assert_eq!(whole.last_value(2).text(), "{}");
    }

    #[test]
    fn an_error_says_where_as_a_json_pointer() {
        #[derive(Debug, Deserialize)]
        struct Point {
            #[serde(rename = "a/b")]
            #[allow(dead_code)]
            x: i32,
        }
        let json = Json::read(r#"[{"a/b":1},{"a/b":"no"}]"#).unwrap();
        let error = json.parse::<Vec<Point>>().unwrap_err();
        assert_eq!(error.pointer, "/1/a~1b");
        assert!(error.to_string().starts_with("at /1/a~1b: invalid type"), "{error}");
    }
}
