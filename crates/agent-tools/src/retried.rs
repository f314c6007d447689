//! Tools whose calls are made again when they fail.

use std::{fmt, sync::Arc, time::Duration};

use agent_core::{Context, Conversation, Json, Outcome, Request, Tool, ToolSpec, agent::Rules, async_trait};

/// A tool whose failed calls are made again. The tool must allow that: mark it
/// [`read_only`](ToolSpec::read_only) or [`idempotent`](ToolSpec::idempotent).
///
/// All attempts are one call. The model reads only the result of the last attempt. Each attempt that fails before is an
/// event, the call's progress, with the reason. The tool's timeout is for all attempts together. Between two attempts the
/// call keeps its permits and its turn, but no thread.
///
/// (`agent_llm::Retry` is something else: it asks a *model* again.)
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

/// The error of [`Retried::new`]: a tool whose calls must not be made again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("calls of {tool:?} can't be made again: {}", self.why())]
pub struct NotRepeatable {
    /// The tool's name.
    pub tool: String,
    /// The agents that its calls lead to. If there are any, they are the reason.
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
    /// Makes calls of this tool again when they fail. A call is made again at most `retries` times: after 0.2 s, then after 0.4 s, 0.8 s, and
    /// so on. The first wait is changed by [`first_wait`](Self::first_wait).
    ///
    /// It is an error if the tool has neither mark, or if its calls lead to other agents: such a call only begins what they
    /// do, so to repeat it would not repeat their work.
    pub fn new(tool: impl Tool + 'static, retries: u32) -> Result<Self, NotRepeatable> {
        let spec = tool.spec();
        match (spec.idempotent || spec.read_only) && spec.targets.is_empty() {
            true => Ok(Self { tool: Arc::new(tool), retries, first_wait: Duration::from_millis(200) }),
            false => Err(NotRepeatable { tool: spec.name.clone(), targets: spec.targets.clone() }),
        }
    }

    /// A delegation becomes an error result: what the other agent does could not be retried, and nobody would notice.
    fn undelegated(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Delegate { to, .. } => Outcome::error(format!(
                "not delegated to {to:?}: calls of {:?} are made again when they fail, and a delegation is not",
                self.tool.spec().name
            )),
            outcome => outcome,
        }
    }

    /// How long to wait before the first retry; 0.2 s if this is not called. Each further wait is twice as long.
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
