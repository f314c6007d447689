//! The type that answers have.

use std::{fmt, marker::PhantomData, sync::Arc};

use agent_core::{Agent, Conversation, End, Llm, Team};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{TypedError, check::Check, typed_model::TypedModel};

/// The type that the answers of a run must have, for hosts other than the one in this process. In
/// this process, [`RunTyped::run_typed`](super::RunTyped::run_typed) does it all.
///
/// ```
/// use agent_core::{Agent, Team, host::{LocalHost, drive}, script::{Reply, Script}};
/// use agent_tools::AnswerType;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let model = Script::new([Reply::text(r#"{"answer": ["Oslo", "Bergen"]}"#)]);
/// let agent = Agent::builder("guide", model).build()?;
/// let answer = AnswerType::<Vec<String>>::new()?;
/// let team = answer.team(Team::new([agent.clone()])?);
///
/// let mut conversation = agent.start("Two cities in Norway?");
/// let end = drive(&mut conversation, &LocalHost::new(team)).await?; // Any host will do.
/// assert_eq!(answer.read(&end, &conversation)?, ["Oslo", "Bergen"]);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AnswerType<T> {
    check: Arc<Check>,
    tries: u32,
    reads: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned + JsonSchema + 'static> AnswerType<T> {
    /// How many tries the model has by default: 3, which are the first answer and two corrections.
    pub const DEFAULT_TRIES: u32 = 3;

    /// Makes the schema of the type. It fails with [`TypedError::Schema`] if a hand-written
    /// `JsonSchema` is not valid.
    pub fn new() -> Result<Self, TypedError> {
        let check = Check::of::<T>().map_err(TypedError::Schema)?.into();
        Ok(Self { check, tries: Self::DEFAULT_TRIES, reads: PhantomData })
    }

    /// Returns the team with this type for the answers of each run, whichever agent gives them. The
    /// answers of delegated agents stay as they are.
    pub fn team(&self, team: Team) -> Team {
        team.wrap_models(|llm| Arc::new(self.wrap(llm).only_for_the_user()))
    }

    /// Returns the agent with this type for all its answers, to the user and to other agents. What
    /// its [tools answer](crate::Answer) to other agents is not checked.
    pub fn agent(&self, agent: &Agent) -> Agent {
        agent.wrap_model(|llm| Arc::new(self.wrap(llm)))
    }

    /// Reads the answer of a run, of a model or of a [tool](crate::Answer). `conversation` is the
    /// conversation after the run, which has the text of an answer that does not fit.
    pub fn read(&self, end: &End, conversation: &Conversation) -> Result<T, TypedError> {
        let misfit = |why| TypedError::DoesNotFit { why, text: conversation.text() };
        match end {
            End::Answered(text) => match conversation.answered_by() {
                Some(call) => self.read_of_tool(&call.name, text),
                None => self.check.read(text).map_err(misfit),
            },
            End::Other(why) => Err(match why.strip_prefix(TypedModel::DOES_NOT_FIT) {
                Some(why) => misfit(why.to_owned()),
                None => TypedError::NoAnswer(end.clone()),
            }),
            _ => Err(TypedError::NoAnswer(end.clone())),
        }
    }

    fn read_of_tool(&self, tool: &str, text: &str) -> Result<T, TypedError> {
        let (tool, answer) = (tool.to_owned(), text.to_owned());
        let misfit = |why| TypedError::ToolDoesNotFit { tool, why, text: answer };
        self.check.read_of_tool(text).map_err(misfit)
    }
}

impl<T> AnswerType<T> {
    /// Sets how many tries the model has. 0 counts as 1: an answer that does not fit is then an
    /// error at once.
    pub fn tries(mut self, tries: u32) -> Self {
        self.tries = tries.max(1);
        self
    }

    pub(super) fn wrap(&self, llm: Arc<dyn Llm>) -> TypedModel {
        TypedModel::new(llm, self.check.clone(), self.tries)
    }
}

impl<T> Clone for AnswerType<T> {
    fn clone(&self) -> Self {
        Self { check: self.check.clone(), tries: self.tries, reads: PhantomData }
    }
}

impl<T> fmt::Debug for AnswerType<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerType")
            .field("type", &std::any::type_name::<T>())
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}
