//! Tools whose calls are made again when they fail.

use std::{fmt, sync::Arc, time::Duration};

use agent_core::{Context, Conversation, Json, Outcome, Request, Tool, ToolSpec, agent::Rules, async_trait};

/// A wrapper around a tool: calls that fail are made again. The tool must be marked
/// [`read_only`](ToolSpec::read_only) or [`idempotent`](ToolSpec::idempotent).
///
/// All attempts count as one call, and the model reads only the result of the last one. Each
/// earlier attempt emits an event [`CallProgress`](agent_core::EventKind::CallProgress) with the
/// reason why it failed. The tool's timeout is for all attempts together. Between two attempts the
/// call keeps its permits, and calls that take turns with it wait, but it holds no thread.
///
/// (To retry requests to a model, use `agent_llm::Retry`.)
///
/// ```
/// use agent_tools::{FnTool, Retried};
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Page { url: String }
///
/// let fetch = FnTool::new("fetch", "Reads a page.", |page: Page| Err::<(), _>(format!("no way to {}", page.url)));
/// let fetch = Retried::new(fetch.read_only(), 2)?;
/// # Ok::<(), agent_tools::NotRepeatable>(())
/// ```
#[doc(alias = "Retry")]
pub struct Retried {
    tool: Arc<dyn Tool>,
    retries: u32,
    first_wait: Duration,
}

/// The error of [`Retried::new`] for a tool whose calls must not be made again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("calls of {tool:?} can't be made again: {}", self.why())]
pub struct NotRepeatable {
    /// The tool's name.
    pub tool: String,
    /// The agents that its calls lead to. If there are any, they are the reason. If there are none,
    /// the tool is neither `read_only` nor `idempotent`.
    pub targets: Vec<String>,
}

impl NotRepeatable {
    fn why(&self) -> String {
        match self.targets.as_slice() {
            [] => "mark the tool as `read_only` or `idempotent` if a call may be made twice".to_owned(),
            targets => format!(
                "they lead to other agents ({}); retry the tools and the models of those agents instead",
                targets.join(", ")
            ),
        }
    }
}

impl Retried {
    /// Wraps a tool. A call that fails is made again at most `retries` times: after 0.2 s, then
    /// after 0.4 s, 0.8 s, and so on. [`first_wait`](Self::first_wait) changes the first wait.
    ///
    /// Fails if the tool is neither `read_only` nor `idempotent`, or if its calls lead to other
    /// agents. Such a call only starts the work of another agent, so making it again would not
    /// repeat that work.
    pub fn new(tool: impl Tool + 'static, retries: u32) -> Result<Self, NotRepeatable> {
        let spec = tool.spec();
        match (spec.idempotent || spec.read_only) && spec.targets.is_empty() {
            true => Ok(Self { tool: Arc::new(tool), retries, first_wait: Duration::from_millis(200) }),
            false => Err(NotRepeatable { tool: spec.name.clone(), targets: spec.targets.clone() }),
        }
    }

    /// A delegation or a plan becomes an error result: what it does could not be retried, and
    /// nobody would notice.
    fn undelegated(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Plan { .. } => Outcome::error(format!(
                "the plan is not carried out: calls of {:?} are made again when they fail, and a plan is not",
                self.tool.spec().name
            )),
            Outcome::Delegate { to, .. } => Outcome::error(format!(
                "not delegated to {to:?}: calls of {:?} are made again when they fail, and a delegation is not",
                self.tool.spec().name
            )),
            outcome => outcome,
        }
    }

    /// Sets how long to wait before the first retry. By default 0.2 s. Each further wait is twice
    /// as long.
    pub fn first_wait(mut self, wait: Duration) -> Self {
        self.first_wait = wait;
        self
    }
}

#[async_trait]
impl Tool for Retried {
    fn spec(&self) -> &ToolSpec {
        self.tool.spec()
    }

    async fn call(&self, input: Json, context: Context) -> Outcome {
        let mut wait = self.first_wait;
        for attempt in 1..=self.retries {
            match self.tool.call(input.clone(), context.clone()).await {
                Outcome::Error(why) if !context.cancelled() => {
                    context.progress(format!("attempt {attempt} failed, again in {wait:?}: {why}"));
                    tokio::time::sleep(wait).await;
                    wait = wait.saturating_mul(2);
                }
                outcome => return self.undelegated(outcome),
            }
        }
        self.undelegated(self.tool.call(input, context).await)
    }

    fn introduce(&self, conversation: &Conversation, request: Request, rules: &dyn Rules) -> Request {
        self.tool.introduce(conversation, request, rules)
    }
}

impl fmt::Debug for Retried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retried")
            .field("tool", &self.tool.spec().name)
            .field("retries", &self.retries)
            .finish()
    }
}
