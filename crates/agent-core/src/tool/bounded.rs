//! Limits the size of tool results.

use std::sync::Arc;

use tokio::time::Instant;

use crate::{
    Context, Conversation, DelegationLimits, Json, Outcome, Request, Rules, Tool, ToolSpec, async_trait,
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
    /// The limits of the tool, for what it delegates. The error says why they can't hold there.
    fn limits(&self, began: Instant) -> Result<Box<DelegationLimits>, String> {
        let ToolSpec { name, permits, timeout, budget, .. } = &self.spec;
        if permits.is_some() {
            // Agents that wait for other agents would hold permits which these may need.
            return Err(format!("the tool {name:?} has permits, and a tool with permits can't delegate"));
        }
        let limits = DelegationLimits {
            max_result_bytes: Some(self.max_bytes),
            timeout: *timeout,
            time_left: timeout.map(|limit| limit.saturating_sub(began.elapsed())),
            budget: budget.clone().map(Box::new),
            calls_in_reply: None,
        };
        Ok(limits.into())
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
            Outcome::Delegate { to, task, .. } => match self.limits(began) {
                Ok(limits) => Outcome::Delegate { to, task, limits },
                Err(why) => Outcome::error(format!("not delegated to {to:?}: {why}")),
            },
            Outcome::Plan { plan, .. } => match self.limits(began) {
                Ok(limits) => Outcome::Plan { plan, limits },
                Err(why) => Outcome::error(format!("the plan is not carried out: {why}")),
            },
            other => other.map_result(|content| content.truncated(self.max_bytes)),
        }
    }

    fn input_is_plan(&self) -> bool {
        self.tool.input_is_plan()
    }

    fn introduce(&self, conversation: &Conversation, request: Request, rules: &dyn Rules) -> Request {
        self.tool.introduce(conversation, request, rules)
    }
}
