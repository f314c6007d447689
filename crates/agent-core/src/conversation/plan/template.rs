//! Puts results into the input of a step, or into what the model asked to see.

use serde_json::value::RawValue;

use super::reference::{Node, as_text, at, node};
use crate::{Json, message::fields::Fields};

/// Where the values come from that replace parts of a template.
pub(in crate::conversation) struct Values<'a> {
    /// The result of the first of these steps that has one. The error says why there is none.
    pub(in crate::conversation) result: &'a dyn Fn(&[String]) -> Result<Json, String>,
    /// The current item.
    pub(in crate::conversation) item: Option<&'a Json>,
    /// Whether a result that is not there is replaced by an object with the error.
    pub(in crate::conversation) shows_errors: bool,
}

/// The object that stands for a result that is not there.
pub(in crate::conversation) fn error(why: &str) -> Json {
    serde_json::json!({ "error": why }).into()
}

impl Values<'_> {
    /// The template with all values in their places. Key order and numbers stay as they were written.
    pub(in crate::conversation) fn fill(&self, template: &Json) -> Result<Json, String> {
        match template.text().contains("\"$") {
            true => Ok(Json::checked(self.filled(template.raw())?)),
            false => Ok(template.clone()),
        }
    }

    fn found(&self, steps: &[String], path: &str) -> Result<Json, String> {
        let result = (self.result)(steps)?;
        let nothing = || format!("the result of step {:?} has nothing at {path:?}", steps.join(", "));
        at(&result, path).ok_or_else(nothing)
    }

    fn filled(&self, value: &RawValue) -> Result<String, String> {
        Ok(match node(value)? {
            Node::Plain => value.get().to_owned(),
            Node::From { steps, path } => match self.found(&steps, &path) {
                Err(why) if self.shows_errors => error(&why).text().to_owned(),
                found => found?.text().to_owned(),
            },
            Node::Item { path } => {
                let item = self.item.ok_or("there is no item here")?;
                at(item, &path)
                    .ok_or_else(|| format!("the item has nothing at {path:?}: {item}"))?
                    .text()
                    .to_owned()
            }
            Node::Text(parts) => {
                let mut text = String::new();
                for part in parts {
                    let part = self.filled(part)?;
                    text.push_str(&as_text(Json::checked(part).raw()));
                }
                serde_json::to_string(&text).expect("a string can always be written")
            }
            Node::List(items) => {
                let items = items.into_iter().map(|item| self.filled(item)).collect::<Result<Vec<_>, _>>()?;
                format!("[{}]", items.join(","))
            }
            Node::Object(fields) => {
                let mut filled = Fields::default();
                for (name, value) in fields.iter() {
                    filled.set(name.to_owned(), Json::checked(self.filled(value)?).raw());
                }
                filled.json().text().to_owned()
            }
        })
    }
}
