//! The error about a value that a run lacks.

/// The error when a tool [needs](crate::ToolSpec::needs) a value of the run that was not given. A
/// run checks this for all tools of its team when it starts, before it asks a model.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "agent {agent:?}, tool {tool:?} needs a value of type {value}, but none was given: give it with `.with(value)`{}",
    self.others()
)]
pub struct MissingValue {
    /// The agent that has the tool.
    pub agent: String,
    /// The tool.
    pub tool: String,
    /// The name of the type of the missing value.
    pub value: &'static str,
    /// The names of the types of the values that were given.
    pub given: Vec<&'static str>,
}

impl MissingValue {
    /// A value may have been given with a slightly different type, such as an `Arc`.
    fn others(&self) -> String {
        match self.given.is_empty() {
            true => String::new(),
            false => format!(" (given: {})", self.given.join(", ")),
        }
    }
}
