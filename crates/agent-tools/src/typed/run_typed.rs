//! Runs with a typed answer, in this process.

use std::{
    fmt,
    future::IntoFuture,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use agent_core::{Agent, Conversation, End, Llm, Run, Team};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{AnswerType, TypedError};

/// A type that an answer can have. Types that derive `serde::Deserialize` and
/// `schemars::JsonSchema` are such types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the type of an answer",
    label = "this type must say how it is read, and have a schema",
    note = "`{Self}` needs `#[derive(serde::Deserialize, schemars::JsonSchema)]` with schemars 1, and so do the types of its fields"
)]
pub trait TypedValue: DeserializeOwned + JsonSchema + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + JsonSchema + Send + 'static> TypedValue for T {}

/// Runs whose answer has a Rust type. [`Agent`] and [`Team`] have them. The module
/// [`typed`](super) has an example.
pub trait RunTyped {
    /// Runs a conversation until it is the user's turn, and returns the answer as a `T`: a struct, an
    /// enum, a list, a number. `T` derives `serde::Deserialize` and `schemars::JsonSchema`.
    ///
    /// `.await` it for the answer. It fails as [`TypedError`] says; the conversation keeps what was
    /// said, and can be run again.
    fn run_typed<'a, T>(&self, conversation: &'a mut Conversation) -> TypedRun<'a, T>
    where
        T: TypedValue;
}

impl RunTyped for Agent {
    fn run_typed<'a, T>(&self, conversation: &'a mut Conversation) -> TypedRun<'a, T>
    where
        T: TypedValue,
    {
        TypedRun::new(Runner::Agent(self.clone()), conversation)
    }
}

impl RunTyped for Team {
    fn run_typed<'a, T>(&self, conversation: &'a mut Conversation) -> TypedRun<'a, T>
    where
        T: TypedValue,
    {
        TypedRun::new(Runner::Team(self.clone()), conversation)
    }
}

/// The typed answer of a run.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct Typed<T> {
    /// The answer.
    pub value: T,
    /// How many answers the model gave until one fitted: 1 if the first one did, and 0 if a
    /// [tool](crate::Answer) gave the answer.
    pub tries: u32,
    /// How the run ended. It has the answer as JSON text.
    pub end: End,
}

/// A run with a typed answer, before it has begun. [`RunTyped::run_typed`] returns it. `.await` it.
#[must_use = "a run does nothing until it is awaited"]
pub struct TypedRun<'a, T> {
    runner: Runner,
    conversation: &'a mut Conversation,
    answer: Result<AnswerType<T>, TypedError>,
    configure: Vec<Box<Configure>>,
    read: fn(&AnswerType<T>, &End, &Conversation) -> Result<T, TypedError>,
}

type Configure = dyn for<'r> FnOnce(Run<'r>) -> Run<'r> + Send;

enum Runner {
    Agent(Agent),
    Team(Team),
}

// A type that can't be read is an error where the run is made. Bounds here would make it a second one
// at the `.await`, which advises to remove that.
impl<'a, T: Send + 'static> TypedRun<'a, T> {
    fn new(runner: Runner, conversation: &'a mut Conversation) -> Self
    where
        T: TypedValue,
    {
        let (answer, read) = (AnswerType::new(), AnswerType::read);
        Self { runner, conversation, answer, configure: Vec::new(), read }
    }

    /// Sets how many tries the model has. The default is [`AnswerType::DEFAULT_TRIES`].
    pub fn tries(mut self, tries: u32) -> Self {
        self.answer = self.answer.map(|answer| answer.tries(tries));
        self
    }

    /// Sets how the run is made, with the methods of [`Run`]:
    /// `.configure(|run| run.limits(limits).listen(print))`.
    pub fn configure(mut self, change: impl for<'r> FnOnce(Run<'r>) -> Run<'r> + Send + 'static) -> Self {
        self.configure.push(Box::new(change));
        self
    }

    /// Gives a value to the tools of the run; see [`Run::with`].
    pub fn with<V: Send + Sync + 'static>(self, value: V) -> Self {
        self.configure(move |run| run.with(value))
    }

    async fn carry_out(self) -> Result<Typed<T>, TypedError> {
        let Self { runner, conversation, answer, configure, read } = self;
        let answer = answer?;
        let counter = Arc::default();
        let wrap = |llm| Arc::new(answer.wrap(llm).only_for_the_user().counting(&counter)) as Arc<dyn Llm>;
        let run = match runner {
            Runner::Agent(agent) => agent.wrap_model(wrap).run(&mut *conversation),
            Runner::Team(team) => team.wrap_models(wrap).run(&mut *conversation),
        };
        let end = configure.into_iter().fold(run, |run, change| change(run)).await?;
        let value = read(&answer, &end, conversation)?;
        Ok(Typed { value, tries: counter.load(Relaxed), end })
    }
}

impl<'a, T: Send + 'static> IntoFuture for TypedRun<'a, T> {
    type Output = Result<Typed<T>, TypedError>;
    type IntoFuture = std::pin::Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.carry_out())
    }
}

impl<T> fmt::Debug for TypedRun<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedRun").field("answer", &self.answer).finish_non_exhaustive()
    }
}
