//! A tool for calls that depend on each other.

use agent_core::{
    Context, Json, Outcome, Tool, ToolSpec, async_trait, conversation::Plan, message::InvalidJson,
};

/// A tool with which the model makes several calls of the agent's other tools in one reply, though
/// they depend on each other. Without it, each call that needs the result of another one costs a
/// turn of the model.
///
/// The model writes the calls as steps. A step can use results of other steps in its input, and can
/// be made once for each item of a list. Each call starts as soon as the calls that it needs have
/// ended, and the others run in parallel. Each is an ordinary call, with all settings of its tool:
/// it can wait for a person, needs permits, and is not repeated after a crash. Steps that need a
/// failed step are skipped; all others run. The result is what the model asked to see. [`Plan`]
/// describes what the model writes.
///
/// The calls are made in a conversation of their own, whose id ends with the id of the call. So a
/// plan counts as one [level](agent_core::Limits::depth) of delegation, and a step with `for_each`
/// as another one. A step can't end the run or hand the conversation over.
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
Makes several calls of your other tools with one call, though some need results of others. Use it when an input needs \
the result of a call that you can name now, or when a call is needed for each item of a list. Independent steps run in \
parallel.

In any input, these objects are replaced before the call:
{\"$from\": \"a\"} the result of step a; with \"path\": \"/items/0\" a part of it, if it is JSON; {\"$from\": [\"a\", \"b\"]} \
the first of these that did not fail.
{\"$text\": [\"It costs \", {\"$from\": \"a\"}]} a text, joined.
{\"$literal\": x} the value x itself.
{\"$item\": \"/name\"} with for_each, a part of the current item; {\"$item\": \"\"} all of it.

Steps that need a failed step are skipped; all others run. You read the results of the steps that no other step uses, \
or what \"result\" says.";

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

    fn input_is_plan(&self) -> bool {
        true
    }
}

fn not_carried_out(why: impl std::fmt::Display) -> String {
    format!("the plan is not carried out: {why}")
}

fn schema() -> serde_json::Value {
    let described = |description: &str| serde_json::json!({"description": description});
    let step = serde_json::json!({
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "tool": {"type": "string"},
            "input": {"type": "object"},
            "for_each": described("A list, or {\"$from\": …}: the call is made for each item, and the result is the list of results."),
            "after": {"type": "array", "items": {"type": "string"}, "description": "Steps that must succeed before."},
            "if_failed": {"type": "string", "description": "Made only if this step failed."}
        },
        "required": ["id", "tool", "input"],
        "additionalProperties": false
    });
    serde_json::json!({
        "type": "object",
        "properties": {
            "steps": {"type": "array", "items": step, "minItems": 1},
            "enough": {"type": "integer", "minimum": 1, "description": "Stop when so many of the steps that no other step uses have succeeded."},
            "stop_on_failure": {"type": "boolean", "description": "Stop when one step fails."},
            "result": described("What you want to read: any JSON with {\"$from\": …} in it.")
        },
        "required": ["steps"],
        "additionalProperties": false
    })
}
