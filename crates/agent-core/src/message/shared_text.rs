//! Text whose clones share it.

use std::{
    borrow::{Borrow, Cow},
    cmp::Ordering,
    fmt, hash,
    ops::Deref,
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Visitor};

use super::ToolCall;

/// A text that is never copied when it is cloned: all clones share it. Events have such texts, so
/// that a listener can keep them at little cost.
///
/// It is used like a `&str`, and made with `into()` from a `&str` or a `String`:
///
/// ```
/// use agent_core::SharedText;
///
/// let tool: SharedText = "weather".into();
/// assert!(tool == "weather" && tool.starts_with("we"));
/// let copied: String = tool.into();
/// assert_eq!(copied, "weather");
/// ```
#[derive(Clone)]
pub struct SharedText(Source);

/// Where the text is. An event that names a call needs no text of its own, because the call has it.
#[derive(Clone)]
enum Source {
    Text(Arc<str>),
    IdOf(Arc<ToolCall>),
    NameOf(Arc<ToolCall>),
}

impl SharedText {
    /// The id of a call.
    pub(crate) fn id_of(call: &Arc<ToolCall>) -> Self {
        Self(Source::IdOf(call.clone()))
    }

    /// The name of a call's tool.
    pub(crate) fn name_of(call: &Arc<ToolCall>) -> Self {
        Self(Source::NameOf(call.clone()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Source::Text(text) => text,
            Source::IdOf(call) => &call.id,
            Source::NameOf(call) => &call.name,
        }
    }
}

impl Deref for SharedText {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for SharedText {
    fn as_ref(&self) -> &str {
        self
    }
}

impl Borrow<str> for SharedText {
    fn borrow(&self) -> &str {
        self
    }
}

impl Default for SharedText {
    fn default() -> Self {
        "".into()
    }
}

impl From<Arc<str>> for SharedText {
    fn from(text: Arc<str>) -> Self {
        Self(Source::Text(text))
    }
}

impl From<&str> for SharedText {
    fn from(text: &str) -> Self {
        Arc::<str>::from(text).into()
    }
}

impl From<&String> for SharedText {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for SharedText {
    fn from(text: String) -> Self {
        Arc::<str>::from(text).into()
    }
}

impl From<Cow<'_, str>> for SharedText {
    fn from(text: Cow<'_, str>) -> Self {
        text.as_ref().into()
    }
}

impl From<SharedText> for Arc<str> {
    fn from(text: SharedText) -> Self {
        match text.0 {
            Source::Text(text) => text,
            _ => text.as_str().into(),
        }
    }
}

impl From<&SharedText> for String {
    fn from(text: &SharedText) -> Self {
        text.as_str().to_owned()
    }
}

impl From<SharedText> for String {
    fn from(text: SharedText) -> Self {
        text.as_str().to_owned()
    }
}

impl PartialEq for SharedText {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for SharedText {}

impl PartialOrd for SharedText {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SharedText {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other)
    }
}

/// The same hash as that of a `str`, so that maps can be asked with one.
impl hash::Hash for SharedText {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

macro_rules! equals {
    ($($other:ty),*) => {$(
        impl PartialEq<$other> for SharedText {
            fn eq(&self, other: &$other) -> bool {
                let other: &str = other;
                self.as_str() == other
            }
        }

        impl PartialEq<SharedText> for $other {
            fn eq(&self, other: &SharedText) -> bool {
                other == self
            }
        }
    )*};
}

equals!(str, &str, String);

impl fmt::Debug for SharedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for SharedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl Serialize for SharedText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for SharedText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = SharedText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E>(self, text: &str) -> Result<SharedText, E> {
                Ok(text.into())
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::Json;

    #[test]
    fn a_text_of_a_call_is_the_same_as_one_of_its_own() {
        let call =
            Arc::new(ToolCall { id: "a".into(), name: "look".into(), input: Json::read("{}").unwrap() });
        let (id, name) = (SharedText::id_of(&call), SharedText::name_of(&call));
        assert_eq!((&*id, &*name), ("a", "look"));
        assert_eq!((&id, &name), (&"a".into(), &"look".to_owned().into()));
        assert_eq!(serde_json::to_string(&[&id, &name]).unwrap(), r#"["a","look"]"#);
        assert_eq!(format!("{id} {name:?}"), r#"a "look""#);
        let counts = HashMap::from([(id.clone(), 1), (name, 2)]);
        assert_eq!((counts.get("look"), counts.get("b")), (Some(&2), None));
        let read: SharedText = serde_json::from_str(r#""\u0061""#).unwrap();
        assert_eq!(read, id);
    }

    #[test]
    fn clones_share_the_text() {
        let text: SharedText = "look".into();
        assert!(std::ptr::eq(text.as_str(), text.clone().as_str()));
    }
}
