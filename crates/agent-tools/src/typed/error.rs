//! Why there is no typed answer.

use agent_core::{End, RunError};

/// Why a run has no typed answer.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum TypedError {
    /// The type has no valid JSON Schema. Correct its `JsonSchema`.
    #[error("the answer can't have this type, because its schema is not valid: {0}")]
    Schema(String),
    /// The run failed. It can be run again.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The run ended without an answer: it was cut or refused, it waits for a person, or it reached
    /// a limit.
    #[error("there is no typed answer, because the run ended without an answer: {0}")]
    NoAnswer(End),
    /// No answer of the model fits the type.
    #[error("the answer does not fit its type: {why}; the last answer is {text:?}")]
    DoesNotFit {
        /// Which rules the last answer breaks, and where, as JSON pointers.
        why: String,
        /// The text of the last answer.
        text: String,
    },
    /// A tool ended the run with an answer that does not fit the type. Correct the code of the
    /// tool: the model can't, so it is not asked again.
    #[error("the answer of the tool {tool:?} does not fit the type: {why}; the answer is {text:?}")]
    ToolDoesNotFit {
        /// The name of the tool.
        tool: String,
        /// Which rules the answer breaks, and where, as JSON pointers.
        why: String,
        /// The text of the answer.
        text: String,
    },
}
