//! Calls that run one after the other if they have the same key.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use serde_json::Number;

use crate::{Json, message::fields::Fields};

/// Decides which calls take turns: calls with the same key run one after the other, in call order.
/// All other calls run in parallel.
///
/// Calls of different tools also take turns if their keys are equal, for example two tools that
/// edit the same file. The key function must always give the same key for the same input. A call
/// with `exclusive_by` never starts early and never shares a result, even if it only reads, because
/// a call before it may change what it reads.
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
    /// Takes the key from a function of the input. A call for which the function returns `None`
    /// waits for no other call.
    pub fn new(key: impl Fn(&Json) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(key))
    }

    /// Takes the key from one field of the input, a string or a number. A call without this field
    /// waits for no other call.
    pub fn field(name: impl Into<String>) -> Self {
        let name = name.into();
        Self::new(move |input| {
            let fields = Fields::of(input.text()).ok()?;
            // Parsed, since one string can be written with different escapes.
            fields.read(&name).or_else(|| fields.read::<Number>(&name).map(|number| number.to_string()))
        })
    }

    /// The key of a call with this input. `None` means that the call takes no turns. If the key
    /// function panics, the result is `None`, too.
    pub fn key(&self, input: &Json) -> Option<String> {
        catch_unwind(AssertUnwindSafe(|| (self.0)(input))).ok().flatten()
    }
}

/// Compares by identity: two are equal if they are clones of one value.
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
