//! One task for several agents.

use agent_core::{
    Context, Json, Outcome, Tool, ToolSpec, async_trait,
    conversation::{Plan, Step},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::{limits::Limits, schema::Input};

/// A tool that gives one task to several agents, in parallel. By default the result has the answers
/// of all of them. With [`enough`](Self::enough) it has the first good ones, and the other agents
/// are stopped. What these have done until then is told with the result.
///
/// The agents are named by their tools, which the calling agent has too: an
/// [`AgentTool`](crate::AgentTool) for each, with the input `{task}`. The calls run as the steps of
/// a [plan](agent_core::conversation::Plan), so a call of this tool counts as one level of
/// delegation.
///
/// ```
/// use agent_core::{Agent, Team, script::{Reply, Script}};
/// use agent_tools::{AgentTool, FanOut};
/// use serde_json::json;
///
/// let model = Script::by_agent([
///     ("planner", vec![Reply::call("ask_both", json!({"task": "Does it rain?"})), Reply::text("Yes.")]),
///     ("ada", vec![Reply::text("It rains.")]),
///     ("bob", vec![Reply::text("It pours.")]),
/// ]);
/// let planner = Agent::builder("planner", model.clone())
///     .tool(AgentTool::new("ada", "Knows the weather."))
///     .tool(AgentTool::new("bob", "Knows the weather, too."))
///     .tool(FanOut::new("ask_both", "Asks Ada and Bob, and returns the first answer.", ["ada", "bob"]).enough(1));
/// let experts = ["ada", "bob"].map(|name| Agent::builder(name, model.clone()).build());
/// let [ada, bob] = experts;
/// let team = Team::new([planner.build()?, ada?, bob?])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct FanOut {
    spec: ToolSpec,
    limits: Limits,
    reads: Input<TaskInput>,
    plan: Shape,
}

/// What all plans of a tool have in common.
struct Shape {
    agents: Vec<String>,
    enough: Option<u32>,
    stops_on_failure: bool,
}

#[derive(Deserialize, JsonSchema)]
struct TaskInput {
    /// The whole task. The agents know nothing else: give them every fact and number they need.
    task: String,
}

impl FanOut {
    /// Makes a tool with this name and description. `agents` are the names of the tools that lead
    /// to the agents.
    pub fn new<A: Into<String>>(
        name: impl AsRef<str>,
        description: impl Into<String>,
        agents: impl IntoIterator<Item = A>,
    ) -> Self {
        let (reads, limits, mut spec) = Input::new(name.as_ref(), description);
        // The call only says who is to do what, so it can be made again.
        spec.idempotent = true;
        let agents = agents.into_iter().map(A::into).collect();
        Self { spec, limits, reads, plan: Shape { agents, enough: None, stops_on_failure: false } }
    }

    /// Sets how many good answers are enough: 1 for the first one. The other agents are then
    /// stopped.
    pub fn enough(mut self, answers: u32) -> Self {
        self.plan.enough = Some(answers);
        self
    }

    /// Stops all agents as soon as one fails. The result is then an error.
    pub fn stop_on_failure(mut self) -> Self {
        self.plan.stops_on_failure = true;
        self
    }
}

impl Shape {
    fn of(&self, task: &str) -> Outcome {
        let steps = self.agents.iter().map(|agent| Step::new(agent, agent, json!({"task": task})));
        let plan = match Plan::new(steps) {
            Ok(plan) => plan,
            Err(why) => return Outcome::error(format!("the agents are not asked: {why}")),
        };
        let plan = self.enough.into_iter().fold(plan, Plan::enough);
        Outcome::plan(if self.stops_on_failure { plan.stop_on_failure() } else { plan })
    }
}

#[async_trait]
impl Tool for FanOut {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, input: Json, _: Context) -> Outcome {
        match self.reads.read(&input, &self.limits) {
            Ok(TaskInput { task }) => self.plan.of(&task),
            Err(why) => Outcome::error(why),
        }
    }
}
