//! Puts results into the input of a step, or into what the model asked to see.

use serde_json::value::RawValue;

use super::reference::{Node, as_text, at, node_at};
use crate::{Json, message::truncate::prefix};

/// The most bytes of an input with all results in it, and of what is shown of a plan.
pub(in crate::conversation) const LONGEST: usize = 4_000_000;

/// How many bytes of JSON an error shows.
const SHOWN: usize = 200;

/// The result of the first of these steps that has one. The error says why there is none.
type Lookup<'a> = dyn Fn(&[String]) -> Result<Json, String> + 'a;

/// Where the values come from that replace parts of a template.
pub(in crate::conversation) struct Values<'a> {
    /// The result of the first of these steps that has one. The error says why there is none.
    pub(in crate::conversation) result: Box<Lookup<'a>>,
    /// The current item.
    pub(in crate::conversation) item: Option<&'a Json>,
    /// Whether a result that is not there is replaced by an object with the error.
    pub(in crate::conversation) shows_errors: bool,
}

/// The object that stands for a result that is not there.
pub(in crate::conversation) fn error(why: &str) -> Json {
    serde_json::json!({ "error": why }).into()
}

/// The beginning of some JSON, for an error.
pub(in crate::conversation) fn beginning(json: &Json) -> String {
    let shown = prefix(json.text(), SHOWN);
    if shown.len() < json.text().len() { format!("{shown}…") } else { shown.to_owned() }
}

/// The text so far, and how deep in the template the next value is.
struct Output {
    text: String,
    depth: usize,
}

impl Values<'_> {
    /// The template with all values in their places. Key order and numbers stay as they were
    /// written.
    pub(in crate::conversation) fn fill(&self, template: &Json) -> Result<Json, String> {
        if !template.text().contains("\"$") {
            return Ok(template.clone());
        }
        let mut output = Output { text: String::new(), depth: 0 };
        self.write(template.raw(), &mut output)?;
        Ok(Json::checked(output.text))
    }

    fn write(&self, value: &RawValue, output: &mut Output) -> Result<(), String> {
        match node_at(value, output.depth)? {
            Node::Plain => output.push(value.get()),
            Node::Literal(value) => output.push(value.get()),
            Node::From { steps, path } => match self.found(&steps, &path) {
                Err(why) if self.shows_errors => output.push(error(&why).text()),
                found => output.push(found?.text()),
            },
            Node::Item { path } => {
                let item = self.item.ok_or("there is no item here")?;
                let part = at(item, &path);
                let nothing = || format!("the item has nothing at {path:?}: {}", beginning(item));
                output.push(part.ok_or_else(nothing)?.text())
            }
            Node::Text(parts) => {
                let mut text = Output { text: String::new(), depth: output.depth + 1 };
                for part in parts {
                    let mut written = Output { text: String::new(), depth: text.depth };
                    self.write(part, &mut written)?;
                    text.push(&as_text(Json::checked(written.text).raw()))?;
                }
                output.push(&serde_json::to_string(&text.text).expect("a string can always be written"))
            }
            Node::List(items) => output.within(['[', ']'], items, |item, output| self.write(item, output)),
            Node::Object(fields) => output.within(['{', '}'], fields.iter(), |(name, value), output| {
                output.push(&serde_json::to_string(name).expect("a string can always be written"))?;
                output.push(":")?;
                self.write(value, output)
            }),
        }
    }

    fn found(&self, steps: &[String], path: &str) -> Result<Json, String> {
        let result = (self.result)(steps)?;
        let nothing = || format!("the result of step {:?} has nothing at {path:?}", steps.join(", "));
        at(&result, path).ok_or_else(nothing)
    }
}

impl Output {
    /// Adds text. A result may be used many times, so a short template can ask for more than there
    /// is memory.
    fn push(&mut self, text: &str) -> Result<(), String> {
        if self.text.len() + text.len() > LONGEST {
            return Err(format!("with all results in it, it would be longer than {LONGEST} bytes"));
        }
        self.text.push_str(text);
        Ok(())
    }

    /// Adds the values of a list or an object, between its brackets.
    fn within<T>(
        &mut self,
        [open, close]: [char; 2],
        values: impl IntoIterator<Item = T>,
        write: impl Fn(T, &mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        self.depth += 1;
        self.text.push(open);
        for (place, value) in values.into_iter().enumerate() {
            if place > 0 {
                self.text.push(',');
            }
            write(value, self)?;
        }
        self.text.push(close);
        self.depth -= 1;
        Ok(())
    }
}
