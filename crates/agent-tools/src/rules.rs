//! A JSON Schema that is compiled, to check inputs against. Only with the feature `validate`.
//! `docs/oracle.md` says why it is done with `boon`, and that it passes the official tests.

use std::{error::Error, fmt::Write};

use boon::{CompileError, Compiler, ErrorKind, SchemaIndex, Schemas, UrlLoader, ValidationError};
use serde_json::Value;

/// The most bytes that the model reads about one input.
const LONGEST: usize = 2_000;

/// The checker wants an address for each schema. Nothing is fetched from there, or from anywhere.
const PLACE: &str = "https://tool.invalid/input";

/// A compiled schema.
pub(crate) struct Rules {
    schemas: Schemas,
    index: SchemaIndex,
}

/// Which of the rules are checked.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Which {
    /// All rules.
    All,
    /// Only limits of values. Names and types of fields are checked when the type is read, which
    /// may allow more than its schema shows: a second name for a field, for example.
    Limits,
}

/// Loads nothing: a schema that refers to another document is an error. No file is read, and
/// nothing is fetched.
struct Nowhere;

impl UrlLoader for Nowhere {
    fn load(&self, _: &str) -> Result<Value, Box<dyn Error>> {
        Err("a schema can refer only to its own parts".into())
    }
}

impl Rules {
    /// Compiles a schema. The error says what is wrong with it.
    pub(crate) fn of(schema: Value) -> Result<Self, String> {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.use_loader(Box::new(Nowhere));
        compiler.add_resource(PLACE, schema).map_err(|error| why(&error))?;
        let index = compiler.compile(PLACE, &mut schemas).map_err(|error| why(&error))?;
        Ok(Self { schemas, index })
    }

    /// Checks an input. The error says which rules it breaks, and where, in words for the model.
    pub(crate) fn check(&self, input: &Value, which: Which) -> Result<(), String> {
        let Err(error) = self.schemas.validate(input, self.index) else { return Ok(()) };
        let mut broken = Vec::new();
        say(&error, which, &mut broken);
        if broken.is_empty() {
            return Ok(());
        }
        let mut words = String::new();
        for (place, rule) in broken.iter().enumerate() {
            if words.len() + rule.len() > LONGEST && place > 0 {
                let _ = write!(words, "; and {} more", broken.len() - place);
                break;
            }
            let _ = write!(words, "{}{rule}", if place == 0 { "" } else { "; " });
        }
        Err(words)
    }
}

/// What is wrong with a schema, on one line.
fn why(error: &CompileError) -> String {
    let mut broken = Vec::new();
    if let CompileError::ValidationError { src, .. } = error {
        say(src, Which::All, &mut broken);
    }
    let words = if broken.is_empty() { format!("{error:#}").replace(PLACE, "") } else { broken.join("; ") };
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Collects each rule that is broken, with its place in the input.
fn say(error: &ValidationError<'_, '_>, which: Which, broken: &mut Vec<String>) {
    if which == Which::Limits && !is_of_limit(error) {
        return;
    }
    let place = error.instance_location.to_string();
    let at = if place.is_empty() { "the top level" } else { place.as_str() };
    match &error.kind {
        ErrorKind::AnyOf | ErrorKind::OneOf(None) => {
            let ways = error.causes.iter().map(|cause| {
                let mut broken = Vec::new();
                say(cause, Which::All, &mut broken);
                broken.join(" and ")
            });
            broken.push(format!(
                "at {at}: fits none of the alternatives: {}",
                ways.collect::<Vec<_>>().join(", or ")
            ));
        }
        _ if !error.causes.is_empty() => error.causes.iter().for_each(|cause| say(cause, which, broken)),
        kind => broken.push(format!("at {at}: {kind}")),
    }
}

/// Whether the broken rule is a limit, or contains a broken limit.
fn is_of_limit(error: &ValidationError<'_, '_>) -> bool {
    match &error.kind {
        ErrorKind::Type { .. }
        | ErrorKind::Required { .. }
        | ErrorKind::AdditionalProperties { .. }
        | ErrorKind::AdditionalItems { .. }
        | ErrorKind::FalseSchema
        | ErrorKind::Const { .. }
        | ErrorKind::OneOf(Some(_)) => false,
        _ if !error.causes.is_empty() => error.causes.iter().any(is_of_limit),
        _ => true,
    }
}
