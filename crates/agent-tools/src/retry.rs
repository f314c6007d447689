//! Tools whose calls are made again when they fail.

use std::{fmt, sync::Arc, time::Duration};

use agent_core::{Context, Conversation, Json, Outcome, Request, Tool, ToolSpec, agent::Rules, async_trait};

/// Makes a failed call of a tool again, for one that may be called twice: it is marked
/// [`idempotent`](ToolSpec::idempotent) or [`read_only`](ToolSpec::read_only).
///
/// Each attempt that fails is told of as the call's progress, with its reason; the model reads what the last one
/// says. All attempts are one call: the tool's timeout is for all of them together, and it holds its permits and its
/// turn in between, too, but no thread.
///
/// ```
/// use agent_tools::{FnTool, Retry};
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Page { url: String }
///
/// let fetch = FnTool::new("fetch", "Reads a page.", |page: Page| Err::<(), _>(format!("no way to {}", page.url)));
/// let fetch = Retry::new(fetch.read_only(), 2)?;
/// # Ok::<(), agent_tools::NotRepeatable>(())
/// ```
pub struct Retry {
    tool: Arc<dyn Tool>,
    retries: u32,
    first_wait: Duration,
}

/// A tool that can't be called again, for all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("calls of {tool:?} can't be made again: {}", self.why())]
pub struct NotRepeatable {
    /// The tool.
    pub tool: String,
    /// The agents that its calls lead to, if that is why.
    pub targets: Vec<String>,
}

impl NotRepeatable {
    fn why(&self) -> String {
        match self.targets.as_slice() {
            [] => "mark the tool as `idempotent` or `read_only` if they may".to_owned(),
            targets => format!(
                "they lead to other agents ({}), whose tools can be retried instead, and whose models",
                targets.join(", ")
            ),
        }
    }
}

impl Retry {
    /// Makes a failed call again, so often at most, after 0.2 s, 0.4 s, 0.8 s, …
    ///
    /// A tool whose calls lead to other agents is an error, too: the call is no more than the beginning of what they do.
    pub fn new(tool: impl Tool + 'static, retries: u32) -> Result<Self, NotRepeatable> {
        let spec = tool.spec();
        match (spec.idempotent || spec.read_only) && spec.targets.is_empty() {
            true => Ok(Self { tool: Arc::new(tool), retries, first_wait: Duration::from_millis(200) }),
            false => Err(NotRepeatable { tool: spec.name.clone(), targets: spec.targets.clone() }),
        }
    }

    /// What another agent would do could not be retried, and nobody would be told.
    fn undelegated(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Delegate { to, .. } => Outcome::error(format!(
                "not delegated to {to:?}: calls of {:?} are made again when they fail, and a delegation is not",
                self.tool.spec().name
            )),
            outcome => outcome,
        }
    }

    /// The wait before the first retry, which doubles with each; by default 0.2 s.
    pub fn first_wait(mut self, wait: Duration) -> Self {
        self.first_wait = wait;
        self
    }
}

#[async_trait]
impl Tool for Retry {
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

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry").field("tool", &self.tool.spec().name).field("retries", &self.retries).finish()
    }
}
