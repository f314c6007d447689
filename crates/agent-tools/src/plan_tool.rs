//! A tool for calls that depend on each other.

use agent_core::{
    Context, Json, Outcome, Tool, ToolSpec, async_trait, conversation::Plan, message::InvalidJson,
};

/// A tool with which the model makes several calls of the agent's other tools in one reply, though
/// they depend on each other. Without it, each call that needs the result of another one costs a turn
/// of the model.
///
/// The model writes the calls as steps. A step can use results of other steps in its input, and can be
/// made once for each item of a list. Each call starts as soon as the calls that it needs have ended,
/// and the others run in parallel. Each is an ordinary call, with all settings of its tool: it can
/// wait for a person, needs permits, and is not repeated after a crash. If a step fails, only the steps
/// that need it are not made. The result is what the model asked to see. [`Plan`] describes what the
/// model writes.
///
/// The calls are made in a conversation of their own, whose id ends with the id of the call. So a plan
/// counts as one [level](agent_core::Limits::depth) of delegation, and a step with `for_each` as
/// another one. A step can't end the run or hand the conversation over, and should not be a plan.
///
/// ```
/// use agent_core::{Agent, script::{Reply, Script}};
/// use agent_tools::{PlanTool, math};
/// use serde_json::json;
///
/// let plan = json!({"steps": [
///     {"id": "sum", "tool": "sum_numbers", "input": {"numbers": [20, 22]}},
///     {"id": "root", "tool": "square_root", "input": {"number": {"$from": "sum"}}}
/// ]});
/// let model = Script::new([Reply::call("plan", plan), Reply::text("About 6.48.")]);
/// let agent = Agent::builder("clerk", model).tools(math::tools()).tool(PlanTool::new()).build()?;
/// let mut conversation = agent.start("What is the square root of 20 + 22?");
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// agent.run(&mut conversation).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// assert!(conversation.to_string().contains("= 6.48"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PlanTool {
    spec: ToolSpec,
}

/// What the model reads about the tool.
const DESCRIPTION: &str = "\
Makes several calls of your other tools at once, though some need results of others. Use it whenever \
the input of a call needs the result of another call that you can name now, or the same call is needed \
for each item of a list: it saves you a reply for each step. Calls that don't depend on each other run \
in parallel.

Anywhere in an input, these objects are replaced before the call is made:
- {\"$from\": \"a\"}: the result of step a. With \"path\": \"/items/0/price\" a part of it, if the result is \
JSON. {\"$from\": [\"a\", \"b\"]}: the result of the first of these steps that did not fail.
- {\"$text\": [\"The price is \", {\"$from\": \"a\"}]}: a text, joined of its parts.
- {\"$item\": \"/name\"}: with for_each, a part of the current item. {\"$item\": \"\"} is the whole item.

If a step fails, the steps that need it are not made; all others are. You read the results of the steps \
that no other step needs, or what \"result\" says.";

impl PlanTool {
    /// Makes the tool. Its name is `plan`.
    pub fn new() -> Self {
        let mut spec = ToolSpec::new("plan", DESCRIPTION, schema());
        // The call only says which calls are to be made, so it can be made again.
        spec.idempotent = true;
        Self { spec }
    }

    /// Sets the tool's name.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.spec.name = name.into();
        self
    }

    /// Sets how long a plan may take, with all its calls. By default there is no limit. See
    /// [`ToolSpec::timeout`].
    pub fn timeout(mut self, limit: std::time::Duration) -> Self {
        self.spec.timeout = Some(limit);
        self
    }
}

impl Default for PlanTool {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Tool for PlanTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, input: Json, _: Context) -> Outcome {
        match input.parse::<Plan>() {
            Ok(plan) => Outcome::plan(plan),
            Err(InvalidJson { pointer, message }) if pointer.is_empty() => {
                Outcome::error(not_carried_out(message))
            }
            Err(why) => Outcome::error(not_carried_out(why)),
        }
    }
}

fn not_carried_out(why: impl std::fmt::Display) -> String {
    format!("the plan is not carried out: {why}")
}

fn schema() -> serde_json::Value {
    let ids = serde_json::json!({"type": "array", "items": {"type": "string"}});
    let step = serde_json::json!({
        "type": "object",
        "properties": {
            "id": {"type": "string", "description": "A short name for the step: letters, digits, _ and -."},
            "tool": {"type": "string", "description": "The name of one of your tools."},
            "input": {"type": "object", "description": "The input of the call, as the tool asks for it."},
            "for_each": {
                "description": "Makes the call once for each item of this list, in parallel: a list, or {\"$from\": …} for a result that is one. The result of the step is the list of results."
            },
            "after": {"description": "Steps that must have succeeded before, though this one uses no result of theirs.", "type": ids["type"], "items": ids["items"]},
            "if_failed": {"type": "string", "description": "The call is made only if this step failed."}
        },
        "required": ["id", "tool", "input"],
        "additionalProperties": false
    });
    serde_json::json!({
        "type": "object",
        "properties": {
            "steps": {"type": "array", "items": step, "minItems": 1},
            "enough": {"type": "integer", "minimum": 1, "description": "Ends the plan as soon as so many of the last steps have succeeded; the others are stopped. Leave it out if you need them all."},
            "stop_on_failure": {"type": "boolean", "description": "Ends the plan as soon as one step fails."},
            "result": {"description": "What you want to read: any JSON, with objects like {\"$from\": \"a\"} in it. Leave it out to read the results of the last steps."}
        },
        "required": ["steps"],
        "additionalProperties": false
    })
}
