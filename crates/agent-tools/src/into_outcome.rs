//! What a tool's function may return.

use std::{
    any::Any,
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    fmt::Display,
    sync::Arc,
};

use agent_core::{Block, Content, Json, Outcome};
use serde::Serialize;
use serde_json::Value;

/// What a tool's function may return, and what the model reads of it:
///
/// | returned | the model reads |
/// |---|---|
/// | a string | it, as it is |
/// | a number, `bool`, list, map, tuple, option, JSON value | it, as JSON |
/// | `()` | "done" |
/// | [`Content`], [`Block`], `Vec<Block>` | these blocks: words and pictures |
/// | `Ok(T)` of a `Result<T, E>`, with `T: Serialize` | the `T`, in the same way |
/// | `Err(E)`, with `E: Display` | an error result with the words of `E` |
/// | `Err(Content)` | an error result with these blocks |
/// | an [`Answer`](crate::Answer), or `Ok(Answer)` | its value, in the same way; the run ends with it |
/// | an [`Outcome`] | what that says; it may also be a delegation, a transfer or a wait |
///
/// To return your own type from a function that can't fail, write `Ok::<_, String>(value)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be what a tool returns",
    note = "return `Ok::<_, String>(value)`; `{Self}` needs `serde::Serialize` for that"
)]
pub trait IntoOutcome {
    /// Converts the returned value into the outcome of the call.
    fn into_outcome(self) -> Outcome;
}

impl<T: Serialize + 'static, E: Display + 'static> IntoOutcome for Result<T, E> {
    fn into_outcome(self) -> Outcome {
        match self {
            Ok(output) => written(output),
            Err(error) => Outcome::failed(error),
        }
    }
}

/// Not for every type that is `Serialize`: some `Result`s are, and have a meaning of their own.
macro_rules! into_outcome {
    ($([$($parameter:ident: $bound:path),*] $type:ty),* $(,)?) => {
        $(impl<$($parameter: $bound + 'static),*> IntoOutcome for $type
        where
            $type: Serialize + 'static,
        {
            fn into_outcome(self) -> Outcome {
                written(self)
            }
        })*
    };
}

into_outcome! {
    [] (), [] bool, [] char, [] f32, [] f64,
    [] i8, [] i16, [] i32, [] i64, [] i128, [] isize, [] u8, [] u16, [] u32, [] u64, [] u128, [] usize,
    [] String, [] &'static str, [] Box<str>, [] Arc<str>, [] Cow<'static, str>,
    [] Value, [] Json, [] Content, [] Block, [] Outcome,
    [T: Serialize] Vec<T>, [T: Serialize] VecDeque<T>, [T: Serialize] Option<T>,
    [T: Serialize] BTreeSet<T>, [T: Serialize, S: Sized] HashSet<T, S>,
    [K: Serialize, V: Serialize] BTreeMap<K, V>, [K: Serialize, V: Serialize, S: Sized] HashMap<K, V, S>,
    [A: Serialize, B: Serialize] (A, B), [A: Serialize, B: Serialize, C: Serialize] (A, B, C),
}

/// Writes a value as JSON. Content and outcomes are taken as they are.
pub(crate) fn written<T: Serialize + 'static>(output: T) -> Outcome {
    let mut output = Some(output);
    let any: &mut dyn Any = &mut output;
    if let Some(outcome) = take(any) {
        return outcome;
    }
    if let Some(content) = take::<Content>(any) {
        return Outcome::Output(content);
    }
    if let Some(blocks) = take::<Vec<Block>>(any) {
        return Outcome::output(blocks);
    }
    if let Some(block) = take::<Block>(any) {
        return Outcome::output(vec![block]);
    }
    if take::<()>(any).is_some() {
        return Outcome::output("done");
    }
    match serde_json::to_string(&output) {
        Ok(text) if text.starts_with('"') => Outcome::output(serde_json::from_str(&text).unwrap_or(text)),
        Ok(json) => Outcome::output(json),
        Err(error) => Outcome::error(format!("the tool's result can't be written as JSON: {error}")),
    }
}

fn take<T: 'static>(output: &mut dyn Any) -> Option<T> {
    output.downcast_mut::<Option<T>>()?.take()
}
