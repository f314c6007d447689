//! An agent as a tool.

use std::time::Duration;

use agent_core::{Context, Json, Outcome, Tool, ToolSpec, async_trait, tool::ExclusiveBy};
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{NeedsApproval, limits::Limits, schema::Input};

/// Another agent of the team as a tool. A call gives it a task, and its answer is the call's result.
///
/// Each call is a new conversation, in which the other agent knows only the task. The calls of one reply run in parallel.
/// If the other agent fails, the call is an error result that says what was done. The agent that called reads it and goes
/// on.
///
/// The [`timeout`](Self::timeout) and the marks of the tool hold until the other agent has answered. Permits and
/// [`Retried`](crate::Retried) are not for these calls, and are refused: an agent that waits for agents must not hold what
/// they may need, and to repeat a call would not repeat their work.
///
/// ```
/// use agent_core::{Agent, Conversation, Team, script::{Reply, Script}};
/// use agent_tools::AgentTool;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let task = serde_json::json!({"task": "Where does it rain today?"});
/// let model = Script::by_agent([
///     ("planner", vec![Reply::call("forecaster", task), Reply::text("Then stay out of Oslo.")]),
///     ("forecaster", vec![Reply::text("In Oslo.")]),
/// ]);
/// let forecaster = AgentTool::new("forecaster", "Knows the weather.");
/// let team = Team::new([
///     Agent::builder("planner", model.clone()).tool(forecaster).build()?,
///     Agent::builder("forecaster", model).build()?,
/// ])?;
/// let end = team.run(&mut Conversation::start("planner", "Where shall I go?")).await?;
/// assert_eq!(end.text(), "Then stay out of Oslo.");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AgentTool {
    spec: ToolSpec,
    agent: String,
    limits: Limits,
    task: Box<Task>,
}

/// From the call's input to what the agent is told.
type Task = dyn Fn(&Json, &Limits) -> Result<String, String> + Send + Sync;

#[derive(Deserialize, JsonSchema)]
struct TaskInput {
    /// The whole task. The agent knows nothing else: give it every fact and number it needs.
    task: String,
}

impl AgentTool {
    /// A tool for the agent of this name. The tool has the same name, and its input is `{task}`: the task in words.
    /// `description` says, for the model, what the agent is good at.
    pub fn new(agent: impl Into<String>, description: impl Into<String>) -> Self {
        Self::with_input(agent, description, |input: TaskInput| input.task)
    }

    /// A tool for the agent of this name, with an input of your own instead of `{task}`. The function `task` makes of it
    /// the words that the other agent reads. The input is a struct, as for a [`FnTool`](crate::FnTool), and checked in the same way.
    pub fn with_input<I: DeserializeOwned + JsonSchema + 'static>(
        agent: impl Into<String>,
        description: impl Into<String>,
        task: impl Fn(I) -> String + Send + Sync + 'static,
    ) -> Self {
        let agent = agent.into();
        let (reads, limits, mut spec) = Input::<I>::new(&agent, description);
        // The call only says who is to do what, so it can be made again.
        spec.idempotent = true;
        spec.targets = vec![agent.clone()];
        let task = move |input: &Json, limits: &Limits| reads.read(input, limits).map(&task);
        Self { spec, agent, limits, task: Box::new(task) }
    }

    /// How long a task may take, with all that the other agent does. One that takes longer is stopped, and its call is an
    /// error result that says what was done. See [`ToolSpec::timeout`].
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.spec.timeout = Some(limit);
        self
    }

    /// A task is done alone: the other calls of the reply wait for it. See [`ToolSpec::exclusive`].
    pub fn exclusive(mut self) -> Self {
        self.spec.exclusive = true;
        self
    }

    /// Tasks with the same key take turns; others run beside them. See [`ToolSpec::exclusive_by`].
    pub fn exclusive_by(mut self, key: ExclusiveBy) -> Self {
        self.spec.exclusive_by = Some(key);
        self
    }

    /// The limits in the input's schema are only shown to the model. See
    /// [`FnTool::unchecked_limits`](crate::FnTool::unchecked_limits).
    pub fn unchecked_limits(mut self) -> Self {
        (self.limits, self.spec.fault) = (Limits::default(), None);
        self
    }

    /// A task waits until a person has approved it. See [`NeedsApproval`].
    pub fn needs_approval(self) -> NeedsApproval {
        NeedsApproval::new(self)
    }

    /// Sets the tool's name. By default it is the agent's name.
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
        match (self.task)(&input, &self.limits) {
            Ok(task) => Outcome::delegate(&self.agent, task),
            Err(why) => Outcome::error(why),
        }
    }
}
