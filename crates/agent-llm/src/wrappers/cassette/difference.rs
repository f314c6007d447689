//! Where two questions differ.

use std::fmt;

use super::tree::{Tree, quoted};

/// A place in which a request differs from a recorded one.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestDifference {
    /// The place in the recorded request: `messages.2.content`. Tools stand under their names.
    pub path: String,
    /// The JSON that was recorded there, shortened to where it differs. `None` if there was
    /// nothing.
    pub recorded: Option<String>,
    /// The JSON that is asked now.
    pub asked: Option<String>,
}

impl fmt::Display for RequestDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(f, "{}: recorded {}, asked {}", self.path, shown(&self.recorded), shown(&self.asked))
    }
}

/// The differences between a recorded question and one that is asked, and how large they are.
pub(super) fn differences(recorded: &Tree, asked: &Tree) -> (usize, Vec<RequestDifference>) {
    let mut found = Found::default();
    found.compare("", Some(recorded), Some(asked));
    (found.distance, found.differences)
}

/// The length of what is shown of a value.
const SHOWN: usize = 60;
/// How much of what is equal is shown before a difference.
const BEFORE: usize = 20;

#[derive(Default)]
struct Found {
    distance: usize,
    differences: Vec<RequestDifference>,
}

impl Found {
    fn compare(&mut self, path: &str, recorded: Option<&Tree>, asked: Option<&Tree>) {
        match (recorded, asked) {
            (recorded, asked) if recorded == asked => {}
            (Some(Tree::Object(old)), Some(Tree::Object(new))) => {
                let value = |fields: &'_ [(String, Tree)], name: &str| {
                    fields.iter().position(|(field, _)| field == name)
                };
                for (name, old) in old {
                    let new = value(new, name).map(|place| &new[place].1);
                    self.compare(&join(path, name), Some(old), new);
                }
                for (name, new) in new.iter().filter(|(name, _)| value(old, name).is_none()) {
                    self.compare(&join(path, name), None, Some(new));
                }
            }
            (Some(Tree::List(old)), Some(Tree::List(new))) => self.compare_lists(path, old, new),
            (Some(Tree::Text(old)), Some(Tree::Text(new))) => self.compare_texts(path, old, new),
            (old, new) => {
                let json = |value: Option<&Tree>| value.map(Tree::json);
                let (old, new) = (json(old), json(new));
                let length = |json: &Option<String>| json.as_ref().map_or(0, String::len);
                self.distance += length(&old).max(length(&new));
                let shown = |json: Option<String>| json.map(|json| window(&json, 0));
                self.add(path, shown(old), shown(new));
            }
        }
    }

    /// What is equal at both ends of two lists is passed over. So one more message or tool does not
    /// make all that follow it different.
    fn compare_lists(&mut self, path: &str, old: &[Tree], new: &[Tree]) {
        let before = old.iter().zip(new).take_while(|(old, new)| old == new).count();
        let (old_rest, new_rest) = (&old[before..], &new[before..]);
        let after =
            old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(old, new)| old == new).count();
        let (old, new) = (&old_rest[..old_rest.len() - after], &new_rest[..new_rest.len() - after]);
        for place in 0..old.len().max(new.len()) {
            let (old, new) = (old.get(place), new.get(place));
            let names = [old, new].map(|item| item.and_then(|item| item.get("name")).and_then(Tree::as_text));
            match names {
                [Some(one), Some(other)] if one != other => {
                    self.compare(&join(path, one), old, None);
                    self.compare(&join(path, other), None, new);
                }
                [Some(name), _] | [None, Some(name)] if path == "tools" => {
                    self.compare(&join(path, name), old, new);
                }
                _ => self.compare(&join(path, &(before + place).to_string()), old, new),
            }
        }
    }

    fn compare_texts(&mut self, path: &str, old: &str, new: &str) {
        let same = |(old, new): &(char, char)| old == new;
        let equal: usize = old.chars().zip(new.chars()).take_while(same).map(|(one, _)| one.len_utf8()).sum();
        let ends = old[equal..].chars().rev().zip(new[equal..].chars().rev());
        let after: usize = ends.take_while(same).map(|(one, _)| one.len_utf8()).sum();
        self.distance += old.len().max(new.len()) - equal - after;
        self.add(path, Some(quoted(&window(old, equal))), Some(quoted(&window(new, equal))));
    }

    fn add(&mut self, path: &str, recorded: Option<String>, asked: Option<String>) {
        self.distance += 1;
        self.differences.push(RequestDifference { path: path.to_owned(), recorded, asked });
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The part of a text in which it begins to differ.
fn window(text: &str, equal: usize) -> String {
    let before = text[..equal].char_indices().rev().nth(BEFORE).map(|(place, _)| place);
    // A short beginning is as good as its mark.
    let from = before.filter(|_| text.chars().count() > SHOWN).unwrap_or(0);
    let rest = &text[from..];
    let end = rest.char_indices().nth(SHOWN).map(|(place, _)| place);
    let mark = |cut: bool| if cut { "…" } else { "" };
    format!("{}{}{}", mark(from > 0), &rest[..end.unwrap_or(rest.len())], mark(end.is_some()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(recorded: Value, asked: Value, expected: &[&str]) {
        let (distance, found) =
            differences(&Tree::read(&recorded.to_string()), &Tree::read(&asked.to_string()));
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
        assert_eq!(distance == 0, expected.is_empty());
    }

    #[test]
    fn a_difference_has_its_place_and_both_values() {
        let message = |text: &str| json!({"role": "user", "content": text});
        let messages =
            |texts: &[&str]| json!({"messages": texts.iter().map(|text| message(text)).collect::<Vec<_>>()});
        check(json!({"a": 1, "b": [1]}), json!({"b": [1], "a": 1}), &[]);
        check(json!({"a": 1}), json!({"a": 2}), &["a: recorded 1, asked 2"]);
        check(
            json!({"a": 1}),
            json!({"b": "x"}),
            &["a: recorded 1, asked nothing", r#"b: recorded nothing, asked "x""#],
        );
        check(
            messages(&["one", "two", "three"]),
            messages(&["one", "2", "three"]),
            &[r#"messages.1.content: recorded "two", asked "2""#],
        );
        check(
            messages(&["one", "three"]),
            messages(&["one", "two", "three"]),
            &[r#"messages.1: recorded nothing, asked {"role":"user","content":"two"}"#],
        );
        let long = "It is a long story. ".repeat(5);
        check(
            json!({"system": format!("{long}Be brief.{long}")}),
            json!({"system": format!("{long}Be polite.{long}")}),
            &[
                r#"system: recorded "… is a long story. Be brief.It is a long story. It is a long …", asked "… is a long story. Be polite.It is a long story. It is a long…""#,
            ],
        );
    }

    #[test]
    fn tools_are_compared_by_their_names() {
        let tools = |names: &[(&str, &str)]| {
            let tool = |(name, text): &(&str, &str)| json!({"name": name, "description": text});
            json!({"tools": names.iter().map(tool).collect::<Vec<_>>()})
        };
        check(
            tools(&[("a", "A."), ("b", "B.")]),
            tools(&[("a", "A!"), ("b", "B.")]),
            &[r#"tools.a.description: recorded "A.", asked "A!""#],
        );
        check(
            tools(&[("a", "A."), ("b", "B.")]),
            tools(&[("b", "B.")]),
            &[r#"tools.a: recorded {"name":"a","description":"A."}, asked nothing"#],
        );
    }
}
