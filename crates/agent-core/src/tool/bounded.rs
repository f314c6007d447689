//! Limits the size of tool results.

use std::sync::Arc;

use tokio::time::Instant;

use crate::{
    Content, Context, Conversation, DelegationLimits, Json, Outcome, Request, Rules, Tool, ToolSpec,
    async_trait,
};

/// A wrapper that cuts the results of a tool if they are too long, and says so. It asks for the
/// tool's spec once, when the agent is built, because `spec` is foreign code and must not run
/// during a run.
pub(crate) struct Bounded {
    tool: Arc<dyn Tool>,
    spec: ToolSpec,
    max_bytes: usize,
}

impl Bounded {
    pub(crate) fn new(tool: Arc<dyn Tool>, spec: ToolSpec, max_bytes: usize) -> Self {
        Self { tool, spec, max_bytes }
    }
}

impl Bounded {
    /// Passes the limits of the tool on to the delegation, or refuses it if they can't hold there.
    fn delegated(&self, to: String, task: Content, began: Instant) -> Outcome {
        let ToolSpec { name, permits, timeout, budget, .. } = &self.spec;
        if permits.is_some() {
            // Agents that wait for other agents would hold permits which these may need.
            return Outcome::error(format!(
                "not delegated to {to:?}: the tool {name:?} has permits, and a tool with permits can't delegate"
            ));
        }
        let limits = DelegationLimits {
            max_result_bytes: Some(self.max_bytes),
            timeout: *timeout,
            time_left: timeout.map(|limit| limit.saturating_sub(began.elapsed())),
            budget: budget.clone().map(Box::new),
        };
        Outcome::Delegate { to, task, limits: limits.into() }
    }
}

#[async_trait]
impl Tool for Bounded {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, input: Json, context: Context) -> Outcome {
        let began = Instant::now();
        match (*self.tool).call(input, context).await {
            Outcome::Delegate { to, task, .. } => self.delegated(to, task, began),
            other => other.map_result(|content| content.truncated(self.max_bytes)),
        }
    }

    fn introduce(&self, conversation: &Conversation, request: Request, rules: &dyn Rules) -> Request {
        self.tool.introduce(conversation, request, rules)
    }
}
