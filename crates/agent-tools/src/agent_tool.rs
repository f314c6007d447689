//! An agent as a tool.

use std::time::Duration;

use agent_core::{Context, Json, Outcome, Tool, ToolSpec, async_trait, tool::ExclusiveBy};
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{NeedsApproval, schema::Input};

/// An agent of the team as a tool: a call gives it a task, it does that in a conversation of its own,
/// and its answer is the call's result. Each call is a new conversation, and the calls of one reply
/// run side by side.
///
/// What is promised of a call holds until the agent has answered: its timeout, its turn, the longest result of the agent that
/// has the tool. Permits and [`Retry`](crate::Retry) are for calls without another agent, and refused here.
pub struct AgentTool {
    spec: ToolSpec,
    agent: String,
    task: Box<Task>,
}

/// From the call's input to what the agent is told.
type Task = dyn Fn(&Json) -> Result<String, String> + Send + Sync;

#[derive(Deserialize, JsonSchema)]
struct Given {
    /// The whole task. The agent knows nothing else: give it every fact and number it needs.
    task: String,
}

impl AgentTool {
    /// A tool of the agent's name whose calls are tasks for it, in words: `{task}`. `description` says what
    /// the agent is good at.
    pub fn new(agent: impl Into<String>, description: impl Into<String>) -> Self {
        Self::with_input(agent, description, |given: Given| given.task)
    }

    /// The same with an input of your own, which `task` puts into words for the agent.
    pub fn with_input<I: DeserializeOwned + JsonSchema + 'static>(
        agent: impl Into<String>,
        description: impl Into<String>,
        task: impl Fn(I) -> String + Send + Sync + 'static,
    ) -> Self {
        let agent = agent.into();
        let (reads, mut spec) = Input::<I>::new(&agent, description);
        // The call only says who shall do what, so it can be made again.
        spec.idempotent = true;
        spec.targets = vec![agent.clone()];
        Self { spec, agent, task: Box::new(move |input| reads.read(input).map(&task)) }
    }

    /// A task that takes longer is stopped, and its call is an error result that says what was done so far. See
    /// [`ToolSpec::timeout`].
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.spec.timeout = Some(limit);
        self
    }

    /// A task is done alone. See [`ToolSpec::exclusive`].
    pub fn exclusive(mut self) -> Self {
        self.spec.exclusive = true;
        self
    }

    /// Tasks of one key take turns. See [`ToolSpec::exclusive_by`].
    pub fn exclusive_by(mut self, key: ExclusiveBy) -> Self {
        self.spec.exclusive_by = Some(key);
        self
    }

    /// A task waits until a person has allowed it. See [`NeedsApproval`].
    pub fn needs_approval(self) -> NeedsApproval {
        NeedsApproval::new(self)
    }

    /// Another name for the tool than the agent's.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.spec.name = name.into();
        self
    }
}

#[async_trait]
impl Tool for AgentTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, input: Json, _: Context) -> Outcome {
        match (self.task)(&input) {
            Ok(task) => Outcome::delegate(&self.agent, task),
            Err(why) => Outcome::error(why),
        }
    }
}
