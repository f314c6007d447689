//! Calls that take turns with some others.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use serde_json::Number;

use crate::{Json, message::fields::Fields};

/// Which calls of a tool take turns: those of one key do, in call order; others don't wait.
///
/// Calls of several tools take turns if their keys are equal: edits of one file by two tools, for one. The
/// key of an input must be the same whenever it is asked for. A call that takes turns never starts early and shares
/// its result with no twin, also if it only reads: one before it may change what it reads.
///
/// ```
/// # use agent_core::{ToolSpec, tool::ExclusiveBy};
/// let mut spec = ToolSpec::new("edit", "Edits a file.", serde_json::json!({"type": "object"}));
/// spec.exclusive_by = Some(ExclusiveBy::field("path"));
/// ```
#[derive(Clone)]
pub struct ExclusiveBy(Arc<KeyOf>);

type KeyOf = dyn Fn(&Json) -> Option<String> + Send + Sync;

impl ExclusiveBy {
    /// Calls take turns by the key of their input; those without a key wait for nobody.
    pub fn new(key: impl Fn(&Json) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(key))
    }

    /// Calls take turns by this field of their input, a text or a number; those without it wait for nobody.
    pub fn field(name: impl Into<String>) -> Self {
        let name = name.into();
        Self::new(move |input| {
            let fields = Fields::of(input.text()).ok()?;
            // One text can be written in several ways.
            fields.read(&name).or_else(|| fields.read::<Number>(&name).map(|number| number.to_string()))
        })
    }

    /// The key of a call with this input; none if the function panics, which must not take the run along.
    pub fn key(&self, input: &Json) -> Option<String> {
        catch_unwind(AssertUnwindSafe(|| (self.0)(input))).ok().flatten()
    }
}

/// The same function, not one that does the same.
impl PartialEq for ExclusiveBy {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for ExclusiveBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExclusiveBy")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_gives_one_key_however_it_is_written() {
        let check = |input: &str, expected: Option<&str>| {
            let key = ExclusiveBy::field("path").key(&Json::read(input).unwrap());
            assert_eq!(key.as_deref(), expected, "{input}");
        };
        check(r#"{"path":"a/b"}"#, Some("a/b"));
        check(r#"{"of":1, "path":"a\/\u0062"}"#, Some("a/b"));
        check(r#"{"path":12}"#, Some("12"));
        check(r#"{"path":null}"#, None);
        check(r#"{"path":["a"]}"#, None);
        check(r#"{"file":"a"}"#, None);
        check("[1]", None);
    }

    #[test]
    fn a_function_that_panics_gives_no_key() {
        let by = ExclusiveBy::new(|_| panic!("on purpose"));
        assert_eq!(by.key(&Json::read("{}").unwrap()), None);
    }
}
