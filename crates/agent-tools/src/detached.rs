//! Tools whose calls may go on in the background.

use std::{fmt, sync::Arc, time::Duration};

use agent_core::{
    Context, Conversation, Json, Outcome, Request, Tool, ToolSpec, agent::Rules, async_trait,
    conversation::Control,
};
use serde_json::json;

/// A wrapper around a tool: its calls may go on in the background while the conversation goes on.
///
/// The model is told at once that a call goes on, does other work or talks to the user, and is told
/// the result in a message of its own as soon as it is there. The run ends when all detached calls
/// have ended, unless the team [leaves them](agent_core::Team::leave_detached). It works with any
/// tool, also with [`AgentTool`](crate::AgentTool). For the rules, see
/// [`ToolSpec::detach_after`].
///
/// Give the agent [`detached_tools`] as well if it should look after its detached calls.
///
/// ```
/// use std::time::Duration;
/// use agent_core::{Agent, script::{Reply, Script}};
/// use agent_tools::{Detached, FnTool, detached_tools};
/// # #[derive(serde::Deserialize, schemars::JsonSchema)]
/// # struct Topic { topic: String }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let model = Script::new([
/// #     Reply::call("research", serde_json::json!({"topic": "rain"})),
/// #     Reply::text("I am looking into it."),
/// #     Reply::text("It rains because of clouds."),
/// # ]);
/// let research = FnTool::new("research", "Takes minutes.", async |topic: Topic| {
///     tokio::time::sleep(Duration::from_millis(20)).await;
///     Ok::<_, String>(format!("{} comes from clouds", topic.topic))
/// });
/// let agent = Agent::builder("clerk", model)
///     .tool(Detached::new(research))
///     .tools(detached_tools())
///     .build()?;
///
/// let mut conversation = agent.start("Why does it rain?");
/// assert_eq!(agent.run(&mut conversation).await?.text(), "It rains because of clouds.");
/// # assert!(conversation.to_string().contains("rain comes from clouds"));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Detached {
    tool: Arc<dyn Tool>,
    spec: ToolSpec,
}

impl Detached {
    /// Wraps a tool. Each of its calls is detached at once.
    pub fn new(tool: impl Tool + 'static) -> Self {
        Self::after(Duration::ZERO, tool)
    }

    /// Wraps a tool. A call that takes longer than this is detached then. Until then the
    /// conversation waits for it, as for any call.
    pub fn after(time: Duration, tool: impl Tool + 'static) -> Self {
        let mut spec = tool.spec().clone();
        spec.detach_after = Some(time);
        Self { tool: Arc::new(tool), spec }
    }
}

#[async_trait]
impl Tool for Detached {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, input: Json, context: Context) -> Outcome {
        self.tool.call(input, context).await
    }

    fn introduce(&self, conversation: &Conversation, request: Request, rules: &dyn Rules) -> Request {
        self.tool.introduce(conversation, request, rules)
    }
}

impl fmt::Debug for Detached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detached").field("spec", &self.spec).finish_non_exhaustive()
    }
}

/// Tools with which a model looks after its [`Detached`] calls: `check_background_calls`,
/// `wait_for_background_calls` and `stop_background_calls`.
pub fn detached_tools() -> [ControlTool; 3] {
    let calls = json!({
        "type": "array", "items": {"type": "string"},
        "description": "The ids of background calls. Leave it out to mean all that go on."
    });
    let seconds = json!({
        "type": "number", "minimum": 0, "maximum": 3600,
        "description": "The longest time to wait. Without it, 60 seconds."
    });
    [
        ControlTool::new(
            Control::Check,
            "check_background_calls",
            "Says which of your background calls go on.",
            json!({}),
        ),
        ControlTool::new(
            Control::Wait,
            "wait_for_background_calls",
            "Waits until one of your background calls has ended, or until the time is over. Use it if you can do \
             nothing else until then. You are told the results of calls that have ended after this, in messages of \
             their own.",
            json!({"calls": calls, "seconds": seconds}),
        ),
        ControlTool::new(
            Control::Stop,
            "stop_background_calls",
            "Stops background calls that you do not need any more. You are told how they ended.",
            json!({"calls": calls}),
        ),
    ]
}

/// One of the [`detached_tools`].
#[derive(Debug)]
pub struct ControlTool {
    spec: ToolSpec,
    control: Control,
}

impl ControlTool {
    fn new(control: Control, name: &str, description: &str, properties: serde_json::Value) -> Self {
        let schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
        let mut spec = ToolSpec::new(name, description, schema);
        spec.idempotent = true;
        Self { spec, control }
    }
}

#[async_trait]
impl Tool for ControlTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, _: Json, _: Context) -> Outcome {
        Outcome::Control(self.control)
    }
}
