//! JSON to compare: fields in one order, and numbers as they were written.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::value::RawValue;

/// A JSON value. Numbers keep their text, because a float that is read and written again may not be
/// the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Tree {
    Text(String),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
    /// A number, `true`, `false` or `null`. Also what is nested too deep to be taken apart.
    Other(String),
}

/// How deep a value is taken apart.
const DEEPEST: usize = 128;

/// These fields come first, and the others after them by their names.
const FIRST: [&str; 9] =
    ["agent", "role", "type", "id", "tool_use_id", "name", "description", "max_tokens", "system"];

impl Tree {
    /// Reads the text of a JSON value. Text that is none stays as it is.
    pub(super) fn read(json: &str) -> Self {
        Self::read_at(json, 0)
    }

    fn read_at(json: &str, depth: usize) -> Self {
        let json = json.trim();
        let other = || Self::Other(json.to_owned());
        match json.as_bytes().first() {
            Some(b'"') => serde_json::from_str(json).map_or_else(|_| other(), Self::Text),
            Some(b'[') if depth < DEEPEST => match serde_json::from_str::<Vec<&RawValue>>(json) {
                Ok(items) => {
                    Self::List(items.iter().map(|item| Self::read_at(item.get(), depth + 1)).collect())
                }
                Err(_) => other(),
            },
            Some(b'{') if depth < DEEPEST => {
                match serde_json::from_str::<BTreeMap<String, &RawValue>>(json) {
                    Ok(fields) => Self::object(
                        fields.into_iter().map(|(name, value)| (name, Self::read_at(value.get(), depth + 1))),
                    ),
                    Err(_) => other(),
                }
            }
            _ => other(),
        }
    }

    /// Makes an object of these fields.
    pub(super) fn object(fields: impl IntoIterator<Item = (String, Self)>) -> Self {
        let mut fields: Vec<(String, Self)> = fields.into_iter().collect();
        let rank = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
        fields.sort_by(|(one, _), (other, _)| (rank(one), one).cmp(&(rank(other), other)));
        Self::Object(fields)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.iter().find(|(field, _)| field == name).map(|(_, value)| value),
            _ => None,
        }
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Self> {
        match self {
            Self::Object(fields) => {
                fields.iter_mut().find(|(field, _)| field == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::List(items) => items.is_empty(),
            Self::Object(fields) => fields.is_empty(),
            _ => false,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Other(word) if word == "null")
    }

    /// Changes every text in it, and says whether one was changed. What was not taken apart is
    /// changed as it is, if it is still JSON then.
    pub(super) fn change_texts(&mut self, change: &dyn Fn(&str) -> Cow<'_, str>) -> bool {
        let (text, is_json) = match self {
            Self::Text(text) => (text, false),
            Self::Other(json) if json.starts_with(['[', '{']) => (json, true),
            Self::Other(_) => return false,
            Self::List(items) => {
                return items.iter_mut().fold(false, |any, item| item.change_texts(change) | any);
            }
            Self::Object(fields) => {
                return fields.iter_mut().fold(false, |any, (_, value)| value.change_texts(change) | any);
            }
        };
        let new = match change(text) {
            Cow::Owned(new) if new != *text => new,
            _ => return false,
        };
        if is_json && serde_json::from_str::<&RawValue>(&new).is_err() {
            return false;
        }
        *text = new;
        true
    }

    /// The JSON text, on one line and without spaces between its parts.
    pub(super) fn json(&self) -> String {
        let mut json = String::new();
        self.write(&mut json);
        json
    }

    fn write(&self, json: &mut String) {
        match self {
            Self::Text(text) => json.push_str(&quoted(text)),
            Self::Other(other) => json.push_str(other),
            Self::List(items) => {
                json.push('[');
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        json.push(',');
                    }
                    item.write(json);
                }
                json.push(']');
            }
            Self::Object(fields) => {
                json.push('{');
                for (place, (name, value)) in fields.iter().enumerate() {
                    if place > 0 {
                        json.push(',');
                    }
                    json.push_str(&quoted(name));
                    json.push(':');
                    value.write(json);
                }
                json.push('}');
            }
        }
    }
}

/// A text as a string of JSON.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string can always be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_one_order_and_numbers_stay_as_they_were_written() {
        let check = |json: &str, expected: &str| {
            assert_eq!(Tree::read(json).json(), expected);
            assert_eq!(Tree::read(expected).json(), expected, "again");
        };
        check(r#"{"b": 1, "a": [ 2 ], "type": "x"}"#, r#"{"type":"x","a":[2],"b":1}"#);
        check(
            "[12345678901234567890123, 1.0, 0.30000000000000004, 1e2, null, true]",
            "[12345678901234567890123,1.0,0.30000000000000004,1e2,null,true]",
        );
        check(r#""a\u0041\n""#, r#""aA\n""#);
        check("{}", "{}");
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        check(&deep, &deep);
    }
}
