//! What guards say about what they check.

use agent_core::Json;

/// The error of a check that could not be made, for example because the service that it asks did
/// not answer. What should have been checked is then refused.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What an [`InputGuard`](crate::InputGuard) says. It can't replace what it reads, because the
/// request is already on its way.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The model may read it.
    Allow,
    /// The model may not read it. The request is stopped, and the run ends with these words.
    Refuse(String),
}

/// What a guard says that may also replace what it checks.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<T> {
    /// It may go on as it is.
    Allow,
    /// This goes on in its place.
    Replace(T),
    /// It may not go on. These words say why.
    Refuse(String),
}

/// What an [`OutputGuard`](crate::OutputGuard) says about the text of a reply.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputVerdict {
    /// The text may be recorded and shown.
    Allow,
    /// This text is recorded and shown in its place.
    Replace(String),
    /// The reply is refused: its calls are not made, and the run ends with these words.
    Refuse(String),
    /// The model is asked for another reply, and reads these words. They say what is wrong with this
    /// one. When the [tries](crate::Guards::tries) are used up, the reply is refused.
    Retry(String),
}

/// What a [`CallGuard`](crate::CallGuard) says about a call that a model wants to make.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallVerdict {
    /// The call may be made.
    Allow,
    /// The call is made with this input, a JSON object.
    Replace(Json),
    /// The call is not made. The model reads these words as the call's error result.
    Refuse(String),
    /// A person decides. The run ends with [`End::Waiting`](agent_core::End::Waiting), which has
    /// this question.
    Ask(String),
}

impl Judgement {
    /// Refuses with these words.
    pub fn refuse(words: impl Into<String>) -> Self {
        Self::Refuse(words.into())
    }
}

impl<T> Verdict<T> {
    /// Lets this go on in the place of what was checked.
    pub fn replace(by: impl Into<T>) -> Self {
        Self::Replace(by.into())
    }

    /// Refuses with these words.
    pub fn refuse(words: impl Into<String>) -> Self {
        Self::Refuse(words.into())
    }
}

impl OutputVerdict {
    /// Records and shows this text in the place of the reply's.
    pub fn replace(by: impl Into<String>) -> Self {
        Self::Replace(by.into())
    }

    /// Refuses the reply with these words.
    pub fn refuse(words: impl Into<String>) -> Self {
        Self::Refuse(words.into())
    }

    /// Asks the model for another reply. It reads these words.
    pub fn retry(words: impl Into<String>) -> Self {
        Self::Retry(words.into())
    }
}

impl CallVerdict {
    /// Makes the call with this input, a JSON object.
    pub fn replace(input: impl Into<Json>) -> Self {
        Self::Replace(input.into())
    }

    /// Refuses the call. The model reads these words.
    pub fn refuse(words: impl Into<String>) -> Self {
        Self::Refuse(words.into())
    }

    /// Asks a person.
    pub fn ask(question: impl Into<String>) -> Self {
        Self::Ask(question.into())
    }
}
