//! An agent as a tool.

use std::time::Duration;

use agent_core::{Context, Json, Outcome, Tool, ToolSpec, async_trait, budget::Budget, tool::ExclusiveBy};
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{NeedsApproval, limits::Limits, schema::Input};

/// Another agent of the [`Team`](agent_core::Team) as a tool. A call gives that agent a task, and
/// the agent's answer is the result of the call.
///
/// Each call is a new conversation, in which the other agent knows only the task. The calls of one
/// reply run in parallel. If the other agent fails, the call gets an error result that says what
/// was done. The calling agent reads it and goes on.
///
/// The [`timeout`](Self::timeout) and the flags of the tool, such as
/// [`exclusive`](Self::exclusive), apply until the other agent has answered. Such a tool can't have
/// permits, because an agent that waits for other agents would hold a permit that these may need.
/// [`Retried`](crate::Retried) refuses it, too, because making the call again would not repeat the
/// other agent's work.
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
    /// Makes a tool for the agent of this name. The tool has the same name, and its input is
    /// `{task}`: the task as text. `description` tells the calling model what the other agent is
    /// good at.
    pub fn new(agent: impl Into<String>, description: impl Into<String>) -> Self {
        Self::with_input(agent, description, |input: TaskInput| input.task)
    }

    /// Makes a tool for the agent of this name, with your own input type instead of `{task}`. The
    /// function `task` turns an input into the text that the other agent reads. The input is a
    /// struct, as for a [`FnTool`](crate::FnTool), and checked in the same way.
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

    /// Sets how long a task may take, with all that the other agent does. By default there is no
    /// limit. A task that takes longer is stopped, and its call gets an error result that says what
    /// was done. See [`ToolSpec::timeout`].
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.spec.timeout = Some(limit);
        self
    }

    /// Sets what the other agent may spend on one task, with the agents that it delegates to. By
    /// default only the budgets of the calling agent hold, which always hold too. If the other agent
    /// runs out, the call gets an error result that says what was done. See [`ToolSpec::budget`].
    ///
    /// ```
    /// use agent_core::budget::{Budget, Usd};
    /// use agent_tools::AgentTool;
    ///
    /// let tool = AgentTool::new("forecaster", "Knows the weather.")
    ///     .budget(Budget::new().usd(Usd::dollars(0.05)).requests(5));
    /// ```
    pub fn budget(mut self, budget: Budget) -> Self {
        self.spec.budget = Some(budget);
        self
    }

    /// Makes each task run alone: the other calls of the reply wait for it. See
    /// [`ToolSpec::exclusive`].
    pub fn exclusive(mut self) -> Self {
        self.spec.exclusive = true;
        self
    }

    /// Makes tasks with the same key run one after the other, and in parallel with all other calls.
    /// See [`ToolSpec::exclusive_by`].
    pub fn exclusive_by(mut self, key: ExclusiveBy) -> Self {
        self.spec.exclusive_by = Some(key);
        self
    }

    /// Turns off the check of the limits in the input's schema: they are only shown to the model.
    /// See [`FnTool::unchecked_limits`](crate::FnTool::unchecked_limits).
    pub fn unchecked_limits(mut self) -> Self {
        (self.limits, self.spec.fault) = (Limits::default(), None);
        self
    }

    /// Makes each task wait until a person has approved it. See [`NeedsApproval`].
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
